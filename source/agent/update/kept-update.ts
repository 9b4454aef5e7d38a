import {mkdirSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {type JournalLine, newProgress, type UpdateProgress, withLine} from '../../core/update-journal.js';
import {type NewLine, UpdateJournalFile} from './journal-file.js';
import type {UpdateRequest} from './update-request.js';

const requestFile = 'request.json';

/** Whether an update was written down there. @param folder of an update in the agent's data */
export const isKept = (folder: string): boolean =>
  statSync(join(folder, requestFile), {throwIfNoEntry: false}) !== undefined;

/** Writes down what is asked for; nothing is begun. */
export async function keepRequest(folder: string, request: UpdateRequest): Promise<void> {
  mkdirSync(folder, {recursive: true, mode: 0o700});
  await writeFileAtomic(join(folder, requestFile), `${JSON.stringify(request)}\n`, {mode: 0o600});
}

/** What is kept of an update: what was asked for, and its journal. */
export class KeptUpdate {
  /** Of the update, in the agent's data. */
  readonly folder: string;
  readonly request: UpdateRequest;
  readonly #now: () => number;
  #journal: UpdateJournalFile;
  #progress: UpdateProgress;

  constructor(folder: string, now: () => number = Date.now) {
    this.folder = folder;
    this.#now = now;
    this.request = JSON.parse(readFileSync(join(folder, requestFile), 'utf8')) as UpdateRequest;
    this.#journal = this.#openJournal();
    this.#progress = this.lines.reduce(withLine, newProgress);
  }

  get lines(): readonly JournalLine[] {
    return this.#journal.lines;
  }

  /** What the lines come to. */
  get progress(): UpdateProgress {
    return this.#progress;
  }

  /** Writes a line; it is on the disk then. @throws what the system says; then `readAnew` before anything else */
  note(line: NewLine): void {
    this.#progress = withLine(this.#progress, this.#journal.append(line));
  }

  /** Forgets what may not be on the disk as it is remembered. */
  readAnew(): void {
    this.#journal = this.#openJournal();
    this.#progress = this.lines.reduce(withLine, newProgress);
  }

  #openJournal(): UpdateJournalFile {
    return new UpdateJournalFile(join(this.folder, 'journal.ndjson'), this.#now);
  }
}
