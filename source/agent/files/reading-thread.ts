import type {BigIntStats} from 'node:fs';
import {Worker} from 'node:worker_threads';
import {type FileState, type ReadResult, readSmall} from './read-content.js';
import type {DiskPath} from './site-root.js';

/** A small file whose digest is wanted, with what `lstat` said and when that was asked, in nanoseconds. */
export type FileToRead = {
  readonly path: string;
  readonly disk: DiskPath;
  readonly stat: BigIntStats;
  readonly readAt: bigint;
};

/** To the thread: paths, and six numbers of each state in the order of `FileState`. */
export type ReadRequest = {readonly files: readonly DiskPath[]; readonly states: BigInt64Array<ArrayBuffer>};
export type ReadReply = readonly (
  | {readonly kind: 'read'; readonly digest: string}
  | Exclude<ReadResult, {kind: 'read'}>
)[];

/** Files that are sent to the thread together. */
const batchFiles = 64;
/** Batches that may wait for the thread; what is more is read here, so that neither waits for the other. */
const waitingBatches = 12;
/** Files after which a thread pays. */
const worthThread = 500;

/**
 * Reads small files of a scan in a thread beside it: reading and hashing them is half of the work of a first scan. What
 * the thread does not get to is read here, and so is all of it when there is none.
 */
export class ReadingThread {
  readonly #done: (file: FileToRead, result: ReadResult) => void;
  #asked = 0;
  #worker: Worker | undefined;
  #broken = false;
  #batch: FileToRead[] = [];
  /** What the thread has been sent, the oldest first: it answers in this order. */
  readonly #waiting: (readonly FileToRead[])[] = [];
  readonly #replies: ReadReply[] = [];
  #wake: (() => void) | undefined;

  /** @param done told the result of each file, from within `read`, `takeReplies` and `finish` only. */
  constructor(done: (file: FileToRead, result: ReadResult) => void) {
    this.#done = done;
  }

  /** Has a file read, now or later. */
  read(file: FileToRead): void {
    this.#asked += 1;
    if (this.#asked < worthThread || this.#broken) {
      this.#readHere([file]);
      return;
    }
    this.#batch.push(file);
    if (this.#batch.length < batchFiles) return;
    const batch = this.#batch;
    this.#batch = [];
    if (this.#waiting.length < waitingBatches) this.#send(batch);
    else this.#readHere(batch);
  }

  /** Takes what the thread has answered meanwhile. */
  takeReplies(): void {
    for (let reply = this.#replies.shift(); reply !== undefined; reply = this.#replies.shift()) {
      const batch = this.#waiting.shift() ?? [];
      for (const [index, file] of batch.entries()) {
        const result = reply[index]!;
        // What agrees with what `lstat` said is what `lstat` said.
        this.#done(file, result.kind === 'read' ? {...result, stat: file.stat} : result);
      }
    }
  }

  /** Resolves when every file is read. */
  async finish(signal: AbortSignal): Promise<void> {
    this.#readHere(this.#batch);
    this.#batch = [];
    for (;;) {
      this.takeReplies();
      if (this.#waiting.length === 0) return;
      if (this.#broken) {
        for (const batch of this.#waiting.splice(0)) this.#readHere(batch);
        return;
      }
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
      signal.throwIfAborted();
    }
  }

  /** Ends the thread; what it has not read is not read. */
  close(): void {
    this.#broken = true;
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #send(batch: readonly FileToRead[]): void {
    const states = new BigInt64Array(batch.length * 6);
    for (const [index, {stat}] of batch.entries()) {
      const {ino, dev, size, mtimeNs, ctimeNs, mode}: FileState = stat;
      states.set([ino, dev, size, mtimeNs, ctimeNs, mode], index * 6);
    }
    this.#worker ??= this.#start();
    this.#waiting.push(batch);
    const request: ReadRequest = {files: batch.map(({disk}) => disk), states};
    this.#worker.postMessage(request, [states.buffer]);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./read-files-worker.js', import.meta.url), {
      // It keeps nothing but one buffer.
      resourceLimits: {maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 32},
    });
    worker.on('message', (reply: ReadReply) => {
      this.#replies.push(reply);
      this.#wake?.();
    });
    // Without it everything is read here, only slower.
    const giveUp = () => {
      this.#broken = true;
      this.#wake?.();
    };
    worker.once('error', giveUp);
    worker.once('exit', giveUp);
    return worker;
  }

  #readHere(files: readonly FileToRead[]): void {
    for (const file of files) this.#done(file, readSmall(file.disk, file.stat));
  }
}
