import type {RolloutEntry} from '../../engine/rollouts/rollout-verbs.js';
import type {Command} from '../command.js';
import {emptyList, type ListState} from '../list.js';
import {type Model, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import {isAtWork, markerOfServer, waveText} from '../rollouts/describe-rollout.js';
import {drawRolloutHead} from '../rollouts/draw-rollout-head.js';
import {rolloutBindings} from '../rollouts/rollout-bindings.js';
import {checklistOf, chosenServer, serverList} from '../rollouts/rollout-lists.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {type Loadable, notLoaded} from '../shared-data.js';
import {drawList, listOverhead} from '../view/draw-list.js';
import {bold, dim, line, toneOfMarker} from '../view/lines.js';
import {splitPanes} from '../view/split-panes.js';
import {restEveryMs, watchEveryMs} from './rollouts.js';

export type RolloutScreen = {
  readonly kind: 'rollout';
  readonly id: number;
  readonly name: string;
  readonly pane: 'servers' | 'checklist';
  readonly servers: ListState;
  readonly checklist: ListState;
  readonly entry: Loadable<RolloutEntry>;
};

export function rolloutScreen(name: string): Omit<RolloutScreen, 'id'> {
  return {kind: 'rollout', name, pane: 'servers', servers: emptyList, checklist: emptyList, entry: notLoaded};
}

/** A rollout: waves and servers, gates, the checklist, and what an operator decides (U16). */
export const rollout: ScreenDefinition<RolloutScreen> = {
  title: screen => screen.name,
  context: screen => {
    const entry = screen.entry.value;
    if (entry === undefined) return {left: line(bold(` ${screen.name}`))};
    return {
      left: line(bold(` ${entry.release}`), dim(`   ${entry.window ?? 'any time'}`)),
      right: line(`${waveText(entry)} `),
    };
  },
  needs: [],
  refresh: (screen, model) => {
    if (screen.entry.loading) return step(model);
    const entry = {...screen.entry, loading: true};
    return step(replaceScreen(model, {...screen, entry}), show(screen));
  },
  refreshEveryMs: screen =>
    screen.entry.value !== undefined && isAtWork(screen.entry.value) ? watchEveryMs : restEveryMs,
  list: (screen, model) =>
    screen.pane === 'servers'
      ? {
          spec: serverList(screen.entry.value, model),
          state: screen.servers,
          put: (before, servers) => ({...before, servers}),
        }
      : {
          spec: checklistOf(screen.entry.value, model),
          state: screen.checklist,
          put: (before, list) => ({...before, checklist: list}),
        },
  pageRows: (screen, model) => {
    const panes = panesOf(screen, model.rows - frameHeight - headOf(screen, model, model.columns).length);
    return Math.max(1, (screen.pane === 'servers' ? panes.upper : panes.lower) - listOverhead);
  },
  bindings: rolloutBindings,
  receive: (screen, model, answer) => {
    if (answer.kind === 'rollout-shown') {
      const entry = {loading: false, value: answer.entry, at: answer.at};
      return step(replaceScreen(withEntry(model, answer.entry), {...screen, entry}));
    }
    return answer.kind === 'fault'
      ? step(replaceScreen(model, {...screen, entry: {...screen.entry, loading: false, fault: answer.fault}}))
      : step(model);
  },
  draw: (screen, model, area) => {
    const head = headOf(screen, model, area.width);
    const panes = panesOf(screen, area.height - head.length);
    return [
      {kind: 'lines', lines: head},
      ...drawList(
        serverList(screen.entry.value, model),
        screen.servers,
        {
          caption: 'servers',
          source: screen.entry,
          empty: ['No servers: the cluster of the rollout has none any more.'],
          tone: row => toneOfMarker(markerOfServer(row)),
          active: screen.pane === 'servers',
        },
        model,
        {width: area.width, height: panes.upper},
      ),
      ...drawList(
        checklistOf(screen.entry.value, model),
        screen.checklist,
        {
          caption: 'checklist',
          // What is wrong is said once, above the servers.
          source: withoutFault(screen.entry),
          empty: ['The checklist is empty.'],
          tone: row => (row.state === 'done' ? 'ok' : row.state === 'failed' ? 'fail' : undefined),
          active: screen.pane === 'checklist',
        },
        model,
        {width: area.width, height: panes.lower},
      ),
    ];
  },
};

/** Header, palette and lists say of a rollout what its screen says. */
function withEntry(model: Model, entry: RolloutEntry): Model {
  const {rollouts} = model.data;
  if (rollouts.value === undefined) return model;
  const value = rollouts.value.map(other => (other.name === entry.name ? entry : other));
  return {...model, data: {...model.data, rollouts: {...rollouts, value}}};
}

function withoutFault({fault: _said, ...rest}: Loadable<RolloutEntry>): Loadable<RolloutEntry> {
  return rest;
}

function show({id, name}: RolloutScreen): Command {
  return {type: 'show-rollout', screen: id, name};
}

/** Header, context, message and footer. */
const frameHeight = 4;

/** @param height lines for both lists together */
function panesOf({entry: {value}, pane}: RolloutScreen, height: number) {
  const rows = [value?.servers.length ?? 0, value?.checklist.length ?? 0] as const;
  return splitPanes(height, rows, pane === 'servers' ? 'upper' : 'lower');
}

function headOf(screen: RolloutScreen, model: Model, width: number) {
  return drawRolloutHead(screen.entry.value, chosenServer(model, screen), model, width);
}
