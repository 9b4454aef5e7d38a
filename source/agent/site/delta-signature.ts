import {crc32} from 'node:zlib';
import {aheadBytes, readAhead} from './read-ahead.js';

/*
 * Differences of large files after rsync (Tridgell, "Efficient algorithms for sorting and synchronization", 1999):
 * the receiver sends checksums of its old version's blocks, the sender finds those blocks at any offset of the new
 * one. The weak checksum is CRC-32, because zlib computes it at memory speed and it can be rolled like rsync's own.
 * Nothing rests on the strong one but how much is sent: what comes out is checked against its SHA-256, and what fails
 * that is sent whole. So it need not withstand an attacker, and costs no more than the weak one.
 */

/** Files below this size travel whole: their signature would cost as much as they do. Bytes. */
export const deltaThreshold = 1024 * 1024;

/** Bytes of one block's entry in a signature: CRC-32 of the block, and of each but the last of its quarters. */
export const entrySize = 16;

/** Size of the blocks of a file of `size` bytes: about its square root, a power of two, 4 KiB to 8 MiB. */
export function blockSizeOf(size: number): number {
  const wanted = 2 ** Math.round(Math.log2(Math.sqrt(Math.max(size, 1))));
  return Math.min(Math.max(wanted, 4096), 8 * 1024 * 1024);
}

/** With the CRC of the whole block it amounts to the CRCs of its four quarters: 128 bits. */
export function strongChecksum(block: Buffer): Buffer {
  const strong = Buffer.allocUnsafe(entrySize - 4);
  const quarter = block.length / 4;
  for (let part = 0; part < 3; part++)
    strong.writeUInt32BE(crc32(block.subarray(part * quarter, (part + 1) * quarter)), part * 4);
  return strong;
}

/** Entries of all whole blocks of an open file, in order, some thousand per chunk; a last part of a block has none. */
export async function* signatureOf(fd: number, size: number, block: number): AsyncGenerator<Buffer, void> {
  const blocks = Math.floor(size / block);
  const blocksPerRead = Math.max(1, Math.floor(aheadBytes / block));
  const entriesPerChunk = 32 * 1024;
  let chunk = Buffer.allocUnsafe(Math.min(blocks, entriesPerChunk) * entrySize);
  let filled = 0;
  for await (const read of readAhead(fd, blocks * block, blocksPerRead * block)) {
    for (let offset = 0; offset + block <= read.length; offset += block) {
      const bytes = read.subarray(offset, offset + block);
      chunk.writeUInt32BE(crc32(bytes), filled);
      strongChecksum(bytes).copy(chunk, filled + 4);
      filled += entrySize;
      if (filled === chunk.length) {
        yield chunk;
        chunk = Buffer.allocUnsafe(entriesPerChunk * entrySize);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
