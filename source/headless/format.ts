import type {ItemRef} from '../core/item.js';

/** `850 ms`, `12 s`, `2 m 13 s`, `3 h 5 m`, `4 d 2 h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.max(0, Math.round(durationMs))} ms`;
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, 'm', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, 'h', minutes % 60, 'm');
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** An ISO 8601 time as people read it, still in UTC: `2026-03-03 18:50:04`. */
export function formatTime(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}

/** An item as it is written on the command line (CLI.md): a path, `TABLE:KEY` or `table NAME`. */
export function formatItem(item: ItemRef): string {
  switch (item.type) {
    case 'file':
      return item.path;
    case 'row':
      return `${item.table}:${item.key.length === 1 ? item.key[0] : JSON.stringify(item.key)}`;
    case 'table':
      return `table ${item.table}`;
  }
}

/** A word as a shell reads it back, for commands that operators copy. */
export function quoted(word: string): string {
  return /^[\p{L}\p{N}._/:@%+=-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Text from elsewhere (file names, rows, another machine's messages) must not steer the terminal: control
 * characters become visible escapes. Line ends stay.
 */
export function printable(text: string): string {
  return text.replace(
    /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
