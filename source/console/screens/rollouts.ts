import type {RolloutEntry} from '../../engine/rollouts/rollout-verbs.js';
import {formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import {isAtWork, markerOfRollout, statusText} from '../rollouts/describe-rollout.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {dim, line, toneOfMarker} from '../view/lines.js';
import {rolloutScreen} from './rollout.js';
import {rolloutFormScreen} from './rollout-form.js';

export type RolloutsScreen = {readonly kind: 'rollouts'; readonly id: number; readonly list: ListState};

export function rolloutsScreen(): Omit<RolloutsScreen, 'id'> {
  return {kind: 'rollouts', list: emptyList};
}

/** Updating many servers, in waves (U16): everything that is planned, at work or over. */
export const rollouts: ScreenDefinition<RolloutsScreen> = {
  title: () => 'rollouts',
  context: () => ({
    left: line(dim(' servers are updated to a release in waves; ⏎ opens waves and checklist')),
  }),
  needs: ['rollouts', 'releases', 'servers', 'clusters'],
  refresh: (_screen, model) =>
    model.data.rollouts.loading ? step(model) : step(model, {type: 'load', what: 'rollouts'}),
  refreshEveryMs: (_screen, model) =>
    model.data.rollouts.value?.some(isAtWork) ? watchEveryMs : restEveryMs,
  list: (screen, model) => ({
    spec: rolloutList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Waves, servers, gates and checklist of the rollout under the cursor',
      disabledBecause: noRollout,
      run: (model, screen) => step(push(model, rolloutScreen(chosen(model, screen)!.name))),
    },
    {
      keys: ['n'],
      label: 'new',
      description: 'Describe a rollout; that starts nothing',
      disabledBecause: model =>
        !model.data.servers.value?.length
          ? 'there is no server yet; a adds one from the overview'
          : model.data.releases.value?.length
            ? undefined
            : 'there is no release yet; L on the overview adds one',
      run: model => step(push(model, rolloutFormScreen(model))),
    },
    {
      keys: ['D'],
      label: 'delete',
      description: 'Forget the rollout under the cursor; nothing of any server changes',
      disabledBecause: (model, screen) => {
        const entry = chosen(model, screen);
        if (entry === undefined) return noRollout(model, screen);
        if (isAtWork(entry)) return 'it is at work; abort it first';
        return entry.status === 'paused' ? 'it is paused and holds its servers; abort it first' : undefined;
      },
      run: (model, screen) => step(askDeletion(model, chosen(model, screen)!)),
    },
  ],
  draw: (screen, model, area) =>
    drawList(
      rolloutList(model),
      screen.list,
      {
        caption: 'rollouts',
        source: model.data.rollouts,
        empty: ['No rollouts yet. n describes one: a release, servers and waves. That starts nothing.'],
        tone: row => toneOfMarker(markerOfRollout(row)),
      },
      model,
      area,
    ),
};

/** Between two questions while something is at work, and while nothing is, milliseconds. */
export const watchEveryMs = 1000;
export const restEveryMs = 15_000;

const none: readonly RolloutEntry[] = [];

function rolloutList(model: Model): ListSpec<RolloutEntry> {
  return {
    rows: model.data.rollouts.value ?? none,
    id: row => row.name,
    columns: [
      {title: 'Rollout', min: 10, grow: true, text: row => row.name},
      {title: 'Release', min: 8, text: row => row.release},
      {title: 'Status', min: 12, text: statusText},
      {
        title: 'Servers done',
        min: 6,
        align: 'right',
        sortBy: row => doneIn(row) / Math.max(1, row.servers.length),
        text: row => `${doneIn(row)} of ${row.servers.length}`,
      },
      {title: 'Failed', min: 4, align: 'right', optional: 2, text: row => String(row.failures)},
      {title: 'Window', min: 8, optional: 3, text: row => row.window ?? 'any time'},
      {
        title: 'Starts by itself',
        min: 8,
        optional: 4,
        text: row => formatTime(row.dueAt, model.now, model.time),
      },
      {title: 'By', min: 4, optional: 5, text: row => row.startedBy ?? row.createdBy},
    ],
  };
}

function doneIn({servers}: RolloutEntry): number {
  return servers.filter(({state}) => state === 'done').length;
}

function chosen(model: Model, screen: RolloutsScreen): RolloutEntry | undefined {
  return selectedRow(rolloutList(model), screen.list);
}

function noRollout(model: Model, screen: RolloutsScreen): string | undefined {
  return chosen(model, screen) === undefined ? 'there is no rollout in the list' : undefined;
}

function askDeletion(model: Model, {name}: RolloutEntry): Model {
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Delete the rollout ${name}?`,
      effects: [
        ['the rollout', 'is forgotten with its checklist; e in it writes that to a file first'],
        ['its servers', 'are not touched; their agents keep the journals'],
      ],
      typeName: name,
      input: textInput(),
      commands: [{type: 'delete-rollout', name}],
      thenBack: false,
    },
  };
}
