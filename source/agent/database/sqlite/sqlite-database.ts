import {stat} from 'node:fs/promises';
import type {IdColumn} from '../../../core/id-blocks.js';
import type {ItemRecord, ItemRef, RowRecord, RowRef, TableRecord} from '../../../core/item.js';
import {OperatorError} from '../../../core/operator-error.js';
import type {DatabaseScan, TableDescription} from '../../../core/site-description.js';
import type {Position} from '../../../protocol/record-endpoints.js';
import {Mutex} from '../../../system/mutex.js';
import {TimeSlice} from '../../../system/time-slice.js';
import type {
  DatabaseCommit,
  DatabaseParticipant,
  Progress,
  SiteDatabase,
  StagedRow,
  WireRow,
} from '../../site/ports.js';
import {createTableFilter, type DatabaseMemory, type SiteDatabaseOptions} from '../database-options.js';
import {RowLocalizer} from '../row-localizer.js';
import type {ImagePiece, TableImage} from '../table-image.js';
import {referencesOf} from '../table-shape.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {beginSqliteCommit} from './commit.js';
import {retryWhileBusy, SqliteConnection, withOperatorErrors} from './connection.js';
import {
  rowRecord,
  rowRecordPages,
  stagedRow,
  stagedRowPages,
  stagedRows,
  tableRecord,
} from './read-records.js';
import {findRows} from './references.js';
import {childrenOf, parentsOf} from './relatives.js';
import {relocaliseDatabase} from './relocalise-database.js';
import {idColumns, mustSteer, skipIds, steerIds} from './steer-ids.js';
import {readSqliteImage, sqliteImageFormat} from './table-image.js';
import type {Identity} from './version-store.js';
import {ownTransactions, type Transactions, Workspace, type WorkTable} from './workspace.js';

const defaultLockTimeoutMs = 30_000;

type Opened = {
  /** Identity of the file, to notice one that was put in its place. */
  readonly file: string;
  readonly writer: Workspace;
  /** Small reads; a connection of its own, so that they never see half of what the writer does. */
  readonly reader: Workspace;
};

/**
 * The rows of a SQLite database (DESIGN.md, "Rows"). Opened at first use, so that an agent starts while a database
 * is away. Scans and commits follow one another; reads go on beside them.
 */
export class SqliteDatabase implements SiteDatabase {
  readonly engine = 'sqlite';
  readonly #path: string;
  readonly #options: SiteDatabaseOptions;
  readonly #accepts: (table: string) => boolean;
  readonly #localizer: RowLocalizer;
  readonly #timeoutMs: number;
  readonly #writing = new Mutex();
  readonly #closing = new AbortController();
  #commit: DatabaseParticipant | undefined;
  #opened: Opened | undefined;
  #memory: DatabaseMemory | undefined;
  /** What a commit noticed and the next scan tells. */
  #warnings: string[] = [];

  constructor(path: string, options: SiteDatabaseOptions) {
    this.#path = path;
    this.#options = options;
    this.#accepts = createTableFilter(options.exclude);
    this.#localizer = new RowLocalizer(options.replacements);
    this.#timeoutMs = options.lockTimeoutMs ?? defaultLockTimeoutMs;
    this.#memory = options.lastKnown;
  }

  async scan(options: {signal?: AbortSignal; progress?: Progress; verify?: boolean}): Promise<DatabaseScan> {
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    return await this.#exclusively(async () => {
      const {writer} = await this.#open();
      const transactions = ownTransactions(writer, {timeoutMs: this.#timeoutMs, signal});
      const warnings = await this.#establish(writer, transactions);
      warnings.push(...this.#warnings.splice(0));
      warnings.push(...(await bringUpToDate(writer, transactions, {...options, signal})));
      const number = this.#options.serverNumber?.();
      if (number !== undefined && (await transactions.read(() => mustSteer(writer, number))))
        await transactions.write(() => steerIds(writer, number));
      return await transactions.read(() => {
        const identity = writer.versions.identity()!;
        this.#remember(identity);
        return {engine: this.engine, ...identity, tables: this.#describe(writer), warnings};
      });
    });
  }

  async position(): Promise<Position> {
    return await this.#read(({versions}) => {
      const {epoch, seq} = versions.identity()!;
      return {epoch, seq};
    });
  }

  async *changes(since: Position): AsyncGenerator<RowRecord | TableRecord> {
    const {epoch, targets} = await this.#read(workspace => ({
      epoch: workspace.versions.identity()!.epoch,
      targets: [...workspace.tables().values()],
    }));
    const seq = since.epoch === epoch ? since.seq : 0;
    const slice = new TimeSlice();
    for (const target of targets) {
      if (target.table.primaryKey.length === 0) continue;
      // Pages without a common snapshot: what moves meanwhile lies after the position that the reader keeps.
      const pages = rowRecordPages((await this.#open()).reader, target, seq);
      for (;;) {
        const page = await this.#read(() => pages.next());
        if (page.done === true) break;
        yield* page.value;
        await slice.yieldIfDue();
      }
    }
    for (const target of targets) {
      const record = await this.#read(workspace => tableRecord(workspace, target));
      if (record !== undefined && record.seq > seq) yield record;
    }
  }

  async lookUp(refs: readonly ItemRef[]): Promise<readonly (ItemRecord | undefined)[]> {
    return await this.#readEach(refs, (workspace, tables, ref) => {
      const target = ref.type === 'file' ? undefined : tables.get(ref.table);
      if (target === undefined || ref.type === 'file') return undefined;
      return ref.type === 'table' ? tableRecord(workspace, target) : rowRecord(workspace, target, ref.key);
    });
  }

  async idColumns(): Promise<readonly IdColumn[]> {
    return await this.#read(workspace => idColumns(workspace, this.#options.serverNumber?.()));
  }

  async skipIds(table: string, highest: bigint): Promise<void> {
    await this.#exclusively(async () => {
      const {writer} = await this.#open();
      const {write} = ownTransactions(writer, {timeoutMs: this.#timeoutMs, signal: this.#closing.signal});
      await write(() => skipIds(writer, table, highest));
    });
  }

  async textLimit(table: string, column: string): Promise<number | undefined> {
    return await this.#read(workspace => workspace.shapes().get(table)?.textLimits.get(column));
  }

  async findRows(table: string, values: WireRow, limit: number): Promise<readonly (readonly string[])[]> {
    return await this.#read(workspace => findRows(workspace, table, values, limit));
  }

  async count(): Promise<number> {
    return await this.#read(workspace => {
      const tables = workspace.tables();
      return workspace.versions
        .tables()
        .filter(({name}) => (tables.get(name)?.table.primaryKey.length ?? 0) > 0)
        .reduce((sum, {live}) => sum + live, 0);
    });
  }

  async readRows(refs: readonly RowRef[]): Promise<readonly (StagedRow | undefined)[]> {
    return await this.#readEach(refs, (workspace, tables, ref) => {
      const target = tables.get(ref.table);
      const row = target?.access.read(ref.key);
      return row && stagedRow(workspace, target!, row, workspace.versions.identity()!.replica);
    });
  }

  async *readTable(table: string): AsyncGenerator<StagedRow> {
    yield* this.#snapshot(function* (workspace, isSnapshot) {
      const target = workspace.tables().get(table);
      if (target === undefined) throw new OperatorError('NOT_FOUND', `There is no table ${table}.`);
      // Without a write-ahead log an open read keeps the site from writing, so the pages are read one at a time; a
      // row that changes in between is logged and travels with the next run.
      if (isSnapshot) yield* stagedRows(workspace, target);
      else for (const page of stagedRowPages(workspace, target)) yield* page;
    });
  }

  async imageFormat(table: string): Promise<string | undefined> {
    return await this.#read(workspace => sqliteImageFormat(workspace, workspace.tables().get(table)));
  }

  async *readImage(table: string, format: string): AsyncGenerator<TableImage | ImagePiece, void> {
    await this.#read(() => {});
    const workspace = this.#workspace();
    const read = <T>(task: () => T) =>
      withOperatorErrors(this.#path, () => retryWhileBusy(task, {timeoutMs: this.#timeoutMs}));
    try {
      const isSnapshot = await read(() => beginSnapshot(workspace.connection));
      const target = await read(() => workspace.tables().get(table));
      if (target !== undefined) yield* readSqliteImage(workspace, target, format, {read, isSnapshot});
    } finally {
      workspace.connection.close();
    }
  }

  async *children(refs: readonly RowRef[]): AsyncGenerator<{child: RowRecord; parent: RowRef}> {
    const {tables} = this.#options;
    yield* this.#snapshot(workspace => childrenOf(workspace, refs, tables));
  }

  async *parents(refs: readonly RowRef[]): AsyncGenerator<{child: RowRef; parent: RowRecord}> {
    const {tables} = this.#options;
    yield* this.#snapshot(workspace => parentsOf(workspace, refs, tables));
  }

  beginCommit(commit: DatabaseCommit): DatabaseParticipant {
    let release: (() => void) | undefined;
    const participant = beginSqliteCommit({
      commit,
      path: this.#path,
      timeoutMs: this.#timeoutMs,
      open: async () => {
        release = await this.#writing.acquire();
        try {
          this.#closing.signal.throwIfAborted();
          const {writer} = await this.#open();
          await this.#establish(writer, ownTransactions(writer, {timeoutMs: this.#timeoutMs}));
          this.#commit = participant;
          return this.#workspace();
        } catch (error) {
          release();
          throw error;
        }
      },
      warn: warnings => void this.#warnings.push(...warnings),
      committed: identity => this.#remember(identity),
      serverNumber: () => this.#options.serverNumber?.(),
      release: () => {
        this.#commit = undefined;
        release?.();
      },
    });
    return participant;
  }

  async wasCommitted(runId: string, step: string): Promise<boolean> {
    const {reader} = await this.#open();
    return await retryWhileBusy(
      () =>
        reader.versions.identity() !== undefined &&
        reader.connection.get('SELECT 1 FROM lockstep_run WHERE run = ? AND step = ?', runId, step) !==
          undefined,
      {timeoutMs: this.#timeoutMs},
    );
  }

  async replaceContent(replace: () => Promise<void>): Promise<void> {
    await this.#exclusively(async () => {
      this.#close();
      await replace();
      this.#close();
      const {writer} = await this.#open();
      await this.#establish(writer, ownTransactions(writer, {timeoutMs: this.#timeoutMs}));
    });
  }

  /** Ends a scan at its next pause and takes an unfinished commit back. */
  async close(): Promise<void> {
    this.#closing.abort(new OperatorError('DATABASE_UNAVAILABLE', 'The agent is stopping.'));
    await this.#commit?.undo().catch(() => {});
    await this.#writing.run(async () => this.#close());
  }

  async #exclusively<T>(task: () => Promise<T>): Promise<T> {
    return await this.#writing.run(() => withOperatorErrors(this.#path, task));
  }

  /** Makes our tables, notices a copied or restored database and changed replacements. @returns warnings */
  async #establish(workspace: Workspace, {read, write}: Transactions): Promise<string[]> {
    const {versions} = workspace;
    const memory = this.#memory;
    const {signature} = this.#localizer;
    if (await read(() => versions.isContinuationOf(memory) && versions.replacements() === signature))
      return [];
    const {renewed} = await write(() => {
      const established = versions.establish(memory, signature);
      versions.begin();
      return established;
    });
    const warnings =
      renewed && memory !== undefined
        ? ['The database is a copy or was restored from a backup; it goes on as a new replica.']
        : [];
    const known = versions.replacements();
    if (known !== signature)
      warnings.push(
        ...(await write(() =>
          relocaliseDatabase(
            workspace,
            this.#workspace(RowLocalizer.of(known), workspace.connection),
            signature,
          ),
        )),
      );
    this.#remember(versions.identity()!);
    return warnings;
  }

  #remember({replica, epoch, seq}: DatabaseMemory | Identity): void {
    const known = this.#memory;
    if (known?.replica === replica && known.epoch === epoch && known.seq === seq) return;
    this.#memory = {replica, epoch, seq};
    this.#options.remember?.(this.#memory);
  }

  #describe(workspace: Workspace): TableDescription[] {
    const live = new Map(workspace.versions.tables().map(state => [state.name, state.live]));
    const shapes = workspace.shapes();
    return [...shapes.values()].map(shape => ({
      table: shape.name,
      columns: shape.columns,
      primaryKey: shape.primaryKey,
      references: referencesOf(shape, this.#options.tables?.[shape.name], shapes),
      rows: live.get(shape.name) ?? 0,
    }));
  }

  /** One consistent read on the reading connection. Scans first where the database is not what it has to be yet. */
  async #read<T>(task: (workspace: Workspace) => T): Promise<T> {
    let {reader} = await this.#open();
    const atOnce = () => {
      if (reader.versions.identity() === undefined) return undefined;
      if (reader.versions.replacements() !== this.#localizer.signature) return undefined;
      reader.connection.exec('BEGIN');
      try {
        return {result: task(reader)};
      } finally {
        reader.connection.exec('COMMIT');
      }
    };
    const read = () =>
      withOperatorErrors(this.#path, () => retryWhileBusy(atOnce, {timeoutMs: this.#timeoutMs}));
    const first = await read();
    if (first !== undefined) return first.result;
    await this.scan({});
    ({reader} = await this.#open());
    return (await read())!.result;
  }

  /** Reads something for each reference, in slices that are consistent in themselves. */
  async #readEach<Ref, Found>(
    refs: readonly Ref[],
    read: (workspace: Workspace, tables: ReadonlyMap<string, WorkTable>, ref: Ref) => Found,
  ): Promise<Found[]> {
    const found: Found[] = [];
    const slice = new TimeSlice();
    while (found.length < refs.length) {
      await this.#read(workspace => {
        const tables = workspace.tables();
        do found.push(read(workspace, tables, refs[found.length]!));
        while (found.length < refs.length && !slice.isOver);
      });
      await slice.yieldIfDue();
    }
    return found;
  }

  /** Streams what is read on a connection of its own; in one snapshot where that does not keep the site from writing. */
  async *#snapshot<T>(read: (workspace: Workspace, isSnapshot: boolean) => Iterable<T>): AsyncGenerator<T> {
    await this.#read(() => {});
    const workspace = this.#workspace();
    const {connection} = workspace;
    const slice = new TimeSlice();
    try {
      const isSnapshot = await retryWhileBusy(() => beginSnapshot(connection), {timeoutMs: this.#timeoutMs});
      for (const item of read(workspace, isSnapshot)) {
        yield item;
        await slice.yieldIfDue();
      }
    } finally {
      connection.close();
    }
  }

  #workspace(
    localizer = this.#localizer,
    connection: SqliteConnection = new SqliteConnection(this.#path),
  ): Workspace {
    return new Workspace(connection, this.#accepts, (table, shapes) =>
      localizer.forTable(table, shapes, this.#options.tables),
    );
  }

  async #open(): Promise<Opened> {
    const status = await stat(this.#path, {bigint: true}).catch((error: unknown) => {
      throw new OperatorError('DATABASE_UNAVAILABLE', `There is no database at ${this.#path}.`, {
        hint: 'Correct the database URL of the site in agent.json, or put the file back.',
        cause: error,
      });
    });
    this.#closing.signal.throwIfAborted();
    const file = `${status.dev}:${status.ino}`;
    if (this.#opened?.file !== file) {
      this.#close();
      this.#opened = {file, writer: this.#workspace(), reader: this.#workspace()};
    }
    return this.#opened!;
  }

  #close(): void {
    this.#opened?.writer.connection.close();
    this.#opened?.reader.connection.close();
    this.#opened = undefined;
  }
}

/** Begins to read one snapshot. @returns false where that would keep the site from writing, and nothing was begun */
function beginSnapshot(connection: SqliteConnection): boolean {
  const isLogged = connection.get('PRAGMA journal_mode')?.[0] === 'wal';
  if (isLogged && !connection.inTransaction) connection.exec('BEGIN');
  connection.get('SELECT 1 FROM lockstep_meta');
  return isLogged;
}
