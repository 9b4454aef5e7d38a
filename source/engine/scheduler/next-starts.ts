import {handledUntil} from '../../core/due-start.js';
import {parseWindow} from '../../core/rollout-window.js';
import {nextStart, parseSchedule} from '../../core/schedule.js';
import type {State} from '../../state/state.js';
import type {ScheduledStart} from '../engine.js';
import {startersOf} from './schedules.js';

/** The next `count` starts of all profiles, live syncs and rollouts together, soonest first; one that is due comes first. */
export function nextStarts(state: State, nowMs: number, count: number): ScheduledStart[] {
  return [...rolloutStarts(state), ...repeatedStarts(state, nowMs, count)]
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
    .slice(0, count);
}

/** Rollouts that the scheduler starts, or goes on with, when their window opens (U1): once, then it is laid down anew. */
function rolloutStarts({rollouts = []}: State): ScheduledStart[] {
  return rollouts.flatMap(({name, dueAt, window}) => {
    if (dueAt === undefined || window === undefined) return [];
    const {text, opens} = parseWindow(window);
    return {
      ...{relationship: '', profile: '', rollout: name, at: dueAt, schedule: text, missed: 'run' as const},
      ...{local: localTime(Date.parse(dueAt), opens.zone), zone: opens.zone},
    };
  });
}

function repeatedStarts(state: State, nowMs: number, count: number): ScheduledStart[] {
  const upcoming = [...startersOf(state)].flatMap(({entry, ...about}) => {
    if (entry.schedule === undefined) return [];
    const schedule = parseSchedule(entry.schedule);
    const handledMs = handledUntil(Date.parse(entry.scheduling?.handled ?? ''), nowMs);
    return [{about, entry, schedule, nextMs: nextStart(schedule, Math.max(nowMs, handledMs || nowMs))}];
  });
  const found: ScheduledStart[] = [];
  while (found.length < count) {
    let soonest: (typeof upcoming)[number] | undefined;
    for (const entry of upcoming)
      if (entry.nextMs !== undefined && entry.nextMs < (soonest?.nextMs ?? Number.POSITIVE_INFINITY))
        soonest = entry;
    if (soonest?.nextMs === undefined) return found;
    const {about, entry, schedule, nextMs} = soonest;
    found.push({
      ...about,
      at: new Date(nextMs).toISOString(),
      local: localTime(nextMs, schedule.zone),
      zone: schedule.zone,
      schedule: entry.schedule!,
      missed: entry.missed ?? 'skip',
    });
    soonest.nextMs = nextStart(schedule, nextMs);
  }
  return found;
}

/** A moment as a zone's clock shows it, with its offset (ISO 8601): `2026-12-01T02:00:00+01:00`. */
export function localTime(ms: number, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  }).formatToParts(ms);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find(found => found.type === type)?.value ?? '';
  const offset = part('timeZoneName').replace('GMT', '') || '+00:00';
  return `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}${offset}`;
}
