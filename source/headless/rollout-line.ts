import {countOf} from '../core/count-of.js';
import type {RolloutEvent, RolloutServer} from '../core/rollout-event.js';
import {formatDuration, formatTime, printable} from './format.js';
import type {Look, Output} from './output.js';

const looks: Readonly<Record<string, Look>> = {
  done: 'good',
  failed: 'bad',
  'rolled-back': 'bad',
  attention: 'bad',
  aborted: 'careful',
  paused: 'careful',
};

/** A state of a rollout or of one of its servers in its colour; the word alone says it too. */
export function lookOfRollout(state: string, output: Output): string {
  const look = looks[state];
  return look === undefined ? state : output.look(look, state);
}

/** Markers that say the same without colour. */
const markers: Readonly<Record<RolloutServer['state'], string>> = {
  waiting: 'wait ',
  running: 'run  ',
  done: 'ok   ',
  failed: 'fail ',
  'rolled-back': 'fail ',
  attention: 'fail ',
  aborted: 'warn ',
};

/** What was rolled back because a person asked for it has no error, and is as it should be. */
function markerOf({state, error}: RolloutServer): string {
  return state === 'rolled-back' && error === undefined ? markers.done : markers[state];
}

/** An event of a rollout as a line for people, with the remedy below it, or undefined for what is not worth one. Times are UTC. */
export function lineOfRolloutEvent(event: RolloutEvent, output: Output): string | undefined {
  switch (event.type) {
    case 'hello':
      return undefined;
    case 'rollout.started': {
      const {rollout, rolloutId, release, servers, waves, kind} = event;
      const what = kind === 'rollback' ? 'taking back ' : '';
      return printable(
        `rollout ${rollout}  ${what}${release}  ${countOf(servers.length, 'server')} in ${countOf(waves.length, 'wave')}  ${rolloutId}`,
      );
    }
    case 'rollout.wave': {
      const {wave, name, state, detail, until} = event;
      if (state === 'started') return printable(name === `wave ${wave}` ? name : `wave ${wave}  ${name}`);
      return printable(
        `wait  before ${name}: ${detail ?? ''}${until === undefined ? '' : ` until ${formatTime(until)} UTC`}`,
      );
    }
    case 'rollout.server': {
      // What to do is said once the server has come to its end.
      const hint = event.state === 'running' ? undefined : event.error?.hint;
      return printable(`${markerOf(event)} ${wordsOf(event)}${hint === undefined ? '' : `\n      ${hint}`}`);
    }
    case 'rollout.message':
      return printable(`${event.level === 'warn' ? 'warn ' : '     '} ${event.text}`);
    case 'rollout.finished':
      return `${lookOfRollout(event.status, output)}  ${printable(event.reason)} (${formatDuration(event.durationMs)})`;
  }
}

function wordsOf({server, site, state, step, detail, from, to, error}: RolloutServer): string {
  const words = [
    `${server}/${site}`,
    state === 'running' ? step : state,
    ...(state === 'done' && from !== undefined ? [`${from} → ${to}`] : []),
    ...(detail === undefined ? [] : [detail]),
    ...(error === undefined ? [] : [`${error.code}: ${error.message}`]),
  ];
  return words.filter(word => word !== undefined && word !== '').join('  ');
}
