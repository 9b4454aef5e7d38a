import type {VerifyRule} from './profile.js';
import {lastStart, nextStart, type Schedule} from './schedule.js';

/** A start that has come since somebody last looked. All that came meanwhile are one. */
export type DueStart = {
  /** The latest of them, epoch milliseconds. */
  readonly atMs: number;
  /** How many there were, up to `countedStarts`. */
  readonly count: number;
  /** The latest is longer ago than what counts as on time. */
  readonly missed: boolean;
};

/** More starts than this are told as "more than". */
export const countedStarts = 1000;

/** A clock that was set back by more than this was wrong before; milliseconds. */
const wrongClockMs = 86_400_000;

/**
 * Where a schedule was last looked at, as the clock is now. After a small step back nothing starts a second time: it
 * waits until the clock has passed where it was. After a large one that would be for ever, so it begins anew.
 * @param handledMs epoch milliseconds
 */
export function handledUntil(handledMs: number, nowMs: number): number {
  return handledMs > nowMs + wrongClockMs ? nowMs : handledMs;
}

/**
 * What is due of a schedule (E12): the starts after `handledMs`, not later than `nowMs`. Many are one start, because
 * a run brings everything up to date however often it was put off.
 * @param onTimeMs how late a start may be and still count as on time
 */
export function dueStart(
  schedule: Schedule,
  handledMs: number,
  nowMs: number,
  onTimeMs: number,
): DueStart | undefined {
  const atMs = lastStart(schedule, handledMs, nowMs);
  if (atMs === undefined) return undefined;
  let count = 1;
  for (
    let next = nextStart(schedule, handledMs);
    next !== undefined && next < atMs && count < countedStarts;
    next = nextStart(schedule, next)
  )
    count += 1;
  return {atMs, count, missed: nowMs - atMs > onTimeMs};
}

const verifyMs = {daily: 86_400_000, weekly: 7 * 86_400_000, monthly: 30 * 86_400_000} as const;

/**
 * Whether a scheduled run compares everything anew.
 * @param verifiedMs when one last did, epoch milliseconds; undefined for never
 */
export function isVerifyDue(
  rule: VerifyRule | undefined,
  verifiedMs: number | undefined,
  nowMs: number,
): boolean {
  if (rule === undefined || rule === 'off') return false;
  if (rule === 'every-run' || verifiedMs === undefined) return true;
  // An hour's grace, so that a daily verify does not slip behind a daily schedule that starts a moment early.
  return nowMs - verifiedMs >= verifyMs[rule] - 3_600_000;
}
