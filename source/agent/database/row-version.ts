import {bumpVector} from '../../core/version-vector.js';
import {digestRow} from './row-digest.js';
import type {PresentRow, StoredVersion} from './row-store.js';

/** What the version table keeps of a row, or of a table without a key. `digest` is '' for a tombstone. */
export type Version = {
  readonly digest: string;
  readonly vector: string;
  readonly deleted: boolean;
};

/**
 * What is kept of a table as a whole, under the number by which it is logged. `version` is only used for tables
 * without a key.
 */
export type TableState<Id = number> = {
  readonly id: Id;
  readonly name: string;
  readonly signature: string | null;
  /** Whether every row has its version, so that the log alone tells what changes. */
  readonly compared: boolean;
  readonly active: boolean;
  readonly live: number;
  readonly version: StoredVersion | undefined;
};

/**
 * The version after the site's own change was noticed, or `undefined` when there is nothing to record: the content is
 * what it was (an edit taken back, an entry written for nothing), or the row came and went between two scans.
 *
 * @param found the digest of the row as it is now; undefined when it is gone
 */
export function noticeChange(
  known: Version | undefined,
  found: string | undefined,
  replica: string,
): Version | undefined {
  if (found === undefined) {
    if (known === undefined || known.deleted) return undefined;
    return {digest: '', vector: bumpVector(known.vector, replica), deleted: true};
  }
  if (known !== undefined && !known.deleted && known.digest === found) return undefined;
  return {digest: found, vector: bumpVector(known?.vector ?? '', replica), deleted: false};
}

/**
 * The version of a row that was read, after a comparison with what is known of it; undefined when nothing is to be
 * recorded.
 * @param before the columns that versions were made of, when columns were only added since and every change was
 * logged: a row that is unchanged in these is unchanged and gets its new digest under its old vector, as it does on
 * the other sites
 */
export function noticeRow(
  known: Version | undefined,
  found: PresentRow,
  before: readonly string[] | undefined,
  replica: string,
): Version | undefined {
  const isSame =
    before !== undefined &&
    known !== undefined &&
    known.digest === digestRow(Object.fromEntries(before.map(column => [column, found.row[column] ?? null])));
  if (!isSame) return noticeChange(known, found.digest, replica);
  return known.digest === found.digest ? undefined : {...known, digest: found.digest};
}

/** How many live rows more there are when `before` becomes `after`. */
export function liveDelta(before: Version | undefined, after: Version | undefined): number {
  return Number(after !== undefined && !after.deleted) - Number(before !== undefined && !before.deleted);
}
