import type {ChecklistItem} from '../../core/rollout-checklist.js';
import type {RolloutServer} from '../../core/rollout-event.js';
import type {RolloutEntry} from '../../engine/rollouts/rollout-verbs.js';
import {formatTime, timeWidth} from '../format.js';
import {type ListSpec, selectedRow} from '../list.js';
import type {Model} from '../model.js';
import type {RolloutScreen} from '../screens/rollout.js';
import {markerOfServer, serverName, tookText, waveName} from './describe-rollout.js';

const noServers: readonly RolloutServer[] = [];

/** The servers of a rollout with the step that each is at. */
export function serverList(entry: RolloutEntry | undefined, model: Model): ListSpec<RolloutServer> {
  return {
    rows: entry?.servers ?? noServers,
    id: serverName,
    columns: [
      {
        title: 'Wave',
        min: 4,
        sortBy: row => row.wave,
        text: row => waveName(row.wave, entry?.waves[row.wave - 1]?.name).slice('wave '.length),
      },
      {title: 'Server', min: 10, grow: true, text: serverName},
      {title: 'State', min: 10, text: row => `${markerOfServer(row).padEnd(5)}${row.state}`},
      {title: 'Step', min: 7, text: row => (row.state === 'done' ? '-' : (row.step ?? '-'))},
      {title: 'Version', min: 6, text: versionText},
      {title: 'Took', min: 5, align: 'right', optional: 2, text: row => tookText(row, model)},
      {title: 'Remark', min: 8, optional: 3, text: row => row.error?.message ?? row.detail ?? ''},
    ],
  };
}

/** The version that a server has, or the one that it is to have. */
function versionText({state, from, to}: RolloutServer): string {
  if (state === 'done') return to;
  if (state === 'waiting') return `to ${to}`;
  return state === 'running' ? `${from ?? '-'} > ${to}` : (from ?? '-');
}

const noItems: readonly ChecklistItem[] = [];

/** The checklist of a rollout; own items are ticked by people, the others by themselves. */
export function checklistOf(entry: RolloutEntry | undefined, model: Model): ListSpec<ChecklistItem> {
  return {
    rows: entry?.checklist ?? noItems,
    id: row => `${row.kind} ${row.wave ?? ''} ${row.number ?? row.text}`,
    columns: [
      {
        title: '',
        min: 3,
        text: row => (row.state === 'done' ? '[x]' : row.state === 'failed' ? '[!]' : '[ ]'),
      },
      {title: 'Item', min: 20, grow: true, text: row => row.text},
      {title: 'Wave', min: 4, align: 'right', text: row => String(row.wave ?? '-')},
      {title: 'By', min: 4, text: row => row.by ?? (row.kind === 'own' ? 'Space ticks' : '-')},
      {title: 'When', min: timeWidth, optional: 2, text: row => formatTime(row.at, model.now, model.time)},
      {title: 'Detail', min: 8, optional: 3, text: row => row.detail ?? ''},
    ],
  };
}

/** The server under the cursor. */
export function chosenServer(model: Model, screen: RolloutScreen): RolloutServer | undefined {
  return selectedRow(serverList(screen.entry.value, model), screen.servers);
}

/** The item of the checklist under the cursor. */
export function chosenItem(model: Model, screen: RolloutScreen): ChecklistItem | undefined {
  return selectedRow(checklistOf(screen.entry.value, model), screen.checklist);
}
