import type {BigIntStats} from 'node:fs';
import type {SQLOutputValue} from 'node:sqlite';
import type {FileKind, FileRecord} from '../../core/item.js';
import {textToBytes} from '../../core/path-text.js';
import type {VersionVector} from '../../core/version-vector.js';

/** What the index keeps of an item. Times in nanoseconds since the epoch. */
export type IndexedItem = {
  path: string;
  kind: FileKind;
  size: number;
  mtime: bigint;
  /** 0 when the stat cannot be trusted to show the next change, so that the next scan looks at the content again. */
  ctime: bigint;
  /** As a signed 64-bit number, because SQLite has no other. */
  inode: bigint;
  /** All of `st_mode`, type bits included. */
  mode: number;
  digest: string;
  vector: VersionVector;
  deleted: boolean;
  seq: number;
  problem: string | null;
};

/** An item as the rest of the world sees it. */
export function toRecord(item: IndexedItem): FileRecord {
  return {
    type: 'file',
    path: item.path,
    ...(/\\x[0-9a-f]{2}/.test(item.path)
      ? {rawPath: Buffer.from(textToBytes(item.path)).toString('base64')}
      : {}),
    vector: item.vector,
    deleted: item.deleted,
    seq: item.seq,
    kind: item.kind,
    digest: item.digest,
    size: item.size,
    mtime: item.mtime.toString(),
    mode: item.mode & 0o777,
    ...(item.problem === null ? {} : {problem: item.problem}),
  };
}

/** Whether the item still looks as it did when it was recorded. A folder's times are no part of it. */
export function looksUnchanged(item: IndexedItem, stat: BigIntStats): boolean {
  if (item.deleted || BigInt(item.mode) !== stat.mode) return false;
  if (item.kind === 'folder') return true;
  return (
    item.ctime === stat.ctimeNs &&
    item.mtime === stat.mtimeNs &&
    BigInt(item.size) === stat.size &&
    item.inode === BigInt.asIntN(64, stat.ino)
  );
}

/** What remains of an item that is gone. */
export function tombstone(item: IndexedItem, vector: string): IndexedItem {
  return {...item, size: 0, ctime: 0n, inode: 0n, digest: '', vector, deleted: true, problem: null};
}

/** The columns of an item, in the order that `toItem` reads them. */
export const itemColumns =
  'path, kind, size, mtime, ctime, inode, mode, digest, vector, deleted, seq, problem';

/** An item from a row of `itemColumns` with integers as bigint. */
export function toItem(row: SQLOutputValue[]): IndexedItem {
  return {
    path: row[0] as string,
    kind: row[1] as FileKind,
    size: Number(row[2]),
    mtime: row[3] as bigint,
    ctime: row[4] as bigint,
    inode: row[5] as bigint,
    mode: Number(row[6]),
    digest: row[7] as string,
    vector: row[8] as string,
    deleted: row[9] === 1n,
    seq: Number(row[10]),
    problem: row[11] as string | null,
  };
}
