import {createHash} from 'node:crypto';
import {closeSync, openSync, renameSync, rmSync, write} from 'node:fs';
import {dirname} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {OperatorError} from '../../core/operator-error.js';
import {onSettle} from '../memory.js';
import {asSpaceError} from './no-space.js';
import {readFully} from './read-fully.js';
import type {Basis} from './staging.js';

/** Bytes that are checked and written together; small enough to stay in the processor's cache in between. */
const gatheredBytes = 512 * 1024;
/** Buffers that nobody uses just now: made anew for each file they would cost more than what is done with them. */
const spare: Buffer[] = [];
onSettle(() => {
  spare.length = 0;
});

function takeBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(gatheredBytes);
}

/** A large content while it arrives: written under a name of its own, checked as it is written, named by its digest when whole. */
export class StagedFile {
  readonly digest: string;
  readonly #path: string;
  readonly #size: number;
  readonly #basis: {block: number; fd: number; close(): void} | undefined;
  readonly #whole: () => void;
  readonly #sum = createHash('sha256');
  readonly #fd: number;
  /** Bytes that came so far; the last of them are only gathered. */
  #received = 0;
  #gathered = 0;
  #buffer = takeBuffer();
  /** Buffers that nothing is done with just now. */
  readonly #free = [takeBuffer(), takeBuffer()];
  /** What is being checked and written, the oldest first. */
  readonly #writing: {readonly buffer: Buffer; readonly done: Promise<void>}[] = [];
  #open = true;

  constructor(options: {
    path: string;
    digest: string;
    size: number;
    basis: Basis | undefined;
    whole: () => void;
  }) {
    this.digest = options.digest;
    this.#path = options.path;
    this.#size = options.size;
    this.#whole = options.whole;
    this.#basis =
      options.basis === undefined ? undefined : {block: options.basis.block, ...options.basis.open()};
    rmSync(this.#partial, {force: true});
    try {
      this.#fd = openSync(this.#partial, 'wx', 0o600);
    } catch (error) {
      this.#basis?.close();
      throw asSpaceError(error, dirname(options.path));
    }
  }

  get #partial(): string {
    return `${this.#path}.part`;
  }

  /** @throws OperatorError LIMIT_EXCEEDED for more bytes than were announced, NO_SPACE. */
  async write(bytes: Buffer): Promise<void> {
    this.#announce(bytes.length);
    for (let taken = 0; taken < bytes.length; ) {
      const count = bytes.copy(this.#buffer, this.#gathered, taken);
      taken += count;
      this.#gathered += count;
      if (this.#gathered === this.#buffer.length) await this.#flush();
    }
  }

  /** Takes `count` blocks of the basis from block `from` on. */
  async copy(from: number, count: number): Promise<void> {
    const basis = this.#basis;
    if (basis === undefined)
      throw new OperatorError('BAD_REQUEST', 'A copy was asked for where nothing is to copy from.');
    let position = from * basis.block;
    const end = position + count * basis.block;
    this.#announce(end - position);
    while (position < end) {
      const wanted = Math.min(this.#buffer.length - this.#gathered, end - position);
      const target = this.#buffer.subarray(this.#gathered, this.#gathered + wanted);
      const read = await readFully(basis.fd, target, wanted, position);
      this.#gathered += read;
      if (this.#gathered === this.#buffer.length) await this.#flush();
      // The old version has become shorter: the digest will tell.
      if (read === 0) break;
      position += read;
    }
  }

  /** Whether the content is whole and what its digest says; if so it is staged, else it is gone. */
  async finish(): Promise<boolean> {
    await this.#flush();
    await this.#written();
    const whole = this.#received === this.#size && this.#sum.digest('hex') === this.digest;
    await this.#close();
    if (!whole) {
      rmSync(this.#partial, {force: true});
      return false;
    }
    renameSync(this.#partial, this.#path);
    this.#whole();
    return true;
  }

  /** Forgets the content. */
  async abandon(): Promise<void> {
    if (!this.#open) return;
    await this.#close();
    rmSync(this.#partial, {force: true});
  }

  /** Stops where it is; what has come stays to continue from. */
  async interrupt(): Promise<void> {
    if (!this.#open) return;
    await this.#flush().catch(() => {});
    await this.#close();
  }

  #announce(bytes: number): void {
    if (this.#received + bytes > this.#size)
      throw new OperatorError('LIMIT_EXCEEDED', 'A content is longer than was said.');
    this.#received += bytes;
  }

  /** Lets what is gathered be checked and written, while more is gathered in another buffer. */
  async #flush(): Promise<void> {
    if (this.#gathered === 0) return;
    const done = this.#check(this.#buffer.subarray(0, this.#gathered), this.#writing.at(-1)?.done);
    // Told to whoever waits for it next.
    done.catch(() => {});
    this.#writing.push({buffer: this.#buffer, done});
    this.#gathered = 0;
    const free = this.#free.pop();
    if (free !== undefined) {
      this.#buffer = free;
      return;
    }
    const {buffer, done: written} = this.#writing.shift()!;
    this.#buffer = buffer;
    await written;
  }

  async #check(bytes: Buffer, earlier: Promise<void> | undefined): Promise<void> {
    // What comes next is asked for first: it is read while this is computed.
    await setImmediate();
    this.#sum.update(bytes);
    await earlier;
    await this.#append(bytes);
  }

  async #written(): Promise<void> {
    await this.#writing.at(-1)?.done;
  }

  async #close(): Promise<void> {
    this.#open = false;
    await this.#written().catch(() => {});
    const buffers = [this.#buffer, ...this.#free, ...this.#writing.map(({buffer}) => buffer)];
    spare.push(...buffers.slice(0, sparesKept - spare.length));
    closeSync(this.#fd);
    this.#basis?.close();
  }

  async #append(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; )
      done += await new Promise<number>((resolve, reject) =>
        write(this.#fd, bytes, done, bytes.length - done, null, (error, count) =>
          error === null ? resolve(count) : reject(asSpaceError(error, dirname(this.#path))),
        ),
      );
  }
}

const sparesKept = 6;
