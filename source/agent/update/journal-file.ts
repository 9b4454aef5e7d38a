import {closeSync, fstatSync, fsyncSync, openSync, readFileSync, writeFileSync} from 'node:fs';
import type {JournalLine} from '../../core/update-journal.js';

type WithoutPosition<T> = T extends unknown ? Omit<T, 'seq' | 'at'> : never;

/** A line before it is written, which is when it gets its number and its time. */
export type NewLine = WithoutPosition<JournalLine>;

/**
 * The journal of one update: NDJSON outside the server folder, every line on the disk before anything goes on. A last
 * line that a crash cut off counts as not written.
 */
export class UpdateJournalFile {
  readonly #path: string;
  readonly #now: () => number;
  #lines: JournalLine[];

  constructor(path: string, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
    this.#lines = readLines(path);
  }

  get lines(): readonly JournalLine[] {
    return this.#lines;
  }

  /** @throws what the system says when the line cannot be written; it may be there or not, so that the journal is read anew. */
  append(line: NewLine): JournalLine {
    const whole = {
      seq: (this.#lines.at(-1)?.seq ?? 0) + 1,
      at: new Date(this.#now()).toISOString(),
      ...line,
    } as JournalLine;
    const fd = openSync(this.#path, 'a', 0o600);
    try {
      // What a crash cut off must not swallow this line.
      const separator = fstatSync(fd).size === 0 ? '' : '\n';
      // All of it, or an error: the system may take a part when the disk is full.
      writeFileSync(fd, `${separator}${JSON.stringify(whole)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    this.#lines.push(whole);
    return whole;
  }
}

function readLines(path: string): JournalLine[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    // One that is there and cannot be read is not one in which nothing was done.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const lines: JournalLine[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      const value = JSON.parse(line) as JournalLine;
      if (value.seq === lines.length + 1) lines.push(value);
    } catch {
      // Cut off by a crash.
    }
  }
  return lines;
}
