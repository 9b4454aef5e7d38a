import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {createGunzip, createZstdDecompress} from 'node:zlib';
import {parseLogName} from '../../core/log-rotation.js';

/** How far a log file has been read, and by what it is known again when rotation renames, copies or compresses it. */
export type LogMark = {
  readonly path: string;
  /** Bytes that were read, of the uncompressed content. */
  readonly offset: number;
  readonly headBytes: number;
  /** SHA-256 in hex of the first `headBytes`. */
  readonly head: string;
  readonly tailBytes: number;
  /** SHA-256 in hex of the `tailBytes` before the offset. */
  readonly tail: string;
  /** When the file looked like this everything in it had been read: size, modification time, number. */
  readonly seen: string;
  /** Epoch milliseconds of the last line. */
  readonly lastAt: number;
};

const headLimit = 1024;
const tailLimit = 256;

/** What tells a file on the disk from an earlier state of it. */
export async function lookOf(file: string): Promise<{size: number; seen: string; mtimeMs: number}> {
  const {size, mtimeMs, ino} = await stat(file);
  return {size, mtimeMs, seen: `${size}:${mtimeMs}:${ino}`};
}

/** The uncompressed content of a log file, from an offset to the end or to a length. */
export async function* readLog(
  file: string,
  from: number,
  to = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer, void, undefined> {
  if (to <= from) return;
  const {compression} = parseLogName(file);
  if (compression === undefined) {
    const end = Number.isFinite(to) ? {end: to - 1} : {};
    yield* createReadStream(file, {start: from, highWaterMark: 256 * 1024, ...end});
    return;
  }
  const source = createReadStream(file, {highWaterMark: 256 * 1024});
  const unpacked = compression === 'gz' ? createGunzip() : createZstdDecompress();
  source.once('error', error => unpacked.destroy(error));
  source.pipe(unpacked);
  let position = 0;
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      const start = Math.max(0, from - position);
      const end = Math.min(chunk.length, to - position);
      position += chunk.length;
      if (end > start) yield chunk.subarray(start, end);
      if (position >= to) return;
    }
  } finally {
    source.destroy();
    unpacked.destroy();
  }
}

/** The first of the marks whose content a file has. */
export async function findMark(file: string, marks: readonly LogMark[]): Promise<LogMark | undefined> {
  const heads = new Map<number, string | undefined>();
  for (const mark of marks) {
    const {headBytes, tailBytes, offset} = mark;
    // The beginning is cheap also where the whole would have to be unpacked.
    if (!heads.has(headBytes)) heads.set(headBytes, await digest(file, 0, headBytes));
    if (heads.get(headBytes) !== mark.head) continue;
    if ((await digest(file, offset - tailBytes, offset)) === mark.tail) return mark;
  }
  return undefined;
}

/** A mark for a file that has been read up to an offset. */
export async function markOf(
  file: string,
  position: Pick<LogMark, 'path' | 'offset' | 'seen' | 'lastAt'>,
): Promise<LogMark | undefined> {
  const lengths = {
    offset: position.offset,
    headBytes: Math.min(headLimit, position.offset),
    tailBytes: Math.min(tailLimit, position.offset),
  };
  const head = await digest(file, 0, lengths.headBytes);
  const tail = await digest(file, lengths.offset - lengths.tailBytes, lengths.offset);
  return head === undefined || tail === undefined ? undefined : {...position, ...lengths, head, tail};
}

async function digest(file: string, from: number, to: number): Promise<string | undefined> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of readLog(file, from, to)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return bytes === to - from ? hash.digest('hex') : undefined;
}
