import type {RelationshipEntry} from '../../engine/engine.js';
import {lastRun, resultText, siteText} from '../describe.js';
import {formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList} from '../view/draw-list.js';
import {dim, line, type Tone} from '../view/lines.js';
import {relationshipScreen} from './relationship.js';
import {wizardScreen} from './wizard.js';

export type RelationshipsScreen = {
  readonly kind: 'relationships';
  readonly id: number;
  readonly list: ListState;
};

export function relationshipsScreen(): Omit<RelationshipsScreen, 'id'> {
  return {kind: 'relationships', list: emptyList};
}

/** All pairs of sites that are kept in step. */
export const relationships: ScreenDefinition<RelationshipsScreen> = {
  title: () => 'relationships',
  context: () => ({left: line(dim(' a relationship keeps a local and a remote site in step'))}),
  needs: ['relationships', 'profiles', 'runs', 'servers'],
  list: (screen, model) => ({
    spec: relationshipList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Open the relationship under the cursor: profiles, last runs, initial sync',
      disabledBecause: (model, screen) =>
        chosen(model, screen) ? undefined : 'there is no relationship in the list',
      run: (model, screen) => step(push(model, relationshipScreen(chosen(model, screen)!.name))),
    },
    {
      keys: ['n'],
      label: 'new relationship',
      description: 'Set up a new relationship in three steps; that starts nothing',
      run: model => step(push(model, wizardScreen(model))),
    },
  ],
  draw: (screen, model, area) =>
    drawList(
      relationshipList(model),
      screen.list,
      {
        caption: 'relationships',
        source: model.data.relationships,
        empty: emptyRelationships(model),
        tone: row => toneOf(model, row),
      },
      model,
      area,
    ),
};

export function emptyRelationships(model: Model): string[] {
  return (model.data.servers.value?.length ?? 0) === 0
    ? [
        'No relationships yet, and no servers to relate.',
        'Press : and choose "add server" first; then n sets up a relationship.',
      ]
    : ['No relationships yet.', 'Press n to set one up in three steps. That starts nothing.'];
}

function toneOf(model: Model, row: RelationshipEntry): Tone | undefined {
  const run = lastRun(model, row.name);
  const result = run === undefined ? '' : resultText(run);
  return result.startsWith('fail') ? 'fail' : result.startsWith('warn') ? 'warn' : undefined;
}

export function relationshipList(model: Model): ListSpec<RelationshipEntry> {
  return {
    rows: model.data.relationships.value ?? [],
    id: row => row.name,
    columns: [
      {title: 'Relationship', min: 10, grow: true, text: row => row.name},
      {title: 'Local', min: 8, text: row => siteText(row.local)},
      {title: 'First sync', min: 6, optional: 3, text: row => row.initial},
      {title: 'Remote', min: 8, text: row => siteText(row.remote)},
      {
        title: 'Profiles',
        optional: 2,
        align: 'right',
        min: 3,
        text: row =>
          model.data.profiles.value === undefined
            ? '...'
            : String(model.data.profiles.value.filter(profile => profile.relationship === row.name).length),
      },
      {
        title: 'Last run',
        min: 8,
        sortBy: row => lastRun(model, row.name)?.startedAt ?? '',
        text: row => {
          const run = lastRun(model, row.name);
          return run === undefined
            ? '-'
            : `${resultText(run)} ${formatTime(run.startedAt, model.now, model.time)}`;
        },
      },
    ],
  };
}

function chosen(model: Model, screen: RelationshipsScreen): RelationshipEntry | undefined {
  return selectedRow(relationshipList(model), screen.list);
}
