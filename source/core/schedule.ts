import {Cron} from 'croner';
import {OperatorError} from './operator-error.js';

/** Days of the week in the order of ISO 8601. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

type Timed = {
  /** First start, local date and time in `zone`: `2026-12-01T02:00`, or with seconds. Also sets the time of day. */
  readonly start: string;
  /** IANA time zone: `Europe/Berlin`. */
  readonly zone: string;
};

/** When a profile starts by itself (E12). */
export type Schedule =
  | ({readonly kind: 'once'} & Timed)
  | ({readonly kind: 'hourly'} & Timed)
  | ({readonly kind: 'daily'} & Timed)
  | ({readonly kind: 'weekly'; readonly days: readonly Weekday[]} & Timed)
  | ({readonly kind: 'monthly'; readonly day: number} & Timed);

const form =
  "'KIND START ZONE' with KIND once, hourly, daily, weekly, weekly:mon,thu, monthly or monthly:31, such as 'daily 2026-12-01T02:00 Europe/Berlin'";

/**
 * Reads the text form of a schedule (CLI.md, `--schedule`). `weekly` without days takes the weekday of the start,
 * `monthly` without a day that of the start.
 * @throws OperatorError USAGE saying what is wrong.
 */
export function parseSchedule(text: string): Schedule {
  const words = text.trim().split(/\s+/);
  const [word, start, zone] = words;
  if (words.length !== 3 || word === undefined || start === undefined || zone === undefined)
    throw refuse(text, 'it has three parts');
  checkStart(text, start);
  if (!isTimeZone(zone)) throw refuse(text, `"${zone}" is not a time zone of the IANA list`);
  const [kind, detail] = splitOnce(word.toLowerCase(), ':');
  const timed = {start: start.replace(/(T\d\d:\d\d):00$/, '$1'), zone};
  switch (kind) {
    case 'once':
    case 'hourly':
    case 'daily':
      if (detail !== undefined) throw refuse(text, `"${kind}" takes nothing after a colon`);
      return {kind, ...timed};
    case 'weekly':
      return {kind, days: parseDays(text, detail ?? weekdayOf(start)), ...timed};
    case 'monthly':
      return {kind, day: parseDay(text, detail ?? String(Number(start.slice(8, 10)))), ...timed};
    default:
      throw refuse(text, `"${kind}" is not a kind of schedule`);
  }
}

/** The text form, which `parseSchedule` reads back. */
export function formatSchedule(schedule: Schedule): string {
  const kind =
    schedule.kind === 'weekly'
      ? `weekly:${schedule.days.join(',')}`
      : schedule.kind === 'monthly'
        ? `monthly:${schedule.day}`
        : schedule.kind;
  return `${kind} ${schedule.start} ${schedule.zone}`;
}

/**
 * Next start of a schedule strictly after `afterMs`. Months without the day are skipped (E12). A time that
 * daylight saving leaves out starts at the moment the clock jumps; one that comes twice starts the first time.
 * @param afterMs epoch milliseconds
 * @returns epoch milliseconds, or `undefined` when the schedule is over.
 */
export function nextStart(schedule: Schedule, afterMs: number): number | undefined {
  const {start, zone} = schedule;
  const firstMs = firstStart(schedule);
  const {hour, minute, second} = timeOf(start);
  const next = (pattern: string) => nextMatch(pattern, zone, Math.max(afterMs, firstMs - 1));
  switch (schedule.kind) {
    case 'once':
      return firstMs > afterMs ? firstMs : undefined;
    case 'hourly':
      return next(`${second} ${minute} * * * *`);
    case 'daily':
      return next(`${second} ${minute} ${hour} * * *`);
    case 'weekly':
      return next(`${second} ${minute} ${hour} * * ${schedule.days.join(',')}`);
    case 'monthly':
      return next(`${second} ${minute} ${hour} ${schedule.day} * *`);
  }
}

/** A little more than the longest time between two starts: the 31st is never three months away. Milliseconds. */
const longestGapMs = {
  hourly: 2 * 3_600_000,
  daily: 2 * 86_400_000,
  weekly: 8 * 86_400_000,
  monthly: 93 * 86_400_000,
} as const;

/**
 * The last start of a schedule that is later than `afterMs` and not later than `untilMs`.
 * @returns epoch milliseconds, or `undefined` when there is none
 */
export function lastStart(schedule: Schedule, afterMs: number, untilMs: number): number | undefined {
  const fromMs =
    schedule.kind === 'once' ? afterMs : Math.max(afterMs, untilMs - longestGapMs[schedule.kind]);
  let last: number | undefined;
  for (
    let next = nextStart(schedule, fromMs);
    next !== undefined && next <= untilMs;
    next = nextStart(schedule, next)
  )
    last = next;
  return last;
}

/** How far ahead two schedules are compared, milliseconds. Two days see all that two hourly ones have to do. */
function horizonMs(a: Schedule, b: Schedule): number {
  const kinds = [a.kind, b.kind];
  if (kinds.every(kind => kind === 'hourly')) return 2 * 86_400_000;
  // Long enough for the 31st to fall on any weekday; otherwise for every change of the clock in a year.
  return (kinds.includes('monthly') ? 6 : 1.1) * 366 * 86_400_000;
}

/**
 * The first moment after `afterMs` at which both schedules would start; two such schedules are refused (E12).
 * @returns epoch milliseconds, or `undefined` when they do not meet within some years.
 */
export function sharedStart(a: Schedule, b: Schedule, afterMs: number): number | undefined {
  const fromMs = Math.max(afterMs, firstStart(a) - 1, firstStart(b) - 1);
  const untilMs = fromMs + horizonMs(a, b);
  let nextA = nextStart(a, fromMs);
  let nextB = nextStart(b, fromMs);
  while (nextA !== undefined && nextB !== undefined && Math.max(nextA, nextB) <= untilMs) {
    if (nextA === nextB) return nextA;
    // Leaping to the later one keeps the number of steps that of the rarer schedule.
    if (nextA < nextB) nextA = nextStart(a, nextB - 1);
    else nextB = nextStart(b, nextA - 1);
  }
  return undefined;
}

const firstStarts = new WeakMap<Schedule, number>();

/** The moment of a schedule's own start; remembered, because every question needs it. */
function firstStart(schedule: Schedule): number {
  let firstMs = firstStarts.get(schedule);
  if (firstMs === undefined) {
    firstMs = momentOf(schedule.start, schedule.zone);
    firstStarts.set(schedule, firstMs);
  }
  return firstMs;
}

/** The moment of a local date and time; in a gap of daylight saving the moment at which the clock jumps. */
function momentOf(start: string, zone: string): number {
  const [year, month, day] = start.slice(0, 10).split('-').map(Number);
  const {hour, minute, second} = timeOf(start);
  // No zone is more than a day from UTC, and no date comes twice within two days.
  const before = Date.UTC(year!, month! - 1, day!) - 36 * 3_600_000;
  return nextMatch(`${second} ${minute} ${hour} ${day} ${month} *`, zone, before)!;
}

function timeOf(start: string): {hour: number; minute: number; second: number} {
  const [hour = 0, minute = 0, second = 0] = start.slice(11).split(':').map(Number);
  return {hour, minute, second};
}

/** Reading a pattern costs more than asking it. */
const crons = new Map<string, Cron>();
const keptCrons = 1000;

function nextMatch(pattern: string, zone: string, afterMs: number): number | undefined {
  const name = `${pattern} ${zone}`;
  let cron = crons.get(name);
  if (cron === undefined) {
    if (crons.size >= keptCrons) crons.clear();
    cron = new Cron(pattern, {timezone: zone, paused: true});
    crons.set(name, cron);
  }
  // Croner counts in whole seconds from the one after the given date.
  return cron.nextRun(new Date(afterMs))?.getTime();
}

function checkStart(text: string, start: string): void {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?$/.exec(start);
  if (match === null) throw refuse(text, `"${start}" is not a local date and time such as 2026-12-01T02:00`);
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const {hour, minute, second} = timeOf(start);
  const date = new Date(Date.UTC(year, month - 1, day));
  if (
    year < 1970 ||
    date.getUTCMonth() !== month - 1 ||
    date.getUTCDate() !== day ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  )
    throw refuse(text, `there is no ${start}`);
}

function isTimeZone(zone: string): boolean {
  // Offsets such as +01:00 are accepted by Intl, but know nothing of daylight saving.
  if (!/^[A-Za-z]/.test(zone)) return false;
  try {
    new Intl.DateTimeFormat('en', {timeZone: zone});
    return true;
  } catch {
    return false;
  }
}

function parseDays(text: string, detail: string): Weekday[] {
  const named = new Set(
    detail.split(',').map(name => {
      const day = weekdays.find(weekday => name.length >= 3 && dayNames[weekday].startsWith(name));
      if (day === undefined) throw refuse(text, `"${name}" is not a weekday`);
      return day;
    }),
  );
  return weekdays.filter(day => named.has(day));
}

const dayNames: Readonly<Record<Weekday, string>> = {
  mon: 'monday',
  tue: 'tuesday',
  wed: 'wednesday',
  thu: 'thursday',
  fri: 'friday',
  sat: 'saturday',
  sun: 'sunday',
};

function weekdayOf(start: string): string {
  return weekdays[(new Date(`${start.slice(0, 10)}T00:00:00Z`).getUTCDay() + 6) % 7]!;
}

function parseDay(text: string, detail: string): number {
  const day = Number(detail);
  if (!/^\d{1,2}$/.test(detail) || day < 1 || day > 31)
    throw refuse(text, `"${detail}" is not a day of the month`);
  return day;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function refuse(text: string, why: string): OperatorError {
  return new OperatorError('USAGE', `"${text}" is not a schedule: ${why}.`, {hint: `Write ${form}.`});
}
