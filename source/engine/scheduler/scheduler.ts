import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {dueStart, handledUntil} from '../../core/due-start.js';
import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import {parseSchedule} from '../../core/schedule.js';
import {followJournal} from '../../state/run-journal.js';
import {tryLock} from '../../system/process-lock.js';
import type {SchedulerEvent, SchedulerTally, SchedulerVerbs} from '../engine.js';
import type {EngineContext} from '../engine-context.js';
import {nextStarts} from './next-starts.js';
import {startersOf} from './schedules.js';
import {createSleep} from './sleep.js';
import {schedulerName, startDue} from './start-due.js';
import {dueRollouts, startDueRollouts} from './start-rollouts.js';

/** A daemon that was there would have started it within this time, milliseconds. */
const attentiveMs = 60_000;
/**
 * A timer does not run while the machine sleeps, and knows nothing of a clock that is set: after this long at most the
 * clock is looked at again, milliseconds.
 */
const longestSleepMs = 20_000;
/** The clock has moved when it went this much further than the timers did, milliseconds. */
const jumpMs = 30_000;

/** Profiles and live syncs that start by themselves (E12). */
export function createScheduler(context: EngineContext): SchedulerVerbs {
  return {
    run: options => runScheduler(context, options),

    async tick({lateMs, dryRun}) {
      const events: SchedulerEvent[] = [];
      const onEvent = (event: SchedulerEvent) => void events.push(event);
      if (dryRun) await foresee(context, lateMs, onEvent);
      else await startDue(context, {onTimeMs: lateMs, onEvent});
      await startDueRollouts(context, {by: schedulerName, dryRun, onEvent});
      return events;
    },

    next: async count => nextStarts(await context.state.read(), Date.now(), count),
  };
}

async function runScheduler(
  context: EngineContext,
  {signal, onEvent}: {signal: AbortSignal; onEvent: (event: SchedulerEvent) => void},
): Promise<void> {
  mkdirSync(context.home, {recursive: true, mode: 0o700});
  const lock = tryLock(join(context.home, 'scheduler.lock'));
  if (lock.kind === 'held')
    throw new OperatorError(
      'SCHEDULER_RUNNING',
      `Another scheduler is at work for ${context.home}: process ${lock.by.pid} on ${lock.by.host}, since ${lock.by.since}.`,
      {
        hint: 'One is enough. `lockstep scheduler next` shows what it will start.',
        details: {holder: lock.by},
      },
    );
  const tally: Record<keyof SchedulerTally, number> = {started: 0, missed: 0, failed: 0};
  const watching = new AbortController();
  const sleep = createSleep(context.state.path);
  const tell = (event: SchedulerEvent) => {
    if (event.type === 'scheduler.missed') tally.missed += event.count;
    if (event.type === 'scheduler.start-failed' || event.type === 'scheduler.rollout-failed')
      tally.failed += 1;
    if (event.type === 'scheduler.rollout-started') tally.started += 1;
    onEvent(event);
    if (event.type !== 'scheduler.run-started') return;
    tally.started += 1;
    void tellEnd(context.home, event.runId, watching.signal, onEvent);
  };
  try {
    const state = await context.state.read();
    onEvent({
      type: 'scheduler.started',
      at: now(),
      pid: process.pid,
      home: context.home,
      scheduled: [...startersOf(state)].filter(({entry}) => entry.schedule !== undefined).length,
      next: nextStarts(state, Date.now(), 1)[0],
    });
    let lastWarning = '';
    while (!signal.aborted) {
      let waitMs = longestSleepMs;
      try {
        const nextMs = await pass(context, tell);
        if (nextMs !== undefined) waitMs = Math.min(waitMs, Math.max(0, nextMs - Date.now()));
        lastWarning = '';
      } catch (error) {
        // A state that is locked, or being repaired by hand, must not end a daemon; it is looked at again.
        const {message} = asOperatorError(error);
        if (message !== lastWarning) onEvent({type: 'scheduler.message', at: now(), message});
        lastWarning = message;
      }
      const before = {wall: Date.now(), monotonic: performance.now()};
      await sleep.for(waitMs, signal);
      const movedMs = Date.now() - before.wall - (performance.now() - before.monotonic);
      if (Math.abs(movedMs) >= jumpMs)
        onEvent({type: 'scheduler.clock', at: now(), jumpMs: Math.round(movedMs)});
    }
  } finally {
    watching.abort();
    sleep.close();
    lock.release();
    onEvent({type: 'scheduler.finished', at: now(), ...tally});
  }
}

/** Starts what is due; writes only when something is. @returns when the next start comes, epoch milliseconds */
async function pass(
  context: EngineContext,
  onEvent: (event: SchedulerEvent) => void,
): Promise<number | undefined> {
  const state = await context.state.read();
  const nowMs = Date.now();
  const hasWork = [...startersOf(state)].some(({entry: {schedule, scheduling}}) => {
    if (schedule === undefined) return false;
    if (scheduling === undefined || scheduling.starting !== undefined) return true;
    const handledMs = Date.parse(scheduling.handled);
    const fromMs = handledUntil(handledMs, nowMs);
    return fromMs !== handledMs || dueStart(parseSchedule(schedule), fromMs, nowMs, 0) !== undefined;
  });
  if (hasWork) await startDue(context, {onTimeMs: attentiveMs, onEvent});
  const rolloutsDue = dueRollouts(state, nowMs).length;
  if (rolloutsDue > 0) await startDueRollouts(context, {by: schedulerName, dryRun: false, onEvent});
  const next = nextStarts(state, nowMs, rolloutsDue + 1)[rolloutsDue];
  return next && Date.parse(next.at);
}

/** What a pass would do now, without taking anything. */
async function foresee(
  context: EngineContext,
  lateMs: number,
  onEvent: (event: SchedulerEvent) => void,
): Promise<void> {
  const nowMs = Date.now();
  for (const {entry, ...starter} of startersOf(await context.state.read())) {
    const {schedule, scheduling, missed} = entry;
    if (schedule === undefined || scheduling === undefined) continue;
    const handledMs = handledUntil(Date.parse(scheduling.handled), nowMs);
    const due = dueStart(parseSchedule(schedule), handledMs, nowMs, lateMs);
    if (due === undefined) continue;
    const about = {at: now(), ...starter, due: new Date(due.atMs).toISOString()};
    const runsNow = !due.missed || missed === 'run';
    if (due.missed) onEvent({type: 'scheduler.missed', ...about, count: due.count, runsNow});
    if (runsNow)
      onEvent({
        type: 'scheduler.run-started',
        ...about,
        lateMs: nowMs - due.atMs,
        verify: false,
        runId: '',
      });
  }
}

/** Tells how a run ended that the scheduler started; the run does not know of it. */
async function tellEnd(
  home: string,
  runId: string,
  signal: AbortSignal,
  onEvent: (event: SchedulerEvent) => void,
): Promise<void> {
  try {
    for await (const event of followJournal(home, runId, signal)) {
      if (event.type === 'run.message' && event.level === 'info')
        onEvent({type: 'scheduler.message', at: event.at, message: `Run ${runId}: ${event.text}`});
      if (event.type === 'run.finished')
        onEvent({
          type: 'scheduler.run-finished',
          at: event.at,
          runId,
          status: event.status,
          ...(event.error === undefined ? {} : {error: event.error}),
        });
    }
  } catch (error) {
    onEvent({
      type: 'scheduler.message',
      at: now(),
      message: `Run ${runId}: ${asOperatorError(error).message}`,
    });
  }
}

function now(): string {
  return new Date().toISOString();
}
