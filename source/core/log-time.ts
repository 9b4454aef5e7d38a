/** How lines of a log say when they were written (G6). */
export type LogTimeFormat = {
  /** `combined`, `common`, `json`, or nothing for any line with a timestamp that is known. */
  readonly format?: string;
  /** The timestamp in strftime's letters, for what is not known: `%d.%m.%Y %H:%M:%S`. */
  readonly timestamp?: string;
};

/** A moment, epoch milliseconds; one without a zone is in the local time of whoever wrote it. */
export type LogTime = {readonly ms: number; readonly zoned: boolean};

/**
 * Makes what reads the time of a line; it answers undefined for a line that has none.
 * @throws RangeError for a timestamp pattern that cannot be understood
 */
export function createLogClock({format, timestamp}: LogTimeFormat): (line: string) => LogTime | undefined {
  if (timestamp !== undefined) return compileTimestamp(timestamp);
  switch (format) {
    case 'combined':
    case 'common':
      return readCommon;
    case 'json':
      return line => readJson(line) ?? readLeading(line);
    default:
      return line =>
        readLeading(line) ?? readCommon(line) ?? (line.startsWith('{') ? readJson(line) : undefined);
  }
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `[10/Oct/2000:13:55:36 -0700]`, as Apache and others write it. */
function readCommon(line: string): LogTime | undefined {
  const found =
    /\[(\d{1,2})\/([A-Za-z]{3})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(?: ([+-]\d{4}))?\]/.exec(
      line,
    );
  if (found === null) return undefined;
  const [, day, month, year, hour, minute, second, fraction, zone] = found;
  return moment({year, month: monthNumber(month), day, hour, minute, second, fraction, zone});
}

/** At the beginning of a line: ISO 8601 with its common variants, or seconds or milliseconds since 1970. */
function readLeading(line: string): LogTime | undefined {
  const head = line.slice(0, 64);
  const iso =
    /^\[?(\d{4})[-/](\d{2})[-/](\d{2})[T _:](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d{2}:?\d{2})?(?![\d])/.exec(
      head,
    );
  if (iso !== null) {
    const [, year, month, day, hour, minute, second, fraction, zone] = iso;
    return moment({year, month: Number(month), day, hour, minute, second, fraction, zone});
  }
  const epoch = /^\[?(\d{10})(?:(\d{3})|\.(\d{1,9}))?(?![\d])/.exec(head);
  if (epoch === null) return undefined;
  const [, seconds, thousandths, fraction] = epoch;
  return {ms: Number(seconds) * 1000 + Number(thousandths ?? thousandthsOf(fraction)), zoned: true};
}

/** One JSON object a line, with its time under one of the usual names. */
function readJson(line: string): LogTime | undefined {
  const found =
    /"(?:time|timestamp|ts|@timestamp|date|datetime)"\s*:\s*(?:"([^"]{1,64})"|(\d{10,13}(?:\.\d{1,9})?))/.exec(
      line,
    );
  if (found === null) return undefined;
  return readLeading(found[1] ?? found[2] ?? '') ?? readCommon(`[${found[1]}]`);
}

const letters: Readonly<Record<string, string>> = {
  Y: '(?<year>\\d{4})',
  m: '(?<month>\\d{1,2})',
  b: '(?<name>[A-Za-z]{3})',
  d: '(?<day>[ \\d]\\d|\\d)',
  e: '(?<day>[ \\d]\\d|\\d)',
  H: '(?<hour>\\d{2})',
  M: '(?<minute>\\d{2})',
  S: '(?<second>\\d{2})',
  f: '(?<fraction>\\d{1,9})',
  z: '(?<zone>Z|[+-]\\d{2}:?\\d{2})',
  s: '(?<epoch>\\d{9,11})',
  '%': '%',
};

/** The first place in a line that reads like the pattern. */
function compileTimestamp(pattern: string): (line: string) => LogTime | undefined {
  const source = pattern.replace(/%(.)|[\\^$.*+?()[\]{}|]/gs, (text, letter: string | undefined) => {
    if (letter === undefined) return `\\${text}`;
    const part = letters[letter];
    if (part === undefined) throw new RangeError(`%${letter} is not known in the timestamp "${pattern}"`);
    return part;
  });
  const expression = new RegExp(source);
  const named = (name: string) => source.includes(`(?<${name}>`);
  const whole = ['year', 'day', 'hour', 'minute', 'second'].every(named) && (named('month') || named('name'));
  if (!whole && !named('epoch'))
    throw new RangeError(`the timestamp "${pattern}" needs %Y, %m or %b, %d, %H, %M and %S, or %s`);
  return line => {
    const {year, month, name, day, hour, minute, second, fraction, zone, epoch} =
      expression.exec(line)?.groups ?? {};
    if (epoch !== undefined) return {ms: Number(epoch) * 1000 + thousandthsOf(fraction), zoned: true};
    if (year === undefined) return undefined;
    const number = name === undefined ? Number(month) : monthNumber(name);
    return moment({year, month: number, day, hour, minute, second, fraction, zone});
  };
}

type Parts = {
  year: string | undefined;
  month: number;
  day: string | undefined;
  hour: string | undefined;
  minute: string | undefined;
  second: string | undefined;
  fraction?: string | undefined;
  zone?: string | undefined;
};

function moment({year, month, day, hour, minute, second, fraction, zone}: Parts): LogTime | undefined {
  const numbers = [year, day, hour, minute, second].map(Number);
  const [y, d, h, m, s] = numbers as [number, number, number, number, number];
  // A leap second is one.
  if (month < 1 || month > 12 || d < 1 || d > 31 || h > 23 || m > 59 || s > 60) return undefined;
  const ms = Date.UTC(y, month - 1, d, h, m, s) + thousandthsOf(fraction);
  return zone === undefined ? {ms, zoned: false} : {ms: ms - offsetMs(zone), zoned: true};
}

function monthNumber(name: string | undefined): number {
  return months.indexOf((name ?? '').toLowerCase()) + 1;
}

function thousandthsOf(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(3, '0').slice(0, 3));
}

function offsetMs(zone: string): number {
  const found = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (found === null) return 0;
  const minutes = Number(found[2]) * 60 + Number(found[3]);
  return (found[1] === '-' ? -minutes : minutes) * 60_000;
}
