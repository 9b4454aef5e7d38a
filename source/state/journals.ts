import {access, appendFile, mkdir, open, readdir, stat, writeFile} from 'node:fs/promises';
import os from 'node:os';
import {dirname} from 'node:path';
import {OperatorError} from '../core/operator-error.js';
import {isRunId} from '../core/run-id.js';
import {isAlive} from '../system/process-identity.js';
import {FileTicker, JournalReader, parseEvent} from './journal-reader.js';
import {heartbeatMs, type JournalEvent} from './journal-writer.js';
import {withFileLock} from './with-file-lock.js';

/** Milliseconds of silence after which a process on another machine counts as dead. */
const silentMs = 6 * heartbeatMs;

/** The coarsest clock of a file system is FAT's, of two seconds. */
const clockTickMs = 2_000;

/** The first event of a detached process, which says who it is. */
export type StartedEvent = JournalEvent & {
  readonly pid: number;
  readonly processStart: string;
  readonly host: string;
};

/** What kind of detached work the journals of a folder tell of. */
export type JournalKind<
  Event extends JournalEvent,
  Started extends Event & StartedEvent,
  Finished extends Event,
> = {
  /** What a person calls it, and how they see all of them. */
  readonly what: string;
  readonly list: string;
  readonly hello: Event;
  fileOf(home: string, id: string): string;
  isStarted(event: Event): event is Started;
  isFinished(event: Event): event is Finished;
  /** The end of work whose process is gone, from what its journal has. */
  endOfDead(id: string, events: readonly Event[]): Finished;
};

export type JournalSummary<Started, Finished> = {readonly started: Started; readonly finished?: Finished};

/** The journals of detached processes of one kind: made by whoever starts one, followed by whoever likes (X3). */
export class Journals<
  Event extends JournalEvent,
  Started extends Event & StartedEvent,
  Finished extends Event,
> {
  readonly #kind: JournalKind<Event, Started, Finished>;
  /**
   * What finished ones say, by their file: nothing is ever added to them. A console asks for its list every few
   * seconds, of which only the newest are news.
   */
  readonly #finished = new Map<string, JournalSummary<Started, Finished>>();
  /** By folder: all journals of one where all have ended, and when the folder had last changed by then. */
  readonly #ended = new Map<
    string,
    {readonly changedMs: number; readonly summaries: readonly JournalSummary<Started, Finished>[]}
  >();

  constructor(kind: JournalKind<Event, Started, Finished>) {
    this.#kind = kind;
  }

  /** Makes the journal of work that is about to start, with its first line. */
  async create(home: string, id: string): Promise<void> {
    const file = this.#kind.fileOf(home, id);
    await mkdir(dirname(file), {recursive: true, mode: 0o700});
    await writeFile(file, `${JSON.stringify(this.#kind.hello)}\n`, {flag: 'wx', mode: 0o600});
  }

  /**
   * Replays a journal and follows it until the work is finished. Work whose process is gone is finished on its
   * behalf, so that every journal ends and nobody waits for ever.
   * Ends early, without a last event, only when `signal` is aborted.
   * @throws OperatorError NOT_FOUND
   */
  async *follow(home: string, id: string, signal?: AbortSignal): AsyncGenerator<Event, void, undefined> {
    const reader = await this.open(home, id);
    const ticker = new FileTicker(this.#kind.fileOf(home, id));
    let started: Started | undefined;
    try {
      while (!signal?.aborted) {
        for await (const event of reader.read()) {
          if (signal?.aborted) return;
          if (this.#kind.isStarted(event)) started = event;
          yield event;
          if (this.#kind.isFinished(event)) return;
        }
        if (await isDead(started, reader)) await this.#finishDead(home, id);
        else await ticker.next(signal);
      }
    } finally {
      ticker.close();
      await reader.close();
    }
  }

  /** All of them, newest first. Dead ones are finished on the way. */
  async *list(home: string): AsyncGenerator<JournalSummary<Started, Finished>, void, undefined> {
    for await (const summary of this.#walk(home)) if (summary !== undefined) yield summary;
  }

  /**
   * What `list` yields, as a whole. It is the very array of the last time as long as all have ended and none has come
   * or gone: an idle console asks every few seconds, maybe for ten thousand.
   */
  async all(home: string): Promise<readonly JournalSummary<Started, Finished>[]> {
    const folder = this.#folderOf(home);
    const now = Date.now();
    const changedMs = await stat(folder).then(
      ({mtimeMs}) => mtimeMs,
      () => Number.NaN,
    );
    const known = this.#ended.get(folder);
    if (known?.changedMs === changedMs) return known.summaries;
    const walked = await Array.fromAsync(this.#walk(home));
    const summaries = walked.filter(summary => summary !== undefined);
    const haveEnded = walked.every(summary => summary?.finished !== undefined);
    // Another journal may still come within the same tick of the file system's clock.
    if (haveEnded && now - changedMs > clockTickMs) this.#ended.set(folder, {changedMs, summaries});
    else this.#ended.delete(folder);
    return summaries;
  }

  #folderOf(home: string): string {
    // Any id leads to the folder.
    return dirname(this.#kind.fileOf(home, '00000000-000000-aaaaaa'));
  }

  /** Undefined stands for one whose work never began. */
  async *#walk(home: string): AsyncGenerator<JournalSummary<Started, Finished> | undefined, void, undefined> {
    const folder = this.#folderOf(home);
    const names = await readdir(folder).catch(() => []);
    const ids = names.filter(name => name.endsWith('.ndjson')).map(name => name.slice(0, -'.ndjson'.length));
    const files = new Set<string>();
    for (const id of ids.filter(isRunId).sort().reverse()) {
      const file = this.#kind.fileOf(home, id);
      files.add(file);
      const summary = this.#finished.get(file) ?? (await this.summarize(home, id));
      if (summary?.finished !== undefined) this.#finished.set(file, summary);
      yield summary;
    }
    // Journals that were removed are forgotten.
    for (const file of this.#finished.keys())
      if (dirname(file) === folder && !files.has(file)) this.#finished.delete(file);
  }

  /**
   * Head and tail of a journal, which is all that a list needs of a long one; undefined when the work never began.
   * @throws OperatorError NOT_FOUND
   */
  async summarize(home: string, id: string): Promise<JournalSummary<Started, Finished> | undefined> {
    const reader = await this.open(home, id);
    try {
      let started: Started | undefined;
      for await (const event of reader.read()) {
        if (this.#kind.isStarted(event)) started = event;
        if (event.type !== 'hello') break;
      }
      if (started === undefined) return undefined;
      let finished = await this.#readLast(home, id);
      if (finished === undefined && (await isDead(started, reader)))
        finished = await this.#finishDead(home, id);
      return {started, ...(finished === undefined ? {} : {finished})};
    } finally {
      await reader.close();
    }
  }

  /** Whether its process is at work, or about to begin. A journal that is not there has none. */
  async isAtWork(home: string, id: string): Promise<boolean> {
    let reader: JournalReader<Event>;
    try {
      reader = await this.open(home, id);
    } catch {
      return false;
    }
    try {
      let started: Started | undefined;
      for await (const event of reader.read()) {
        if (this.#kind.isStarted(event)) started = event;
        if (this.#kind.isFinished(event)) return false;
      }
      return !(await isDead(started, reader));
    } finally {
      await reader.close();
    }
  }

  /** @throws OperatorError NOT_FOUND */
  async open(home: string, id: string): Promise<JournalReader<Event>> {
    const file = this.#kind.fileOf(home, id);
    try {
      await access(file);
      return await JournalReader.open<Event>(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw this.notFound(id);
    }
  }

  notFound(id: string): OperatorError {
    const {what, list} = this.#kind;
    return new OperatorError('NOT_FOUND', `There is no ${what} ${id}.`, {hint: `${list} shows them.`});
  }

  async #readLast(home: string, id: string): Promise<Finished | undefined> {
    const handle = await open(this.#kind.fileOf(home, id), 'r');
    try {
      const {size} = await handle.stat();
      const length = Math.min(size, lastLineBytes);
      const {buffer} = await handle.read(Buffer.alloc(length), 0, length, size - length);
      const line = buffer.subarray(0, length).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
      const event = parseEvent<Event>(Buffer.from(line));
      return event !== undefined && this.#kind.isFinished(event) ? event : undefined;
    } finally {
      await handle.close();
    }
  }

  /**
   * Writes the end of work that cannot do so any more; only one of those who notice does. Answers the end that
   * the journal has then, which may be the work's own, written in its last moment.
   */
  async #finishDead(home: string, id: string): Promise<Finished> {
    const file = this.#kind.fileOf(home, id);
    return await withFileLock(file, async held => {
      const reader = await JournalReader.open<Event>(file);
      try {
        const events: Event[] = [];
        for await (const event of reader.read()) {
          if (this.#kind.isFinished(event)) return event;
          events.push(event);
        }
        const end = this.#kind.endOfDead(id, events);
        held.assertHeld();
        // The line feed in front ends a line that the dead process left half written.
        await appendFile(file, `\n${JSON.stringify(end)}\n`);
        return end;
      } finally {
        await reader.close();
      }
    });
  }
}

/** Bytes of a last line that are looked at: that of a rollout names all of its servers. */
const lastLineBytes = 1024 * 1024;

async function isDead(
  started: StartedEvent | undefined,
  reader: JournalReader<JournalEvent>,
): Promise<boolean> {
  if (started === undefined) return (await reader.silentMs()) > silentMs;
  if (started.host !== os.hostname()) return (await reader.silentMs()) > silentMs;
  return !isAlive({pid: started.pid, startedAt: started.processStart});
}
