import {closeSync, mkdirSync, openSync, readSync, rmSync, writeSync} from 'node:fs';
import {dirname} from 'node:path';
import type {Operation} from '../../core/plan.js';
import {TimeSlice} from '../../system/time-slice.js';
import type {IndexedOperation} from './ports.js';

/** As many operations are held in memory; more lie in a file. */
const inMemory = 2000;
const chunkSize = 64 * 1024;

/**
 * The operations of a call, read from the network once and iterated as often as needed, in constant memory.
 * Positions count the operations from 0.
 */
export class OperationSpool {
  count = 0;
  readonly #path: string;
  #memory: Operation[] | undefined = [];
  #pending: string[] = [];
  #pendingSize = 0;
  #fd: number | undefined;

  /** @param path a file that is made when needed and removed by `discard`. */
  constructor(path: string) {
    this.#path = path;
  }

  async fill(operations: AsyncIterable<Operation>): Promise<this> {
    const slice = new TimeSlice();
    for await (const operation of operations) {
      this.#add(operation);
      if (slice.isOver) await slice.yieldIfDue();
    }
    if (this.#fd !== undefined) this.#flush();
    return this;
  }

  *[Symbol.iterator](): Generator<IndexedOperation, void> {
    if (this.#memory !== undefined) {
      for (const [index, operation] of this.#memory.entries()) yield {index, operation};
      return;
    }
    const buffer = Buffer.allocUnsafe(chunkSize);
    let index = 0;
    let position = 0;
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      const read = readSync(this.#fd!, buffer, 0, buffer.length, position);
      if (read === 0) return;
      position += read;
      const bytes = Buffer.concat([rest, buffer.subarray(0, read)]);
      const end = bytes.lastIndexOf(0x0a);
      rest = bytes.subarray(end + 1);
      if (end < 0) continue;
      for (const line of bytes.toString('utf8', 0, end).split('\n'))
        yield {index: index++, operation: JSON.parse(line)};
    }
  }

  discard(): void {
    this.#memory = [];
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.#path, {force: true});
  }

  #add(operation: Operation): void {
    this.count++;
    if (this.#memory !== undefined) {
      this.#memory.push(operation);
      if (this.#memory.length <= inMemory) return;
      mkdirSync(dirname(this.#path), {recursive: true});
      this.#fd = openSync(this.#path, 'w+', 0o600);
      const held = this.#memory;
      this.#memory = undefined;
      for (const one of held) this.#write(one);
      return;
    }
    this.#write(operation);
  }

  #write(operation: Operation): void {
    const line = `${JSON.stringify(operation)}\n`;
    this.#pending.push(line);
    this.#pendingSize += line.length;
    if (this.#pendingSize >= chunkSize) this.#flush();
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending.join(''));
    this.#pending = [];
    this.#pendingSize = 0;
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#fd!, bytes, written);
  }
}
