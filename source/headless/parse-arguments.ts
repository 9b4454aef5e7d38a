import type {ItemRef} from '../core/item.js';
import {momentOf} from '../core/moment.js';
import {OperatorError} from '../core/operator-error.js';

/** `RELATIONSHIP/PROFILE`; a profile's name may hold further slashes, a relationship's none. */
export function parseProfileName(text: string): {relationship: string; profile: string} {
  const [relationship, profile] = halves(text, 'RELATIONSHIP/PROFILE');
  return {relationship, profile};
}

/** `SERVER/SITE`. */
export function parseSiteAddress(text: string): {server: string; site: string} {
  const [server, site] = halves(text, 'SERVER/SITE');
  return {server, site};
}

function halves(text: string, form: string): [string, string] {
  const slash = text.indexOf('/');
  if (slash <= 0 || slash === text.length - 1)
    throw new OperatorError('USAGE', `"${text}" is not of the form ${form}.`);
  return [text.slice(0, slash), text.slice(slash + 1)];
}

/** A comma-separated list; blanks around commas do not count, and at least one entry is needed. */
export function parseList(text: string, option: string): string[] {
  const entries = text
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '');
  if (entries.length === 0) throw new OperatorError('USAGE', `${option} needs at least one entry.`);
  return entries;
}

/** `20%` or `20`, from 0 to 100. */
export function parsePercentage(text: string, option: string): number {
  const match = /^(\d{1,3}(?:\.\d+)?)\s*%?$/.exec(text.trim());
  const value = Number(match?.[1]);
  if (match === null || value > 100)
    throw new OperatorError('USAGE', `${option} is a percentage from 0% to 100%, not "${text}".`);
  return value;
}

/** A whole number from `least` to `most`. */
export function parseCount(text: string, option: string, most: number, least = 1): number {
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < least || value > most)
    throw new OperatorError('USAGE', `${option} is a whole number from ${least} to ${most}, not "${text}".`);
  return value;
}

const unitsMs = {s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000} as const;

/** `90s`, `15m`, `2h`, `7d` in milliseconds. @param mostMs the longest that makes sense */
export function parseDuration(text: string, option: string, mostMs = Number.POSITIVE_INFINITY): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text.trim());
  const value = Number(match?.[1]) * unitsMs[(match?.[2] ?? 's') as keyof typeof unitsMs];
  if (match === null || value === 0)
    throw new OperatorError('USAGE', `${option} is a duration such as 90s, 15m, 2h or 7d, not "${text}".`);
  if (value > mostMs)
    throw new OperatorError('USAGE', `${option} is at most ${mostMs / unitsMs.d}d, not ${text}.`);
  return value;
}

/**
 * An item on the command line: `TABLE:VALUE`, `TABLE:["a","b"]`, otherwise a path. `file:PATH` says that it is a
 * path where a colon would make it look like a row.
 */
export function parseItem(text: string): ItemRef {
  if (text.startsWith('file:')) return {type: 'file', path: text.slice('file:'.length)};
  const row = /^([^/:]+):(.*)$/s.exec(text);
  if (row === null) return {type: 'file', path: text};
  const [, table, key] = row as unknown as [string, string, string];
  if (!key.startsWith('[')) return {type: 'row', table, key: [key]};
  try {
    const values: unknown = JSON.parse(key);
    if (Array.isArray(values) && values.length > 0 && values.every(value => typeof value === 'string'))
      return {type: 'row', table, key: values};
  } catch {
    // Falls through to the same complaint as a document of another shape.
  }
  throw new OperatorError('USAGE', `The key of ${text} is not a JSON array of texts.`);
}

/** A moment with its zone: `2027-01-31T00:00Z`, `2027-01-31T02:00+02:00`; a bare date is midnight UTC. ISO 8601, UTC. */
export function parseMoment(text: string, option: string): string {
  const moment = momentOf(text);
  if (moment === undefined)
    throw new OperatorError('USAGE', `${option} is a moment such as 2027-01-31T00:00Z, not "${text}".`);
  return moment;
}
