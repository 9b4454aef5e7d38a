import type {Change} from '../../core/change.js';
import type {IdColumn} from '../../core/id-blocks.js';
import type {
  FileRecord,
  FileRef,
  ItemRecord,
  ItemRef,
  RowRecord,
  RowRef,
  TableRecord,
} from '../../core/item.js';
import type {PackedOutcomes} from '../../core/outcome-runs.js';
import type {Operation} from '../../core/plan.js';
import type {DatabaseScan, OperationOutcome, RootState} from '../../core/site-description.js';
import type {FolderEntry} from '../../protocol/browse-endpoints.js';
import type {Position} from '../../protocol/record-endpoints.js';
import type {ImagePiece, StagedImage, TableImage} from '../database/table-image.js';
import type {PrunableHistory} from './prune-history.js';

/** An operation with its position in the commit's stream, which is how outcomes name it. */
export type IndexedOperation = {readonly index: number; readonly operation: Operation};

/** Called now and then during long work. */
export type Progress = (done: number, total?: number) => void;

/** What one side of a site's commit must be able to do; files and database are two of them (agent/site/commit.ts). */
export type Participant = {
  /**
   * Re-checks expectations, makes everything ready and takes what locks are needed; nothing is visible yet.
   * Answers one outcome per operation. Throws to refuse the whole commit.
   */
  prepare(options: {strict: boolean}): Promise<readonly OperationOutcome[]>;
  /** Makes the prepared work visible, in a way that `undo` or crash recovery can take back. */
  apply(): Promise<void>;
  /** Takes back what `apply` did. */
  undo(): Promise<void>;
  /** Makes it final. After this only forward. */
  finish(): Promise<void>;
};

/** The files of one site: index, scan, staging, commit. */
export type SiteFiles = {
  readonly replica: string;
  /**
   * Brings the index up to date. Nothing is recorded when the root is missing, emptied or changed; with `acceptRoot`
   * (`--max-delete 100%`) the last two are taken as meant. Shares a scan that others asked for and that has not begun.
   */
  scan(options: {
    signal?: AbortSignal;
    progress?: Progress;
    acceptRoot?: boolean;
  }): Promise<{root: RootState; position: Position; live: number; changed: number}>;
  position(): Position;
  /** Records after the position, ordered by path (code points). */
  changes(since: Position): Iterable<FileRecord>;
  lookUp(ref: FileRef): FileRecord | undefined;
  /** Number of live items that the predicate accepts. */
  count(accepts: (path: string, isFolder: boolean) => boolean): number;
  /** Live records below a folder, without the folder itself, in path order. */
  inside(path: string): Iterable<FileRecord>;
  /**
   * What lies directly in a folder on the disk now, folders first; '' is the root.
   * @throws OperatorError UNSAFE_PATH, NOT_FOUND
   */
  list(folder: string, limit: number): {entries: FolderEntry[]; more: boolean};
  freeBytes(): Promise<number>;
  /** Whether names that differ only in case are one name here. */
  foldsNames(): boolean;
  /** A live file whose content the index knows as `digest`; whoever copies it checks what it reads. */
  findByDigest(digest: string): FileRecord | undefined;
  /**
   * Opens an item's content, never through a link in its path. Synchronous: a site has many small files, and a
   * promise for each costs more than the read.
   * @throws OperatorError NOT_FOUND when it is gone or is neither file nor link, UNSAFE_PATH.
   */
  openContent(ref: FileRef): OpenContent;
  /**
   * Begins the file part of a commit. Everything that recovery needs is kept durably in `folder` (outside the
   * root, exists, one per run and step) before the first visible change.
   */
  beginCommit(commit: FilesCommit): FilesParticipant;
  /**
   * After a crash: takes a commit that was begun with this `folder` to its end, or back. Idempotent; a folder
   * without notes means that nothing visible had happened.
   */
  recoverCommit(commit: {
    runId: string;
    step: string;
    folder: string;
    staged: (digest: string) => string;
    decision: 'finish' | 'undo';
  }): Promise<void>;
  /** What commits changed, and what was there before. */
  readonly history: FileHistory;
  close(): Promise<void>;
};

/** What commits changed in a site's files (E10, X2). */
export type FileHistory = PrunableHistory & {
  /** Newest first. */
  entries(filter: {runId?: string; path?: string}): Iterable<Change>;
  find(id: string): Change | undefined;
  /** Absolute path of the file or link that was there before a change; undefined when it is not kept. */
  contentOf(id: string): string | undefined;
};

/** Content that can be read from the beginning; `close` is always called. `mtime` as in FileRecord. */
export type OpenContent =
  | {readonly kind: 'file'; readonly fd: number; readonly size: number; readonly mtime: string; close(): void}
  | {readonly kind: 'link'; readonly target: Uint8Array; close(): void};

export type FilesCommit = {
  readonly runId: string;
  readonly step: string;
  readonly folder: string;
  /** The operations on files, in plan order; can be iterated any number of times (they lie in a file). */
  operations(): Iterable<IndexedOperation>;
  /**
   * Absolute path at which the content of that digest is staged, on the root's file system, named for renaming it
   * into place. Several operations may name one digest: all but the last need a copy. For a link the staged file
   * holds the target's bytes. The path may not exist (the content could not be brought): that operation is skipped.
   * `undo` puts what was taken back under this name, so that the commit can be tried again.
   */
  staged(digest: string): string;
  progress?: Progress;
};

/** A row on the wire: column name → exact value in tagged text (agent/database/wire-value.ts), NULL as null. */
export type WireRow = Readonly<Record<string, string | null>>;

/** A row with its version, as it travels between agents and as it is staged. */
export type StagedRow = {
  readonly table: string;
  readonly key: readonly string[];
  readonly vector: string;
  readonly digest: string;
  readonly row: WireRow;
};

/**
 * What a commit changed in a database. A table that is copied as a whole comes as a deletion of every row that it
 * held (of a table without a key, each under the name of the table) and then one update of the table.
 */
export type RowChange = {
  readonly action: Change['action'];
  readonly item: ItemRef;
  readonly before: StagedRow | undefined;
  /** The version since; of a deletion without a digest. Undefined for the rows of a copied table. */
  readonly after: {readonly digest: string; readonly vector: string} | undefined;
};

/** What a commit brings to a site database. */
export type DatabaseCommit = {
  readonly runId: string;
  readonly step: string;
  /** Lineage that the database takes over. */
  readonly lineage?: string;
  readonly operations: AsyncIterable<IndexedOperation>;
  /**
   * Tables that the operations name. An engine that locks by table locks these before it brings their versions up to
   * date: what the site changes after `positions().before` must not be taken for a part of the commit.
   */
  readonly tables: ReadonlySet<string>;
  /** The content of a `put` operation; may be asked more than once. */
  stagedRow(index: number): Promise<StagedRow | undefined>;
  /** The rows of a `copy-table` operation. */
  stagedTable(table: string): AsyncIterable<StagedRow>;
  /** The table of a `copy-table` operation when it came as an image; then it has no rows. */
  stagedImage?(table: string): StagedImage | undefined;
  /** Receives everything that is changed, with what was there before; before `prepare` answers. */
  history(change: RowChange): Promise<void>;
  progress?: Progress;
};

/** The database's part in a commit. */
export type DatabaseParticipant = Participant & {
  /**
   * Where the database stood when its transaction began (with what the site had changed since the scan) and where it
   * stands after. Known from `prepare` on.
   */
  positions(): {before: Position; after: Position};
};

/** The files' part in a commit. No scan happens from the beginning of `prepare` to the end of `finish` or `undo`. */
export type FilesParticipant = Omit<Participant, 'prepare'> & {
  /** As above, but in order; there may be a million files. */
  prepare(options: {strict: boolean}): Promise<PackedOutcomes>;
  /** Where the index stood when `prepare` began and where it stood when `finish` ended. Known from then on. */
  positions(): {before: Position; after: Position};
};

/** How a database is scanned: until `signal`, telling `progress`, with `verify` row by row. */
export type ScanOptions = {signal?: AbortSignal; progress?: Progress; verify?: boolean};

/** The rows of one site database: capture, versions, reading, applying. One implementation per engine, one contract suite. */
export type SiteDatabase = {
  readonly engine: DatabaseScan['engine'];
  /**
   * Installs capture where it is missing, takes the baseline of new tables, drains the log, describes the schema. With
   * `verify` every row is compared with its version besides: what the triggers missed is recorded, and told in a
   * warning (`run --verify`).
   */
  scan(options: ScanOptions): Promise<DatabaseScan>;
  position(): Promise<Position>;
  /** Rows, then keyless tables, after the position, in `compareItems` order. */
  changes(since: Position): AsyncIterable<RowRecord | TableRecord>;
  lookUp(refs: readonly ItemRef[]): Promise<readonly (ItemRecord | undefined)[]>;
  count(): Promise<number>;
  /** Current values of rows; undefined for one that is gone. */
  readRows(refs: readonly RowRef[]): Promise<readonly (StagedRow | undefined)[]>;
  /** All rows of a table with their versions, in one snapshot. A keyless table's rows have an empty key and vector. */
  readTable(table: string): AsyncIterable<StagedRow>;
  /** The form of image from which the table could be made here; undefined when only rows can be taken. */
  imageFormat?(table: string): Promise<string | undefined>;
  /**
   * The whole table in that form, in one snapshot: its description, then its pieces. Nothing at all when it cannot be
   * had in that form just now; then its rows are read.
   */
  readImage?(table: string, format: string): AsyncIterable<TableImage | ImagePiece>;
  children(refs: readonly RowRef[]): AsyncIterable<{child: RowRecord; parent: RowRef}>;
  parents(refs: readonly RowRef[]): AsyncIterable<{child: RowRef; parent: RowRecord}>;
  /**
   * Keys of rows of a table whose named columns hold these values, at most `limit`: text compared as the column
   * compares it for a unique index, NULL equal to NULL (E18).
   */
  findRows(table: string, values: WireRow, limit: number): Promise<readonly (readonly string[])[]>;
  /** Characters that a text column may hold; undefined when its declaration sets no limit. */
  textLimit(table: string, column: string): Promise<number | undefined>;
  /** What an operator should know of the database as it is made (`doctor`). */
  notes?(): Promise<readonly string[]>;
  /** The columns whose ids the database issues, as they stand now (E25). */
  idColumns(): Promise<readonly IdColumn[]>;
  /**
   * Lets a table's own ids go on after `highest`, an id of this server's, when they stand before it: ids that were
   * issued before the database was restored are not issued again (E25).
   */
  skipIds(table: string, highest: bigint): Promise<void>;
  /** Begins the one transaction of a run's commit. */
  beginCommit(commit: DatabaseCommit): DatabaseParticipant;
  /** Whether the transaction of that run and step was committed: the decisive question of crash recovery. */
  wasCommitted(runId: string, step: string): Promise<boolean>;
  /**
   * Lets a backup be put in the place of all content (E16): meanwhile no scan and no commit is at work, and nothing of
   * ours holds a lock or remembers what was there. Afterwards the database goes on like one that was restored
   * (`SiteDatabaseOptions.lastKnown`). What `replace` throws is thrown; the database is as it was then.
   */
  replaceContent(replace: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
};
