import {setImmediate} from 'node:timers/promises';
import {crc32} from 'node:zlib';
import {entrySize, strongChecksum} from './delta-signature.js';
import {readFully} from './read-fully.js';

/** A receiver's old version, as its signature describes it. */
export type Signature = {readonly block: number; readonly entries: Buffer};

/** How a new version comes about: a run of blocks of the old one, or new bytes (valid until the next part is asked for). */
export type DeltaPart =
  | {readonly kind: 'copy'; readonly from: number; readonly count: number}
  | {readonly kind: 'literal'; readonly bytes: Buffer};

/** Bytes of a literal at most, so that it fits into a frame. */
const literalSize = 512 * 1024;
/** Blocks of a copy at most, so that a stream of nothing but copies is never silent for long. */
const copiedAtOnce = 1024;

/**
 * Tells an open file of `size` bytes as differences from a signature. While the two are in step, each block is only
 * compared with the one that is expected next, at the speed of native code; bytes are rolled through one by one only
 * where they are out of step.
 */
export async function* matchDelta(
  fd: number,
  size: number,
  signature: Signature,
): AsyncGenerator<DeltaPart, void> {
  const {block} = signature;
  const index = new BlockIndex(signature);
  const roller = new RollingCrc(block);
  const window = new FileWindow(fd, size, block);
  let expected = 0;
  let copy: {from: number; count: number} | undefined;
  let literalFrom = 0;
  let position = 0;

  while (position + block <= size) {
    await window.hold(literalFrom, position);
    const bytes = window.at(position, block);
    const weak = crc32(bytes);
    let found = index.find(weak, bytes, expected);
    if (found === undefined) {
      // Out of step: roll on, as far as the window reaches, to where some block begins.
      let raw = roller.begin(weak);
      const {buffer, start} = window;
      const last = Math.min(window.end - block, literalFrom + literalSize) - start;
      let offset = position - start;
      while (offset < last) {
        raw = roller.roll(raw, buffer[offset]!, buffer[offset + block]!);
        offset++;
        if (!index.mayHave(roller.finish(raw))) continue;
        found = index.find(roller.finish(raw), buffer.subarray(offset, offset + block), expected);
        if (found !== undefined) break;
      }
      // Nothing in reach: the window moves on from the next offset that was not looked at.
      position = found === undefined && offset === position - start ? position + 1 : start + offset;
    }
    const literalEnd = found === undefined ? Math.min(position, literalFrom + literalSize) : position;
    if (literalEnd > literalFrom && (found !== undefined || literalEnd - literalFrom >= literalSize)) {
      if (copy !== undefined) yield {kind: 'copy', ...copy};
      copy = undefined;
      yield {kind: 'literal', bytes: window.at(literalFrom, literalEnd - literalFrom)};
      literalFrom = literalEnd;
    }
    if (found !== undefined) {
      if (copy !== undefined && copy.from + copy.count === found && copy.count < copiedAtOnce) copy.count++;
      else {
        if (copy !== undefined) yield {kind: 'copy', ...copy};
        copy = {from: found, count: 1};
      }
      expected = found + 1;
      position += block;
      literalFrom = position;
    }
  }
  if (copy !== undefined) yield {kind: 'copy', ...copy};
  while (literalFrom < size) {
    await window.hold(literalFrom, literalFrom);
    const length = Math.min(size - literalFrom, literalSize, window.end - literalFrom);
    yield {kind: 'literal', bytes: window.at(literalFrom, length)};
    literalFrom += length;
  }
}

/** The blocks of a signature, found by weak checksum and confirmed by the strong one. */
class BlockIndex {
  readonly #entries: Buffer;
  readonly #count: number;
  readonly #byWeak = new Map<number, number>();
  /** Next block with the same weak checksum, or -1. */
  readonly #next: Int32Array;
  /** By the upper bits of a weak checksum: so large that it is nearly empty, as it is asked for every byte. */
  readonly #filter = new Uint8Array(1 << 20);

  constructor({entries}: Signature) {
    this.#entries = entries;
    this.#count = Math.floor(entries.length / entrySize);
    this.#next = new Int32Array(this.#count).fill(-1);
    for (let block = this.#count - 1; block >= 0; block--) {
      const weak = entries.readUInt32BE(block * entrySize);
      this.#next[block] = this.#byWeak.get(weak) ?? -1;
      this.#byWeak.set(weak, block);
      this.#filter[weak >>> 12] = 1;
    }
  }

  mayHave(weak: number): boolean {
    return this.#filter[weak >>> 12] === 1 && this.#byWeak.has(weak);
  }

  /** @param expected the block that follows the last one found: of it the weak checksum is proof enough. */
  find(weak: number, bytes: Buffer, expected: number): number | undefined {
    if (expected < this.#count && this.#entries.readUInt32BE(expected * entrySize) === weak) return expected;
    if (!this.mayHave(weak)) return undefined;
    const strong = strongChecksum(bytes);
    // A block that occurs very often (zeros) is found at its first occurrences; more would only cost time.
    let tries = 8;
    for (let block = this.#byWeak.get(weak)!; block >= 0 && tries > 0; block = this.#next[block]!, tries--)
      if (this.#is(block, weak, strong)) return block;
    return undefined;
  }

  #is(block: number, weak: number, strong: Buffer): boolean {
    const at = block * entrySize;
    return (
      this.#entries.readUInt32BE(at) === weak && strong.compare(this.#entries, at + 4, at + entrySize) === 0
    );
  }
}

/** CRC-32 of a window of fixed length that moves on by one byte. CRC is linear, so the byte that leaves can be taken out. */
class RollingCrc {
  readonly #step = crcTable;
  /** What a byte contributes once `length` more bytes have followed it. */
  readonly #leave = new Int32Array(256);
  /** Difference between zlib's CRC (preset and inverted) and the plain one, for this length. */
  readonly #preset: number;

  constructor(length: number) {
    const zeros = Buffer.alloc(length);
    this.#preset = crc32(zeros) | 0;
    const presetLonger = crc32(Buffer.alloc(length + 1)) | 0;
    const probe = Buffer.alloc(length + 1);
    // The contribution is linear in the bits of the byte: eight probes give all 256.
    for (let bit = 0; bit < 8; bit++) {
      probe[0] = 1 << bit;
      const contribution = (crc32(probe) | 0) ^ presetLonger;
      for (let byte = 0; byte < 256; byte++)
        if ((byte >> bit) & 1) this.#leave[byte] = this.#leave[byte]! ^ contribution;
    }
  }

  begin(crc: number): number {
    return (crc | 0) ^ this.#preset;
  }

  roll(raw: number, leaving: number, entering: number): number {
    return this.#step[(raw ^ entering) & 0xff]! ^ (raw >>> 8) ^ this.#leave[leaving]!;
  }

  finish(raw: number): number {
    return (raw ^ this.#preset) >>> 0;
  }
}

const crcTable = Int32Array.from({length: 256}, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The part of a file that is in memory. */
class FileWindow {
  readonly #fd: number;
  readonly #size: number;
  readonly #block: number;
  buffer: Buffer;
  /** Offsets in the file of the first byte in memory and of the one after the last. */
  start = 0;
  end = 0;

  constructor(fd: number, size: number, block: number) {
    this.#fd = fd;
    this.#size = size;
    this.#block = block;
    this.buffer = Buffer.allocUnsafe(Math.min(size, literalSize + 2 * block + 1024 * 1024));
  }

  /** Makes sure that everything from `from` to a block and a byte beyond `position` is in memory, where the file has it. */
  async hold(from: number, position: number): Promise<void> {
    if (Math.min(position + this.#block + 1, this.#size) <= this.end) return;
    await setImmediate();
    const kept = this.end - from;
    if (kept > 0) this.buffer.copyWithin(0, from - this.start, this.end - this.start);
    this.start = from;
    const filled = Math.max(kept, 0);
    const wanted = Math.min(this.buffer.length - filled, this.#size - from - filled);
    const target = this.buffer.subarray(filled, filled + wanted);
    const read = await readFully(this.#fd, target, wanted, from + filled);
    if (read < wanted) throw new Error('the file became shorter while it was read');
    this.end = from + filled + read;
  }

  at(position: number, length: number): Buffer {
    return this.buffer.subarray(position - this.start, position - this.start + length);
  }
}
