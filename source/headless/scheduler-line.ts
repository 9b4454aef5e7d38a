import {countOf} from '../core/count-of.js';
import type {SchedulerEvent} from '../engine/engine.js';
import {nameOfStarter} from '../engine/scheduler/schedules.js';
import {formatDuration, formatTime} from './format.js';

/** Less than this is not worth saying that it was late, milliseconds. */
const punctualMs = 10_000;

/** An event of the scheduler as a line for people and for a service's log; times are UTC. */
export function lineOfSchedulerEvent(event: SchedulerEvent): string {
  return `${formatTime(event.at)}  ${wordsOf(event)}`;
}

function wordsOf(event: SchedulerEvent): string {
  switch (event.type) {
    case 'scheduler.started': {
      const next =
        event.next === undefined
          ? ''
          : `; next ${nameOfStarter(event.next)} at ${event.next.local} ${event.next.zone}`;
      return `scheduler of ${event.home} is at work, process ${event.pid}: ${countOf(event.scheduled, 'schedule')}${next}`;
    }
    case 'scheduler.run-started':
      return `start    ${nameOfStarter(event)}${event.runId === '' ? '' : `  run ${event.runId}`}${event.lateMs < punctualMs ? '' : `, ${formatDuration(event.lateMs)} late`}${event.verify ? ', comparing everything' : ''}`;
    case 'scheduler.rollout-started':
      return `start    rollout ${event.rollout}${event.rolloutId === '' ? '' : `  ${event.rolloutId}`}`;
    case 'scheduler.rollout-failed':
      return `failed   rollout ${event.rollout}: ${event.error.code}: ${event.error.message}`;
    case 'scheduler.missed':
      return `missed   ${nameOfStarter(event)}: ${event.count === 1 ? 'the start' : `${event.count} starts, the last`} of ${formatTime(event.due)} UTC; ${event.runsNow ? 'it runs once now' : 'it waits for its next one'}`;
    case 'scheduler.start-failed':
      return `failed   ${nameOfStarter(event)}: ${event.error.code}: ${event.error.message}`;
    case 'scheduler.run-finished':
      return `end      run ${event.runId}: ${event.status}${event.error === undefined ? '' : `, ${event.error.code}: ${event.error.message}`}`;
    case 'scheduler.clock':
      return `clock    went ${event.jumpMs > 0 ? 'forward' : 'back'} by ${formatDuration(Math.abs(event.jumpMs))}: it was set, or the machine slept`;
    case 'scheduler.message':
      return `         ${event.message}`;
    case 'scheduler.finished':
      return `scheduler ended: ${event.started} started, ${event.missed} missed, ${event.failed} could not be started; what runs goes on`;
  }
}
