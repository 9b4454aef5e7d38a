import type {RowRef} from '../../core/item.js';
import type {Reference} from '../../core/site-description.js';
import type {StagedRow, WireRow} from '../site/ports.js';
import type {Version} from './row-version.js';
import type {StagedImage} from './table-image.js';
import type {TableShape} from './table-shape.js';

/** Drivers may answer at once or later. */
export type Awaitable<T> = T | Promise<T>;

export type StoredVersion = Version & {readonly seq: number};

/** A row as it is in the table now. */
export type PresentRow = {readonly row: WireRow; readonly digest: string};

/** Why the engine refused to write a row; the row is as it was. */
export type Rejection = {
  /** `unique`: another row holds a value; the write may succeed once that one is gone. */
  readonly kind: 'unique' | 'constraint' | 'inexact';
  readonly message: string;
};

/** A parent that a row refers to and that is not there. */
export type MissingParent = {readonly reference: Reference; readonly values: readonly (string | null)[]};

/**
 * What the engine-neutral apply (row-applier.ts) needs of an engine, inside the one open transaction of a commit.
 * Keys are key text, rows and values wire values. Foreign keys are not enforced meanwhile, the site's own triggers
 * do not fire, nothing is logged.
 */
export type RowStore = {
  shape(table: string): TableShape | undefined;
  read(table: string, key: readonly string[]): Awaitable<PresentRow | undefined>;
  /** @param digest of the row; what the table then holds must have it */
  insert(table: string, row: WireRow, digest: string): Awaitable<Rejection | undefined>;
  /** Writes all columns but the key's of a row that exists, as `before`. */
  update(
    table: string,
    key: readonly string[],
    row: WireRow,
    digest: string,
    before: WireRow,
  ): Awaitable<Rejection | undefined>;
  remove(table: string, key: readonly string[]): Awaitable<void>;
  version(table: string, key: readonly string[]): Awaitable<StoredVersion | undefined>;
  /**
   * Told which rows are worked on next, so that a driver to which every question is a round trip can ask for their
   * content and versions (or, with `parents`, for what `missingParents` will be asked) all at once.
   */
  prefetch?(rows: readonly RowRef[], options?: {readonly parents?: boolean}): Awaitable<void>;
  /**
   * Records a version under the next sequence number.
   * @param known the version until now, as `version` told it
   */
  setVersion(
    table: string,
    key: readonly string[],
    version: Version,
    known: Version | undefined,
  ): Awaitable<void>;
  /** Puts a version back as it was, with its old sequence number. */
  restoreVersion(table: string, key: readonly string[], version: StoredVersion | undefined): Awaitable<void>;
  /** Keys of other rows that hold a value which must be unique and which `row` has too. */
  blockers(table: string, row: WireRow): Awaitable<string[][]>;
  /** Foreign keys of the row whose parent does not exist. */
  missingParents(table: string, key: readonly string[]): Awaitable<MissingParent[]>;
  /**
   * For each of the values that rows of `reference.table` had in the referenced columns: a row of `child` that refers
   * to it although no parent has it any more.
   */
  orphans(
    child: string,
    reference: Reference,
    lost: readonly (readonly (string | null)[])[],
  ): Awaitable<{index: number; key: string[]}[]>;
  /** Tables with a foreign key to this one. */
  referencing(table: string): readonly {child: string; reference: Reference}[];
  savepoint(): Awaitable<void>;
  releaseSavepoint(): Awaitable<void>;
  rollbackToSavepoint(): Awaitable<void>;
  /** All rows of the table with their versions. */
  rows(table: string): Iterable<StagedRow> | AsyncIterable<StagedRow>;
  /** Empties the table and forgets its versions. */
  clear(table: string): Awaitable<void>;
  /**
   * Writes rows into a table that was cleared, with their versions if it has a key: `insert` and `setVersion` of each
   * row, for engines that have something faster. The rows fit the table and are what their digests say; what the table
   * makes of them is checked. A rejection leaves the savepoint to be rolled back.
   */
  fill?(table: string, rows: AsyncIterable<StagedRow>): Promise<{rows: number} | Rejection>;
  /** The form of image (table-image.ts) that `fillFromImage` takes for the table; undefined when it takes none. */
  imageFormat?(table: string): Awaitable<string | undefined>;
  /** As `fill`, from an image of the table's form: what the table then holds must come to its checksum. */
  fillFromImage?(table: string, image: StagedImage): Promise<{rows: number} | Rejection>;
  tableVersion(table: string): Awaitable<(StoredVersion & {rows: number}) | undefined>;
  /** Records that a table without a key, unchanged, has this vector. */
  setTableVector(table: string, vector: string): Awaitable<void>;
  /** Records what a table without a key holds now, as a change made here. */
  noticeTable(table: string): Awaitable<void>;
  /** What this transaction has changed so far. */
  readonly journal: ApplyJournal;
};

/** A change that was made, with all that is needed to take it back. */
export type JournalEntry = {
  /** Index of the operation. */
  readonly index: number;
  readonly table: string;
  readonly key: readonly string[];
  readonly action: 'create' | 'update' | 'delete';
  readonly before: WireRow | undefined;
  /** Its version until then. */
  readonly version: StoredVersion | undefined;
  /** Its version since; of a deletion without a digest. */
  readonly after: Pick<Version, 'digest' | 'vector'>;
};

/** Lies in the engine's temporary storage, so that memory does not grow with the commit. */
export type ApplyJournal = {
  add(entry: JournalEntry): Awaitable<void>;
  drop(index: number): Awaitable<void>;
  find(table: string, key: readonly string[]): Awaitable<JournalEntry | undefined>;
  /** In the order of the operations, in pages, so that entries may be dropped meanwhile. */
  entries(): AsyncIterable<JournalEntry> | Iterable<JournalEntry>;
};
