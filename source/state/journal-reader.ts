import {watch} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import type {JournalEvent} from './journal-writer.js';

/** Most journals are a few lines; a console looks at all of them. */
const chunkBytes = {first: 4 * 1024, most: 64 * 1024} as const;
/** A line is one event; the longest holds a few paths and messages. */
const maxLineBytes = 4 * 1024 * 1024;
/** Milliseconds after which a journal is looked at again even though nothing was heard of it. */
const pollMs = 1_000;

/** Reads the events of a journal from `offset`; what follows the last line feed is left for later. */
export class JournalReader<Event extends JournalEvent> {
  readonly #handle: FileHandle;
  #offset = 0;
  #rest = Buffer.alloc(0);

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** @throws the system's error when there is no such file. */
  static async open<Event extends JournalEvent>(file: string): Promise<JournalReader<Event>> {
    return new JournalReader(await open(file, 'r'));
  }

  /** The whole events that are there now and have not been read yet. */
  async *read(): AsyncGenerator<Event, void, undefined> {
    for (let size: number = chunkBytes.first; ; size = chunkBytes.most) {
      const {bytesRead, buffer} = await this.#handle.read(Buffer.allocUnsafe(size), 0, size, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      const data = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)]);
      let start = 0;
      for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
        const event = parseEvent<Event>(data.subarray(start, end));
        start = end + 1;
        if (event !== undefined) yield event;
      }
      this.#rest = Buffer.from(data.subarray(start));
      if (this.#rest.length > maxLineBytes) this.#rest = Buffer.alloc(0);
      if (bytesRead < size) return;
    }
  }

  /** Milliseconds since the journal last gave a sign of life. */
  async silentMs(): Promise<number> {
    return Date.now() - (await this.#handle.stat()).mtimeMs;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** A line that a killed process left half written, and that a later one ended, is no event. */
export function parseEvent<Event extends JournalEvent>(line: Uint8Array): Event | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(line).toString('utf8'));
    const isEvent = typeof value === 'object' && value !== null && 'type' in value;
    return isEvent && typeof value.type === 'string' ? (value as Event) : undefined;
  } catch {
    return undefined;
  }
}

/** Tells when a file may have grown: the system's word for it, or a poll where that is not to be had. */
export class FileTicker {
  readonly #watcher: ReturnType<typeof watch> | undefined;
  #ticked = false;
  #wake: (() => void) | undefined;

  constructor(file: string) {
    const tick = () => {
      this.#ticked = true;
      this.#wake?.();
    };
    try {
      this.#watcher = watch(file, tick);
      this.#watcher.on('error', () => {});
    } catch {
      // No inotify left, or a file system that has none: the poll will do.
    }
  }

  /** Resolves at the next change, after `pollMs`, or when `signal` is aborted. */
  async next(signal?: AbortSignal): Promise<void> {
    if (!this.#ticked && !signal?.aborted) {
      let timer: NodeJS.Timeout | undefined;
      let wake = () => {};
      await new Promise<void>(resolve => {
        wake = () => resolve();
        this.#wake = wake;
        timer = setTimeout(wake, pollMs);
        signal?.addEventListener('abort', wake, {once: true});
      });
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      this.#wake = undefined;
    }
    this.#ticked = false;
  }

  close(): void {
    this.#watcher?.close();
  }
}
