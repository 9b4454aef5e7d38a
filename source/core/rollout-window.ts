import {OperatorError} from './operator-error.js';
import {lastStart, nextStart, parseSchedule, type Schedule} from './schedule.js';

/** When servers may be started on their update (U1, U16): again and again, or on one day. */
export type RolloutWindow = {
  /** Its text form, which `parseWindow` reads. */
  readonly text: string;
  readonly opens: Schedule;
  /** Comes every day; the first after an opening ends the window. */
  readonly closes: Schedule;
};

/** Epoch milliseconds; `opensMs` is absent when it never opens again. */
export type WindowState =
  | {readonly kind: 'open'; readonly untilMs: number; readonly opensMs?: number}
  | {readonly kind: 'closed'; readonly opensMs?: number};

const form =
  "'WHEN FROM-TO ZONE' with WHEN daily, weekdays or a date, such as 'sat,sun 22:00-02:00 Europe/Berlin' or '2026-12-05 22:00-23:30 Europe/Berlin'";
/** No window is open for longer than this, whatever daylight saving does. Milliseconds. */
const longestMs = 26 * 3_600_000;

/**
 * Reads the text form of a window. One that ends at or before its start ends on the next day.
 * @throws OperatorError USAGE saying what is wrong.
 */
export function parseWindow(text: string): RolloutWindow {
  const match = /^(\S+)\s+(\d\d:\d\d)\s*-\s*(\d\d:\d\d)\s+(\S+)$/.exec(text.trim());
  if (match === null) throw refuse(text, 'it has three parts');
  const [, when, from, to, zone] = match as unknown as [string, string, string, string, string];
  const isDate = /^\d{4}-/.test(when);
  const until = to === '24:00' ? '00:00' : to;
  try {
    const kind = isDate ? 'once' : when.toLowerCase() === 'daily' ? 'daily' : `weekly:${when}`;
    return {
      text: `${when} ${from}-${to} ${zone}`,
      opens: parseSchedule(`${kind} ${isDate ? when : '1970-01-01'}T${from} ${zone}`),
      closes: parseSchedule(`daily 1970-01-01T${until} ${zone}`),
    };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw refuse(text, error.message.replace(/^.*is not a schedule: /, '').replace(/\.$/, ''));
  }
}

/** Whether the window is open, how long still, and when it opens next. @param nowMs epoch milliseconds */
export function windowAt({opens, closes}: RolloutWindow, nowMs: number): WindowState {
  const next = nextStart(opens, nowMs);
  const later = next === undefined ? {} : {opensMs: next};
  const opened = lastStart(opens, nowMs - longestMs, nowMs);
  const untilMs = opened === undefined ? undefined : nextStart(closes, opened);
  return untilMs === undefined || untilMs <= nowMs
    ? {kind: 'closed', ...later}
    : {kind: 'open', untilMs, ...later};
}

/**
 * When to try again what could not begin: after a while if the window is still open then, else when it opens next.
 * @param nowMs epoch milliseconds
 * @param pauseMs milliseconds
 * @returns epoch milliseconds; undefined when it does not open any more
 */
export function nextAttempt(window: RolloutWindow, nowMs: number, pauseMs: number): number | undefined {
  const {opensMs, ...now} = windowAt(window, nowMs);
  return now.kind === 'open' && nowMs + pauseMs < now.untilMs ? nowMs + pauseMs : opensMs;
}

function refuse(text: string, why: string): OperatorError {
  return new OperatorError('USAGE', `"${text}" is not a window: ${why}.`, {hint: `Write ${form}.`});
}
