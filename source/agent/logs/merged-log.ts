import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {mergeByTime, type TimedLine} from '../../core/merge-by-time.js';
import type {LogMark} from './log-file.js';

/** What is kept of one merged log beside its file; `marks` by live server. */
type MergedState = {
  length: number;
  lines: number;
  marks: Record<string, readonly LogMark[]>;
  /** The tail file is whole: from here on it takes the place of everything after the cut. */
  pending?: {cut: number; cutLines: number; length: number; lines: number};
};

/** Bytes of a line's entry in the index beside the file: its moment and its length. */
const entryBytes = 12;
const chunkBytes = 256 * 1024;

/**
 * One log, merged by time from all live servers, on the editorial side (G6). An index beside it knows moment and
 * length of every line, so that lines which come late are put where they belong without reading the rest. A crash at
 * any point leaves it as it was or as it became.
 */
export class MergedLog {
  readonly file: string;
  readonly #index: string;
  readonly #stateFile: string;

  constructor(folder: string, name: string) {
    mkdirSync(folder, {recursive: true, mode: 0o700});
    this.file = join(folder, name);
    this.#index = join(folder, `.${name}.index`);
    this.#stateFile = join(folder, `.${name}.state.json`);
  }

  /** How far each server's files have been read. */
  async marks(server: string): Promise<readonly LogMark[]> {
    return (await this.#read()).marks[server] ?? [];
  }

  /**
   * Merges new lines in.
   * @param marks asked after the streams have been read to their end
   * @returns the number of new lines
   * @throws whatever a stream throws; then nothing has changed
   */
  async add(
    streams: readonly AsyncIterable<TimedLine>[],
    marks: () => Readonly<Record<string, readonly LogMark[]>>,
    progress: (lines: number) => void,
  ): Promise<number> {
    const state = await this.#read();
    await this.#settle(state);
    const merged = mergeByTime(streams)[Symbol.asyncIterator]();
    const first = await merged.next();
    if (first.done === true) {
      state.marks = {...state.marks, ...marks()};
      await this.#write(state);
      return 0;
    }
    const cut = this.#cutBefore(state, first.value.at);
    const late = new Appender(`${this.file}.tail`, `${this.#index}.tail`);
    let added = 0;
    try {
      const counted = (async function* () {
        for (
          let next: IteratorResult<TimedLine, void> = first;
          next.done !== true;
          next = await merged.next()
        ) {
          added += 1;
          if (added % 10_000 === 0) progress(added);
          yield next.value;
        }
      })();
      const lines = cut.line === state.lines ? counted : mergeByTime([this.#linesAfter(cut, state), counted]);
      for await (const line of lines) late.append(line);
    } catch (error) {
      late.discard();
      throw error;
    } finally {
      await merged.return?.();
    }
    late.close();
    state.marks = {...state.marks, ...marks()};
    state.pending = {
      cut: cut.offset,
      cutLines: cut.line,
      length: cut.offset + late.bytes,
      lines: cut.line + late.lines,
    };
    await this.#write(state);
    await this.#settle(state);
    return added;
  }

  /** Brings the file to what the state says of it. */
  async #settle(state: MergedState): Promise<void> {
    const {pending} = state;
    if (pending !== undefined) {
      appendFile(this.file, pending.cut, `${this.file}.tail`, pending.length);
      appendFile(
        this.#index,
        pending.cutLines * entryBytes,
        `${this.#index}.tail`,
        pending.lines * entryBytes,
      );
      Object.assign(state, {length: pending.length, lines: pending.lines});
      delete state.pending;
      await this.#write(state);
    }
    for (const file of [this.file, this.#index]) rmSync(`${file}.tail`, {force: true});
  }

  /** The place after the last line that is not later than a moment. */
  #cutBefore({length, lines}: MergedState, at: number): {offset: number; line: number} {
    let [offset, line] = [length, lines];
    if (lines === 0) return {offset, line};
    const descriptor = openSync(this.#index, 'r');
    try {
      const entries = Buffer.alloc(1024 * entryBytes);
      while (line > 0) {
        const count = Math.min(1024, line);
        readSync(descriptor, entries, 0, count * entryBytes, (line - count) * entryBytes);
        for (let index = count - 1; index >= 0; index -= 1) {
          if (entries.readDoubleBE(index * entryBytes) <= at) return {offset, line};
          offset -= entries.readUInt32BE(index * entryBytes + 8);
          line -= 1;
        }
      }
      return {offset, line};
    } finally {
      closeSync(descriptor);
    }
  }

  async *#linesAfter(
    {offset, line}: {offset: number; line: number},
    {lines}: MergedState,
  ): AsyncGenerator<TimedLine, void, undefined> {
    if (line === lines) return;
    const [content, index] = [openSync(this.file, 'r'), openSync(this.#index, 'r')];
    try {
      const entry = Buffer.alloc(entryBytes);
      let position = offset;
      for (let number = line; number < lines; number += 1) {
        readSync(index, entry, 0, entryBytes, number * entryBytes);
        const length = entry.readUInt32BE(8);
        const bytes = Buffer.alloc(length);
        readSync(content, bytes, 0, length, position);
        position += length;
        yield {at: entry.readDoubleBE(0), line: bytes.toString('latin1', 0, length - 1)};
      }
    } finally {
      closeSync(content);
      closeSync(index);
    }
  }

  async #read(): Promise<MergedState> {
    if (!existsSync(this.#stateFile)) return {length: 0, lines: 0, marks: {}};
    return JSON.parse(await readFile(this.#stateFile, 'utf8')) as MergedState;
  }

  async #write(state: MergedState): Promise<void> {
    await writeFileAtomic(this.#stateFile, JSON.stringify(state), {mode: 0o600});
  }
}

/** Writes lines and their index entries, in large pieces, durably at the end. */
class Appender {
  bytes = 0;
  lines = 0;
  readonly #files: readonly [string, string];
  readonly #content: number;
  readonly #index: number;
  #gathered: string[] = [];
  #gatheredBytes = 0;
  #entries: Buffer[] = [];

  constructor(content: string, index: string) {
    this.#files = [content, index];
    this.#content = openSync(content, 'w', 0o600);
    this.#index = openSync(index, 'w', 0o600);
  }

  append({at, line}: TimedLine): void {
    const length = line.length + 1;
    const entry = Buffer.alloc(entryBytes);
    entry.writeDoubleBE(at, 0);
    entry.writeUInt32BE(length, 8);
    this.#gathered.push(line, '\n');
    this.#entries.push(entry);
    this.#gatheredBytes += length;
    this.bytes += length;
    this.lines += 1;
    if (this.#gatheredBytes >= chunkBytes) this.#flush();
  }

  close(): void {
    this.#flush();
    for (const descriptor of [this.#content, this.#index]) {
      fsyncSync(descriptor);
      closeSync(descriptor);
    }
  }

  discard(): void {
    for (const descriptor of [this.#content, this.#index]) closeSync(descriptor);
    for (const file of this.#files) rmSync(file, {force: true});
  }

  #flush(): void {
    writeFully(this.#content, Buffer.from(this.#gathered.join(''), 'latin1'));
    writeFully(this.#index, Buffer.concat(this.#entries));
    this.#gathered = [];
    this.#entries = [];
    this.#gatheredBytes = 0;
  }
}

/** Cuts a file and puts another one behind it; doing it again changes nothing. */
function appendFile(file: string, cut: number, tail: string, length: number): void {
  const target = openSync(file, existsSync(file) ? 'r+' : 'w+', 0o640);
  const source = openSync(tail, 'r');
  try {
    ftruncateSync(target, cut);
    const chunk = Buffer.alloc(chunkBytes);
    let position = cut;
    for (let read = readSync(source, chunk, 0, chunkBytes, 0); read > 0; ) {
      writeFully(target, chunk.subarray(0, read), position);
      position += read;
      read = readSync(source, chunk, 0, chunkBytes, position - cut);
    }
    if (position !== length)
      throw new Error(`defect: ${tail} has ${position - cut} bytes, not ${length - cut}`);
    fsyncSync(target);
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

function writeFully(descriptor: number, bytes: Buffer, position?: number): void {
  let at = position;
  for (let rest = bytes; rest.length > 0; ) {
    const written = writeSync(descriptor, rest, 0, rest.length, at);
    rest = rest.subarray(written);
    if (at !== undefined) at += written;
  }
}
