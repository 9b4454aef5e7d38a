import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import {dirname, join} from 'node:path';
import type {PackedOutcomes} from '../../core/outcome-runs.js';
import type {Position} from '../../protocol/record-endpoints.js';

export type CommitPositions = {
  readonly files: {readonly before: Position; readonly after: Position};
  readonly database: {readonly before: Position; readonly after: Position} | null;
};

/** What a commit's journal says, line by line. The last line of a step decides what recovery does. */
export type JournalEntry = {readonly step: string; readonly at: string} & (
  | {readonly state: 'begun'; readonly by: string; readonly files: boolean; readonly database: boolean}
  /** Outcomes are on the disk; from here on something may be visible. */
  | {readonly state: 'applying'}
  /** Only forward from here. For a commit with a database its own marker says so first. */
  | {readonly state: 'decided'}
  | {readonly state: 'undone'; readonly error: string}
  /** `changed`: something of the site is not what it was, so that its actions after a sync are due (E32). */
  | {readonly state: 'done'; readonly positions: CommitPositions; readonly changed?: boolean}
);

/**
 * Journal of one run's commits at one site, outside the site root: NDJSON, flushed to the disk line by line. A last
 * line that a crash cut off is not read.
 */
export class CommitJournal {
  readonly folder: string;
  readonly #file: string;

  constructor(runFolder: string) {
    this.folder = runFolder;
    this.#file = join(runFolder, 'journal.ndjson');
  }

  get exists(): boolean {
    return existsSync(this.#file);
  }

  append(entry: JournalEntry): void {
    const isNew = !this.exists;
    mkdirSync(this.folder, {recursive: true, mode: 0o700});
    const fd = openSync(this.#file, 'a', 0o600);
    try {
      // A line that a crash cut off must not swallow this one.
      writeSync(fd, isNew ? `${JSON.stringify(entry)}\n` : `\n${JSON.stringify(entry)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (isNew) flushFolder(this.folder);
  }

  entries(): readonly JournalEntry[] {
    if (!this.exists) return [];
    return readFileSync(this.#file, 'utf8')
      .split('\n')
      .flatMap(line => {
        try {
          return line === '' ? [] : [JSON.parse(line) as JournalEntry];
        } catch {
          return [];
        }
      });
  }

  /** The last line of each step. */
  states(): ReadonlyMap<string, JournalEntry> {
    return new Map(this.entries().map(entry => [entry.step, entry]));
  }

  /** The folder in which the parts of a step's commit keep what they need. */
  stepFolder(step: string): string {
    const folder = join(this.folder, `step-${step}`);
    mkdirSync(folder, {recursive: true, mode: 0o700});
    return folder;
  }

  /** Keeps the outcomes of a step, durably, before anything of it is visible. */
  keepOutcomes(step: string, outcomes: PackedOutcomes): void {
    const file = this.#outcomes(step);
    const fd = openSync(`${file}.new`, 'w', 0o600);
    try {
      let lines = '';
      for (const outcome of outcomes) {
        lines += `${JSON.stringify(outcome)}\n`;
        if (lines.length < 64 * 1024) continue;
        writeFileSync(fd, lines);
        lines = '';
      }
      writeFileSync(fd, lines);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${file}.new`, file);
    flushFolder(dirname(file));
  }

  outcomes(step: string): PackedOutcomes {
    return readFileSync(this.#outcomes(step), 'utf8')
      .split('\n')
      .flatMap(line => (line === '' ? [] : [JSON.parse(line) as PackedOutcomes[number]]));
  }

  #outcomes(step: string): string {
    return join(this.stepFolder(step), 'outcomes.ndjson');
  }
}

function flushFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether a step has changed the site; taking note of versions is no change. */
export function changesSite(step: string, outcomes: PackedOutcomes): boolean {
  return !step.startsWith('adopt') && outcomes.some(({outcome}) => outcome === 'applied');
}
