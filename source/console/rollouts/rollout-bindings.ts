import type {RolloutEntry} from '../../engine/rollouts/rollout-verbs.js';
import type {RolloutAct} from '../commands/rollouts.js';
import {step} from '../model.js';
import {push, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {RolloutScreen} from '../screens/rollout.js';
import {rolloutCheckScreen} from '../screens/rollout-check.js';
import {serverJournalScreen} from '../screens/server-journal.js';
import {takeOverScreen} from '../screens/take-over.js';
import {askAct} from './ask-act.js';
import {isAtWork, serverName} from './describe-rollout.js';
import {chosenItem, chosenServer} from './rollout-lists.js';

/** What an operator decides of a rollout, and where else its screen leads. */
export const rolloutBindings: ScreenDefinition<RolloutScreen>['bindings'] = [
  {
    keys: ['a'],
    label: 'approve',
    description: 'Approve the wave whose gate waits, in your name, and go on',
    disabledBecause: (_model, {entry: {value}}) =>
      value === undefined
        ? notThere
        : gateOf(value) === undefined
          ? 'no gate waits for an approval'
          : undefined,
    run: (model, screen) => {
      const entry = screen.entry.value!;
      return step(askAct(model, screen.id, entry, {kind: 'approve', wave: gateOf(entry)!}));
    },
  },
  act('p', 'pause', 'Start nothing more; servers at work finish', {kind: 'pause'}, entry =>
    isAtWork(entry) ? undefined : `it is ${entry.status}`,
  ),
  act(
    'R',
    'resume',
    'Go on with a rollout that is paused, interrupted or stopped',
    goOn(false),
    notResumable,
  ),
  act(
    'A',
    'abort',
    'Start nothing more and take back what is at work and not decided for, after its name was typed',
    {kind: 'abort'},
    entry => (entry.status === 'planned' || entry.status === 'done' ? `it is ${entry.status}` : undefined),
  ),
  {
    keys: ['b'],
    label: 'roll back',
    description: 'Bring the server under the cursor back to the version before, after its name was typed',
    disabledBecause: (model, screen) => {
      const entry = screen.entry.value;
      if (entry === undefined) return notThere;
      if (isAtWork(entry)) return 'the rollout is at work; p pauses it';
      if (screen.pane !== 'servers') return 'Tab goes to the servers';
      const server = chosenServer(model, screen);
      return server?.state === 'done' ? undefined : 'only a server that is done can go back';
    },
    run: (model, screen) => {
      const servers = [serverName(chosenServer(model, screen)!)];
      return step(askAct(model, screen.id, screen.entry.value!, {kind: 'roll-back', servers}));
    },
  },
  act(
    'B',
    undefined,
    'Bring all servers that are done back to the version before',
    {kind: 'roll-back'},
    entry =>
      isAtWork(entry)
        ? 'the rollout is at work; p pauses it'
        : entry.servers.some(({state}) => state === 'done')
          ? undefined
          : 'no server has the new version',
  ),
  {
    keys: ['enter', 'right', 'l'],
    label: 'journal',
    description: 'How the update of the server under the cursor goes, step by step',
    disabledBecause: (model, screen) => {
      if (screen.pane !== 'servers') return 'Tab goes to the servers';
      const server = chosenServer(model, screen);
      if (server === undefined) return 'there is no server';
      return server.state === 'waiting' ? 'it has not begun its update yet' : undefined;
    },
    run: (model, screen) =>
      step(push(model, serverJournalScreen(screen.name, serverName(chosenServer(model, screen)!)))),
  },
  {
    keys: [' '],
    label: 'tick',
    description:
      'Tick the item of the checklist under the cursor, or take the tick back; others tick themselves',
    disabledBecause: (model, screen) => {
      if (screen.pane !== 'checklist') return 'Tab goes to the checklist';
      const item = chosenItem(model, screen);
      if (item === undefined) return 'there is no item';
      return item.number === undefined ? 'it ticks itself as the rollout goes on' : undefined;
    },
    run: (model, screen) => {
      const {number, state} = chosenItem(model, screen)!;
      return step(model, {
        type: 'tick-rollout',
        screen: screen.id,
        name: screen.name,
        item: number!,
        done: state !== 'done',
      });
    },
  },
  act('s', 'start', 'Freeze the waves and begin, after a question', {kind: 'start'}, entry =>
    entry.status === 'planned' ? undefined : `it is ${entry.status}; R goes on`,
  ),
  act('t', 'retry', 'Go on, and try servers again that failed or were rolled back', goOn(true), entry =>
    entry.failures === 0
      ? (notResumable(entry) ?? 'no server failed')
      : entry.status === 'done'
        ? undefined
        : notResumable(entry),
  ),
  {
    keys: ['c'],
    label: 'check',
    description: 'The preflight of every server: rights, space, signature, version; changes nothing',
    run: (model, screen) => step(push(model, rolloutCheckScreen(screen.name))),
  },
  {
    keys: ['T'],
    description: 'Take servers over from another rollout that holds them, by the id of its lock',
    disabledBecause: (_model, {entry: {value}}) => (value === undefined ? notThere : notResumable(value)),
    run: (model, screen) => step(push(model, takeOverScreen(screen.name))),
  },
  {
    keys: ['e'],
    label: 'export',
    description: 'Write the checklist and the servers to a file, as Markdown',
    run: (model, screen) => step(model, {type: 'export-checklist', name: screen.name}),
  },
  {
    keys: ['tab', 'shift-tab'],
    description: 'Switch between servers and checklist',
    run: (model, screen) =>
      step(replaceScreen(model, {...screen, pane: screen.pane === 'servers' ? 'checklist' : 'servers'})),
  },
];

const notThere = 'the rollout is not loaded yet';

function goOn(retry: boolean): RolloutAct {
  return {kind: 'resume', retry};
}

/** A key that decides something about the rollout, after a question. */
function act(
  key: string,
  label: string | undefined,
  description: string,
  what: RolloutAct,
  whyNot: (entry: RolloutEntry) => string | undefined,
): ScreenDefinition<RolloutScreen>['bindings'][number] {
  return {
    keys: [key],
    ...(label === undefined ? {} : {label}),
    description,
    disabledBecause: (_model, {entry: {value}}) => (value === undefined ? notThere : whyNot(value)),
    run: (model, screen) => step(askAct(model, screen.id, screen.entry.value!, what)),
  };
}

function notResumable({status}: RolloutEntry): string | undefined {
  if (status === 'planned') return 'it has not been started; s starts it';
  return status === 'running' || status === 'done' ? `it is ${status}` : undefined;
}

function gateOf({status, pausedFor}: RolloutEntry): number | undefined {
  return status === 'paused' && pausedFor?.kind === 'gate' ? pausedFor.wave : undefined;
}
