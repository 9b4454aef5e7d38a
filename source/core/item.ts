import type {VersionVector} from './version-vector.js';

/**
 * A file, folder or link. `path` is relative to the site root, with `/`, in the escaped text form of
 * CLI.md (bytes that are not UTF-8 as `\xhh`); it is the identity everywhere outside the file system calls.
 * `rawPath` is base64 of the bytes and is only present where `path` contains an escape.
 */
export type FileRef = {readonly type: 'file'; readonly path: string; readonly rawPath?: string};

/** A row. `key` is the primary key's values in key order as exact text, binary as `\x…`. */
export type RowRef = {readonly type: 'row'; readonly table: string; readonly key: readonly string[]};

/** A whole table: one without a primary key, one that is copied as a whole, or one that must be skipped. */
export type TableRef = {readonly type: 'table'; readonly table: string};

/** Names the unit that is compared, moved, skipped and logged. */
export type ItemRef = FileRef | RowRef | TableRef;

export type FileKind = 'file' | 'folder' | 'link';

type Versioned = {
  readonly vector: VersionVector;
  /** A tombstone: the item is known to have existed and to be gone. */
  readonly deleted: boolean;
  /** The agent's local sequence number of the last change to this record. */
  readonly seq: number;
};

/** What an agent's index knows of a file, folder or link. */
export type FileRecord = FileRef &
  Versioned & {
    readonly kind: FileKind;
    /** SHA-256 in hex of a file's content or of a link's target bytes; '' for a folder and for a tombstone. */
    readonly digest: string;
    /** Bytes; 0 for folders. */
    readonly size: number;
    /** Modification time, nanoseconds since the epoch, as decimal text. */
    readonly mtime: string;
    /** Permission bits (0o777). */
    readonly mode: number;
    /** Why this item cannot be compared or moved (unreadable, special file, link that leaves the root). */
    readonly problem?: string;
  };

/** What a site database's version table knows of a row. `digest` is '' for a tombstone. */
export type RowRecord = RowRef & Versioned & {readonly digest: string};

/** A table without a primary key, versioned as a whole; `digest` covers the multiset of its rows. */
export type TableRecord = TableRef & Versioned & {readonly digest: string; readonly rows: number};

export type ItemRecord = FileRecord | RowRecord | TableRecord;

/** Unique text of an item, usable as a map key. */
export function itemId(item: ItemRef): string {
  switch (item.type) {
    case 'file':
      return `f:${item.path}`;
    case 'row':
      return `r:${item.table}:${JSON.stringify(item.key)}`;
    case 'table':
      return `t:${item.table}`;
  }
}

/** The bare reference of a record or of anything else that extends one. */
export function refOf(item: ItemRef): ItemRef {
  switch (item.type) {
    case 'file':
      return item.rawPath === undefined
        ? {type: 'file', path: item.path}
        : {type: 'file', path: item.path, rawPath: item.rawPath};
    case 'row':
      return {type: 'row', table: item.table, key: item.key};
    case 'table':
      return {type: 'table', table: item.table};
  }
}

/**
 * The order in which agents stream records: files, then rows, then tables, each by `itemSortKey` in code
 * point order (which is the byte order of UTF-8 and so SQLite's BINARY collation). Two streams in this
 * order can be merged without holding either in memory.
 */
export function compareItems(a: ItemRef, b: ItemRef): number {
  if (a.type !== b.type) return rank[a.type] - rank[b.type];
  switch (a.type) {
    case 'file':
      return compareCodePoints(a.path, (b as FileRef).path);
    case 'row':
      return (
        compareCodePoints(a.table, (b as RowRef).table) ||
        compareCodePoints(JSON.stringify(a.key), JSON.stringify((b as RowRef).key))
      );
    case 'table':
      return compareCodePoints(a.table, (b as TableRef).table);
  }
}

const rank = {file: 0, row: 1, table: 2} as const;

/** Compares by code point; JavaScript's own `<` compares UTF-16 units, which differs above U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left === right) continue;
    // Surrogates (D800–DFFF) stand for code points above every other unit (E000–FFFF included).
    const leftHigh = left >= 0xd800 && left <= 0xdfff;
    const rightHigh = right >= 0xd800 && right <= 0xdfff;
    return leftHigh === rightHigh ? left - right : leftHigh ? 1 : -1;
  }
  return a.length - b.length;
}
