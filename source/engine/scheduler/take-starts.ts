import os from 'node:os';
import {type DueStart, dueStart, handledUntil, isVerifyDue} from '../../core/due-start.js';
import {parseSchedule} from '../../core/schedule.js';
import type {Scheduling, State} from '../../state/state.js';
import {isAlive, ownProcess} from '../../system/process-identity.js';
import {isSameStarter, type Scheduled, type Starter, startersOf} from './schedules.js';

/** A start that belongs to whoever took it; the run has the id that was chosen with it. */
export type TakenStart = {
  readonly starter: Starter;
  /** Epoch milliseconds. */
  readonly dueMs: number;
  readonly runId: string;
  readonly verify: boolean;
};

/** A start that came while nobody was there. */
export type MissedStart = DueStart & {
  readonly starter: Starter;
  readonly runsNow: boolean;
};

export type TakenStarts = {readonly starts: readonly TakenStart[]; readonly missed: readonly MissedStart[]};

/** After this long a start that was taken on another machine and not begun is another's to take, milliseconds. */
const strandedMs = 5 * 60_000;

/**
 * Takes what is due, in a draft of the state that nobody else changes meanwhile: that is what makes two overlapping
 * passes start a profile once. The id of the run is kept with it, so that whoever finds the taker dead can tell
 * whether the run exists.
 * @param options `hasBegun`: whether a run of that id exists; `onTimeMs`: how late a start may be to count as on time
 */
export function takeStarts(
  state: State,
  options: {
    nowMs: number;
    onTimeMs: number;
    newRunId: () => string;
    hasBegun: (runId: string) => boolean;
  },
): TakenStarts {
  const {nowMs} = options;
  const starts: TakenStart[] = [];
  const missed: MissedStart[] = [];
  for (const {entry, ...starter} of startersOf(state)) {
    if (entry.schedule === undefined) continue;
    // A state that was written by hand, or before there was a scheduler: nothing before now is due.
    entry.scheduling ??= {handled: new Date(nowMs).toISOString()};
    const {scheduling} = entry;
    const stranded = strandedStart(scheduling, options);
    const handledMs = handledUntil(Date.parse(scheduling.handled), nowMs);
    if (handledMs !== Date.parse(scheduling.handled)) scheduling.handled = new Date(handledMs).toISOString();
    const due = dueStart(parseSchedule(entry.schedule), handledMs, nowMs, options.onTimeMs);
    if (due !== undefined) {
      scheduling.handled = new Date(due.atMs).toISOString();
      const runsNow = !due.missed || entry.missed === 'run';
      if (due.missed) missed.push({...due, starter, runsNow});
      if (runsNow) {
        starts.push(take(starter, entry, scheduling, due.atMs, options));
        continue;
      }
    }
    if (stranded !== undefined) starts.push(take(starter, entry, scheduling, stranded, options));
  }
  return {starts, missed};
}

function take(
  starter: Starter,
  entry: Scheduled['entry'],
  scheduling: Scheduling,
  dueMs: number,
  {nowMs, newRunId}: {nowMs: number; newRunId: () => string},
): TakenStart {
  const runId = newRunId();
  const verifiedMs = scheduling.verifiedAt === undefined ? undefined : Date.parse(scheduling.verifiedAt);
  // A live sync has no such rule.
  const verify = isVerifyDue('verify' in entry ? entry.verify : undefined, verifiedMs, nowMs);
  scheduling.starting = {
    due: new Date(dueMs).toISOString(),
    runId,
    verify,
    takenAt: new Date(nowMs).toISOString(),
    by: {host: os.hostname(), ...ownProcess()},
  };
  return {starter, dueMs, runId, verify};
}

/** The moment of a start that somebody took and died before its run began. Forgets one whose run exists. */
function strandedStart(
  scheduling: Scheduling,
  {nowMs, hasBegun}: {nowMs: number; hasBegun: (runId: string) => boolean},
): number | undefined {
  const {starting} = scheduling;
  if (starting === undefined) return undefined;
  const {by} = starting;
  const isAtWork =
    by.host === os.hostname() ? isAlive(by) : Math.abs(nowMs - Date.parse(starting.takenAt)) < strandedMs;
  if (isAtWork) return undefined;
  delete scheduling.starting;
  if (hasBegun(starting.runId)) return undefined;
  return Date.parse(starting.due);
}

/** Notes that the run of a start exists, or that it could not be started. */
export function settleStart(state: State, start: TakenStart, nowMs: number, begun: boolean): void {
  const found = [...startersOf(state)].find(other => isSameStarter(other, start.starter));
  const scheduling = found?.entry.scheduling;
  if (scheduling?.starting?.runId !== start.runId) return;
  delete scheduling.starting;
  if (begun && start.verify) scheduling.verifiedAt = new Date(nowMs).toISOString();
}
