import type {Profile} from '../../core/profile.js';
import type {Binding} from '../bindings.js';
import {arrowOf, relationshipOf} from '../describe.js';
import {formatTime} from '../format.js';
import {emptyList, type ListState} from '../list.js';
import {type Model, step} from '../model.js';
import {push, replaceScreen} from '../navigate.js';
import {initialProfile, previewScreen} from '../preview/preview-screen.js';
import {askDeletion, askProfileDeletion, askRun} from '../relationship/ask.js';
import {
  chosenProfile,
  chosenRun,
  loggedRun,
  noProfile,
  profileList,
  runsOf,
  toneOfProfile,
} from '../relationship/relationship-lists.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList, listOverhead} from '../view/draw-list.js';
import {type Block, bold, dim, line} from '../view/lines.js';
import {splitPanes} from '../view/split-panes.js';
import {collisionsScreen} from './collisions.js';
import {connectionsScreen} from './connections.js';
import {historyScreen} from './history.js';
import {logScreen} from './log.js';
import {pickerScreen} from './picker.js';
import {plansScreen} from './plans.js';
import {copyOf, profileFormScreen} from './profile-form.js';
import {openRun} from './runs.js';
import {selectionProblem} from './selection.js';

export type RelationshipScreen = {
  readonly kind: 'relationship';
  readonly id: number;
  readonly relationship: string;
  readonly pane: 'profiles' | 'runs';
  readonly profiles: ListState;
  readonly runs: ListState;
};

export function relationshipScreen(relationship: string): Omit<RelationshipScreen, 'id'> {
  return {kind: 'relationship', relationship, pane: 'profiles', profiles: emptyList, runs: emptyList};
}

type Relationship = RelationshipScreen;

/** One relationship: its profiles above, its last runs below. */
export const relationship: ScreenDefinition<Relationship> = {
  title: screen => screen.relationship,
  context: (screen, model) => {
    const entry = relationshipOf(model, screen.relationship);
    if (entry === undefined) return {left: line(dim(' ...'))};
    const initial =
      entry.initialSync === undefined
        ? 'no initial sync yet'
        : `initial sync ${formatTime(entry.initialSync.at, model.now, model.time)}`;
    return {
      left: line(
        bold(` ${entry.local.server}`),
        ` / ${entry.local.site}   ${arrowOf(entry.initial)}   `,
        bold(entry.remote.server),
        ` / ${entry.remote.site}`,
      ),
      right: line(dim(`${initial} `)),
    };
  },
  needs: ['relationships', 'profiles', 'runs'],
  list: (screen, model) =>
    screen.pane === 'profiles'
      ? {
          spec: profileList(model, screen),
          state: screen.profiles,
          put: (before, profiles) => ({...before, profiles}),
        }
      : {spec: runsOf(model, screen), state: screen.runs, put: (before, runs) => ({...before, runs})},
  pageRows: (screen, model) => {
    const panes = panesOf(screen, model, model.rows - 4);
    return Math.max(1, (screen.pane === 'profiles' ? panes.upper : panes.lower) - listOverhead);
  },
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Preview the profile under the cursor, or open the run under the cursor',
      disabledBecause: (model, screen) =>
        screen.pane === 'profiles'
          ? noProfile(model, screen)
          : chosenRun(model, screen)
            ? undefined
            : 'there is no run yet',
      run: (model, screen) =>
        screen.pane === 'profiles'
          ? step(push(model, previewScreen(screen.relationship, chosenProfile(model, screen)!.name)))
          : openRun(model, chosenRun(model, screen)!),
    },
    ...onProfile({
      keys: ['p'],
      label: 'preview',
      description: 'Show what the next run of the profile would change; read-only',
      run: (model, screen, profile) => step(push(model, previewScreen(screen.relationship, profile.name))),
    }),
    ...onProfile({
      keys: ['r'],
      label: 'run',
      description: 'Run the profile now',
      run: (model, screen, profile) => step(askRun(model, screen.relationship, profile)),
    }),
    {
      keys: ['s'],
      label: 'pick',
      description: 'Pick content, folders or files in a tree and sync just those with the profile',
      disabledBecause: (model, screen) =>
        screen.pane === 'profiles'
          ? (noProfile(model, screen) ??
            selectionProblem(chosenProfile(model, screen)) ??
            (relationshipOf(model, screen.relationship) ? undefined : 'the relationship is not loaded yet'))
          : 'the cursor is on a run; Tab goes to the profiles',
      run: (model, screen) =>
        step(
          push(
            model,
            pickerScreen(
              screen.relationship,
              chosenProfile(model, screen)!.name,
              relationshipOf(model, screen.relationship)!.local,
            ),
          ),
        ),
    },
    ...onProfile({
      keys: ['e'],
      label: 'edit',
      description: 'Edit the profile',
      run: (model, _screen, profile) => step(push(model, profileFormScreen(model, profile, 'edit'))),
    }),
    {
      keys: ['n'],
      label: 'new',
      description: 'Describe a new kind of sync for this relationship',
      run: (model, screen) =>
        step(push(model, profileFormScreen(model, {relationship: screen.relationship}, 'create'))),
    },
    ...onProfile({
      keys: ['y'],
      description: 'Copy the profile into a new one',
      run: (model, _screen, profile) =>
        step(push(model, profileFormScreen(model, copyOf(profile), 'create'))),
    }),
    {
      keys: ['T'],
      description: 'Try every connection that this relationship lives by; each failure says what to do',
      run: (model, screen) => step(push(model, connectionsScreen(screen.relationship))),
    },
    {
      keys: ['P'],
      description: 'Plans that previews saved: look, run exactly so, delete',
      run: model => step(push(model, plansScreen())),
    },
    {
      keys: ['i'],
      label: 'initial sync',
      description: 'Show what making the destination a mirror of the source would do; r there starts it',
      run: (model, screen) =>
        step(push(model, previewScreen(screen.relationship, initialProfile, {initial: true}))),
    },
    {
      keys: ['c'],
      label: 'collisions',
      description: 'Rows that were renamed because two had one name',
      run: model => step(push(model, collisionsScreen())),
    },
    {
      keys: ['L'],
      label: 'log',
      description: 'Log of the last run of this profile, or of the run under the cursor',
      disabledBecause: (model, screen) => (loggedRun(model, screen) ? undefined : 'it never ran'),
      run: (model, screen) => step(push(model, logScreen(loggedRun(model, screen)!.runId))),
    },
    {
      keys: ['H'],
      label: 'history',
      description: 'What runs changed at the two sites; old versions can be restored',
      disabledBecause: (model, screen) =>
        relationshipOf(model, screen.relationship) ? undefined : 'the relationship is not loaded yet',
      run: (model, screen) => step(push(model, historyScreen(relationshipOf(model, screen.relationship)!))),
    },
    {
      keys: ['tab', 'shift-tab'],
      description: 'Switch between profiles and runs',
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, pane: screen.pane === 'profiles' ? 'runs' : 'profiles'})),
    },
    ...onProfile({
      keys: ['D'],
      description: 'Delete the profile under the cursor; its logs stay',
      run: (model, screen, profile) => step(askProfileDeletion(model, screen.relationship, profile.name)),
    }),
    {
      keys: ['X'],
      description: 'Delete this relationship with its profiles; the sites are not touched',
      run: (model, screen) => step(askDeletion(model, screen.relationship)),
    },
  ],
  draw: (screen, model, area): readonly Block[] => {
    const panes = panesOf(screen, model, area.height);
    return [
      ...drawList(
        profileList(model, screen),
        screen.profiles,
        {
          caption: 'profiles',
          source: model.data.profiles,
          empty: ['No profiles yet. n describes one; i (initial sync) makes one by itself.'],
          tone: row => toneOfProfile(model, row),
          active: screen.pane === 'profiles',
        },
        model,
        {width: area.width, height: panes.upper},
      ),
      ...drawList(
        runsOf(model, screen),
        screen.runs,
        {
          caption: 'last runs',
          source: model.data.runs,
          empty: ['Nothing ran yet. p previews a profile, r runs it.'],
          active: screen.pane === 'runs',
        },
        model,
        {width: area.width, height: panes.lower},
      ),
    ];
  },
};

function onProfile(binding: {
  keys: Binding['keys'];
  label?: string;
  description: string;
  run(model: Model, screen: Relationship, profile: Profile): ReturnType<Binding['run']>;
}): readonly Binding<Relationship>[] {
  return [
    {
      ...binding,
      disabledBecause: (model, screen) =>
        screen.pane === 'profiles'
          ? noProfile(model, screen)
          : 'the cursor is on a run; Tab goes to the profiles',
      run: (model, screen) => binding.run(model, screen, chosenProfile(model, screen)!),
    },
  ];
}

function panesOf(screen: Relationship, model: Model, height: number) {
  const rows = [profileList(model, screen).rows.length, runsOf(model, screen).rows.length] as const;
  return splitPanes(height, rows, screen.pane === 'profiles' ? 'upper' : 'lower');
}
