import {createHash, hash} from 'node:crypto';
import {type BigIntStats, closeSync, constants, fstatSync, openSync, readSync} from 'node:fs';
import {open} from 'node:fs/promises';
import {readAhead} from '../site/read-ahead.js';
import type {DiskPath} from './site-root.js';
import {isAbsent, reasonOf} from './system-error.js';

/** What reading a file for its digest gave. `stat` is from after the read and agrees with what was read. */
export type ReadResult =
  | {kind: 'read'; digest: string; stat: BigIntStats}
  | {kind: 'vanished'}
  | {kind: 'changing'}
  | {kind: 'unreadable'; reason: string};

/** What of a look at a file tells whether another one saw the same. */
export type FileState = Pick<BigIntStats, 'ino' | 'dev' | 'size' | 'mtimeNs' | 'ctimeNs' | 'mode'>;

/** Files up to this size are read at once, synchronously: a promise costs more than they do. */
export const smallBytes = 256 * 1024;

/** Never follow a link, never wait for the other end of a FIFO, never become the terminal of a device. */
export const openFlags =
  constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

const buffer = Buffer.allocUnsafe(smallBytes + 1);

/** Digest of a small file. `before` is what `lstat` said. */
export function readSmall(path: DiskPath, before: FileState): ReadResult {
  let fd: number;
  try {
    fd = openSync(path, openFlags);
  } catch (thrown) {
    return notOpened(thrown);
  }
  try {
    let length = 0;
    // What lies behind the size that `before` says is seen by the second look.
    for (const size = Number(before.size); length <= size && length < buffer.length; ) {
      const count = readSync(fd, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0 || length === size) break;
    }
    const stat = fstatSync(fd, {bigint: true});
    if (!sameState(before, stat) || stat.size !== BigInt(length)) return {kind: 'changing'};
    return {kind: 'read', digest: hash('sha256', buffer.subarray(0, length), 'hex'), stat};
  } catch (thrown) {
    return {kind: 'unreadable', reason: reasonOf(thrown)};
  } finally {
    closeSync(fd);
  }
}

/** Digest of a file of any size, read in slices so that memory does not grow with it. */
export async function readLarge(
  path: DiskPath,
  before: BigIntStats,
  signal?: AbortSignal,
): Promise<ReadResult> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, openFlags);
  } catch (thrown) {
    return notOpened(thrown);
  }
  try {
    const sum = createHash('sha256');
    let length = 0n;
    // A byte more than there should be: a file that grows as fast as it is read would never end.
    for await (const chunk of readAhead(handle.fd, Number(before.size) + 1)) {
      signal?.throwIfAborted();
      sum.update(chunk);
      length += BigInt(chunk.length);
    }
    const stat = await handle.stat({bigint: true});
    if (!sameState(before, stat) || stat.size !== length) return {kind: 'changing'};
    return {kind: 'read', digest: sum.digest('hex'), stat};
  } catch (thrown) {
    signal?.throwIfAborted();
    return {kind: 'unreadable', reason: reasonOf(thrown)};
  } finally {
    await handle.close();
  }
}

/** Whether two looks at a file saw the same file in the same state. */
export function sameState(a: FileState, b: FileState): boolean {
  return (
    a.ino === b.ino &&
    a.dev === b.dev &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.mode === b.mode
  );
}

function notOpened(thrown: unknown): ReadResult {
  return isAbsent(thrown) ? {kind: 'vanished'} : {kind: 'unreadable', reason: reasonOf(thrown)};
}
