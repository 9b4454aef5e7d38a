import type {RolloutServer} from '../../core/rollout-event.js';
import type {RolloutEntry} from '../../engine/rollouts/rollout-verbs.js';
import {formatDuration} from '../format.js';
import type {Model} from '../model.js';
import type {Marker} from '../view/lines.js';

/** Short texts about rollouts that several screens use. */

export function markerOfRollout({status}: Pick<RolloutEntry, 'status'>): Marker {
  switch (status) {
    case 'planned':
      return 'wait';
    case 'running':
      return 'run';
    case 'done':
      return 'ok';
    case 'paused':
    case 'aborted':
      return 'warn';
    case 'failed':
    case 'attention':
      return 'fail';
  }
}

export function markerOfServer({state}: Pick<RolloutServer, 'state'>): Marker {
  switch (state) {
    case 'waiting':
      return 'wait';
    case 'running':
      return 'run';
    case 'done':
      return 'ok';
    case 'rolled-back':
    case 'aborted':
      return 'warn';
    case 'failed':
    case 'attention':
      return 'fail';
  }
}

/** `run  running, asked to pause` */
export function statusText(entry: RolloutEntry): string {
  const {status, wanted, pausedFor} = entry;
  const asked = status === 'running' && wanted !== 'run' ? `, asked to ${wanted}` : '';
  const gate = status === 'paused' && pausedFor?.kind === 'gate' ? ', waits for approval' : '';
  return `${markerOfRollout(entry).padEnd(5)}${status}${asked}${gate}`;
}

export function isAtWork(entry: RolloutEntry): boolean {
  return entry.status === 'running';
}

/** The wave at work, or the next one; undefined when all have settled. */
export function currentWave(entry: RolloutEntry): number | undefined {
  const open = entry.servers.filter(({state}) => state === 'running' || state === 'waiting');
  return open.length === 0 ? undefined : Math.min(...open.map(({wave}) => wave));
}

/** `wave 2 of 3   failures 0 of 1 allowed` */
export function waveText(entry: RolloutEntry): string {
  const wave = currentWave(entry);
  const waves = wave === undefined ? `${entry.waves.length} waves` : `wave ${wave} of ${entry.waves.length}`;
  return `${waves}   failures ${entry.failures} of ${entry.failuresAllowed} allowed`;
}

/** `wave 2 half`; a wave without a name of its own is its number. */
export function waveName(number: number, name: string | undefined): string {
  return name === undefined || name === `wave ${number}` ? `wave ${number}` : `wave ${number} ${name}`;
}

export function serverName({server, site}: Pick<RolloutServer, 'server' | 'site'>): string {
  return `${server}/${site}`;
}

/** How long the update of a server took, or has taken so far. */
export function tookText({startedAt, endedAt}: RolloutServer, model: Model): string {
  if (startedAt === undefined) return '-';
  const end = endedAt === undefined ? model.now : Date.parse(endedAt);
  return formatDuration(Math.max(0, end - Date.parse(startedAt)));
}

/** Rollouts that are being carried out. */
export function rolloutsAtWork(model: Model): readonly RolloutEntry[] {
  return (model.data.rollouts.value ?? []).filter(isAtWork);
}

/** Rollouts that need a person, one line each. */
export function rolloutsInNeed(model: Model): readonly string[] {
  return (model.data.rollouts.value ?? [])
    .filter(
      ({status, pausedFor}) =>
        status === 'attention' ||
        status === 'failed' ||
        (status === 'paused' && pausedFor?.kind !== 'operator' && pausedFor?.kind !== 'window'),
    )
    .map(entry => `rollout ${entry.name}: ${statusText(entry)}`);
}
