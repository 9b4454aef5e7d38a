import {hash} from 'node:crypto';
import type {IdColumn} from '../../../core/id-blocks.js';
import type {ItemRecord, ItemRef, RowRecord, RowRef, TableRecord} from '../../../core/item.js';
import {OperatorError} from '../../../core/operator-error.js';
import type {DatabaseScan, TableDescription} from '../../../core/site-description.js';
import type {Position} from '../../../protocol/record-endpoints.js';
import {Mutex} from '../../../system/mutex.js';
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
import {beginMariadbCommit} from './commit.js';
import {MariadbConnection} from './connection.js';
import {type ConnectionTarget, parseConnectionTarget} from './connection-target.js';
import {rowRecord, rowRecordPages, stagedRows, stagedRowsOf, tableRecord} from './read-records.js';
import {findRows} from './references.js';
import {childrenOf, parentsOf} from './relatives.js';
import {relocaliseDatabase} from './relocalise-database.js';
import {readTables} from './schema.js';
import {asDatabaseError} from './server-error.js';
import {literal} from './sql-text.js';
import {idColumns, skipIds, steerIds} from './steer-ids.js';
import {mariadbImageFormat, readMariadbImage, takesLines} from './table-image.js';
import {dropCopies, putBack} from './undo-log.js';
import type {Identity} from './version-store.js';
import {
  hasDirectTables,
  type Localize,
  type Schema,
  tellDirectTables,
  Workspace,
  type WorkTable,
} from './workspace.js';

const defaultLockTimeoutMs = 30_000;

/** Rows that are looked up in one transaction. */
const lookUpRows = 500;

/**
 * The rows of a MariaDB or MySQL database (DESIGN.md, "Rows"). Connects at first use, so that an agent starts while a
 * database is away. Scans and commits follow one another, also those of another agent at the same database; reads go
 * on beside them.
 */
export class MariadbDatabase implements SiteDatabase {
  readonly engine = 'mysql';
  readonly #target: ConnectionTarget;
  readonly #options: SiteDatabaseOptions;
  readonly #accepts: (table: string) => boolean;
  readonly #localizer: RowLocalizer;
  readonly #timeoutMs: number;
  readonly #writing = new Mutex();
  readonly #reading = new Mutex();
  readonly #closing = new AbortController();
  #commit: DatabaseParticipant | undefined;
  #reader: MariadbConnection | undefined;
  /** The tables as the last scan or commit saw them. */
  #schema: Schema | undefined;
  #memory: DatabaseMemory | undefined;
  /** What a commit noticed and the next scan tells. */
  #warnings: string[] = [];

  constructor(url: string, options: SiteDatabaseOptions) {
    this.#target = parseConnectionTarget(url);
    this.#options = options;
    this.#accepts = createTableFilter(options.exclude);
    this.#localizer = new RowLocalizer(options.replacements);
    this.#timeoutMs = options.lockTimeoutMs ?? defaultLockTimeoutMs;
    this.#memory = options.lastKnown;
  }

  async scan(options: {signal?: AbortSignal; progress?: Progress; verify?: boolean}): Promise<DatabaseScan> {
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    return await this.#writing.run(() =>
      this.#named(async () => {
        const connection = await this.#connectAlone(signal);
        try {
          const warnings = this.#warnings.splice(0);
          const workspace = await this.#bringUpToDate(connection, {...options, signal}, warnings);
          const number = this.#options.serverNumber?.();
          if (number !== undefined) await steerIds(connection, workspace.schema.shapes, number, signal);
          const identity = (await workspace.versions.identity())!;
          this.#remember(identity);
          return {
            engine: this.engine,
            ...identity,
            tables: await this.#describe(workspace),
            warnings: [...warnings, ...tellDirectTables(workspace.schema)],
          };
        } finally {
          connection.close();
        }
      }),
    );
  }

  async position(): Promise<Position> {
    return await this.#read(async ({versions}) => {
      const {epoch, seq} = (await versions.identity())!;
      return {epoch, seq};
    });
  }

  async *changes(since: Position): AsyncGenerator<RowRecord | TableRecord> {
    const {epoch, targets} = await this.#read(async workspace => ({
      epoch: (await workspace.versions.identity())!.epoch,
      targets: [...(await workspace.tables()).values()],
    }));
    const seq = since.epoch === epoch ? since.seq : 0;
    const connection = await this.#connect();
    try {
      // Pages without a common snapshot: what moves meanwhile lies after the position that the reader keeps.
      const workspace = new Workspace(connection, this.#schema!, this.#localize);
      for (const target of targets)
        if (target.table.primaryKey.length > 0)
          for await (const page of rowRecordPages(workspace, target, seq)) yield* page;
      for (const target of targets) {
        const record = await tableRecord(workspace.versions, target);
        if (record !== undefined && record.seq > seq) yield record;
      }
    } catch (error) {
      throw this.#error(error);
    } finally {
      connection.close();
    }
  }

  async notes(): Promise<readonly string[]> {
    return await this.#read(async ({schema}) => tellDirectTables(schema));
  }

  async idColumns(): Promise<readonly IdColumn[]> {
    return await this.#read(({connection, schema}) =>
      idColumns(connection, schema.shapes, this.#options.serverNumber?.()),
    );
  }

  async skipIds(table: string, highest: bigint): Promise<void> {
    await this.#writing.run(() =>
      this.#named(async () => {
        const connection = await this.#connect();
        try {
          await skipIds(connection, this.#schema?.shapes ?? new Map(), table, highest, this.#closing.signal);
        } finally {
          connection.close();
        }
      }),
    );
  }

  async textLimit(table: string, column: string): Promise<number | undefined> {
    await this.#read(async () => {});
    return this.#schema!.shapes.get(table)?.textLimits.get(column);
  }

  async findRows(table: string, values: WireRow, limit: number): Promise<readonly (readonly string[])[]> {
    return await this.#read(async workspace =>
      findRows(workspace.connection, (await workspace.tables()).get(table)?.access, values, limit),
    );
  }

  async lookUp(refs: readonly ItemRef[]): Promise<readonly (ItemRecord | undefined)[]> {
    return await this.#readEach(refs, async (workspace, tables, slice) => {
      const found: (ItemRecord | undefined)[] = [];
      const rows = slice.flatMap(ref => (ref.type === 'row' && tables.has(ref.table) ? [ref] : []));
      const versions = new Map<string, Awaited<ReturnType<typeof workspace.versions.getMany>>>();
      for (const [table, wanted] of Map.groupBy(rows, ref => ref.table))
        versions.set(
          table,
          await workspace.versions.getMany(
            tables.get(table)!.id,
            wanted.map(({key}) => JSON.stringify(key)),
          ),
        );
      for (const ref of slice) {
        const target = ref.type === 'file' ? undefined : tables.get(ref.table);
        if (target === undefined || ref.type === 'file') found.push(undefined);
        else if (ref.type === 'table') found.push(await tableRecord(workspace.versions, target));
        else {
          const known = versions.get(ref.table)?.get(JSON.stringify(ref.key));
          found.push(known && rowRecord(target, ref.key, known));
        }
      }
      return found;
    });
  }

  async count(): Promise<number> {
    return await this.#read(async workspace => {
      const tables = await workspace.tables();
      return (await workspace.versions.tables())
        .filter(({name}) => (tables.get(name)?.table.primaryKey.length ?? 0) > 0)
        .reduce((sum, {live}) => sum + live, 0);
    });
  }

  async readRows(refs: readonly RowRef[]): Promise<readonly (StagedRow | undefined)[]> {
    return await this.#readEach(refs, async (workspace, tables, slice) => {
      const {replica} = (await workspace.versions.identity())!;
      const found = new Map<RowRef, StagedRow>();
      for (const [table, wanted] of Map.groupBy(slice, ref => ref.table)) {
        const target = tables.get(table);
        if (target === undefined) continue;
        const rows = await target.access.readMany(wanted.map(({key}) => key));
        const present = wanted.flatMap(ref => {
          const row = rows.get(JSON.stringify(ref.key));
          return row === undefined ? [] : [{ref, row}];
        });
        const staged = await stagedRowsOf(
          workspace.versions,
          target,
          present.map(({row}) => row),
          replica,
        );
        for (const [index, {ref}] of present.entries()) found.set(ref, staged[index]!);
      }
      return slice.map(ref => found.get(ref));
    });
  }

  async *readTable(table: string): AsyncGenerator<StagedRow> {
    await this.#read(async () => {});
    const versions = await this.#openSnapshot();
    let rows: MariadbConnection | undefined;
    try {
      const workspace = new Workspace(versions, this.#schema!, this.#localize);
      const target = (await workspace.tables()).get(table);
      if (target === undefined) throw new OperatorError('NOT_FOUND', `There is no table ${table}.`);
      const {replica} = (await workspace.versions.identity())!;
      rows = await this.#openSnapshot();
      const {access} = (await workspace.on(rows).tables()).get(table)!;
      yield* stagedRows(workspace.versions, target, access, replica);
    } catch (error) {
      throw this.#error(error);
    } finally {
      versions.close();
      rows?.close();
    }
  }

  async imageFormat(table: string): Promise<string | undefined> {
    return await this.#read(async workspace => {
      const format = mariadbImageFormat(workspace.connection, (await workspace.tables()).get(table));
      return format !== undefined && (await takesLines(workspace.connection)) ? format : undefined;
    });
  }

  async *readImage(table: string, format: string): AsyncGenerator<TableImage | ImagePiece> {
    yield* this.#snapshot(async function* (workspace) {
      const target = (await workspace.tables()).get(table);
      if (target !== undefined) yield* readMariadbImage(workspace.connection, target, format);
    });
  }

  async *children(refs: readonly RowRef[]): AsyncGenerator<{child: RowRecord; parent: RowRef}> {
    yield* this.#snapshot(workspace => childrenOf(workspace, refs, this.#options.tables));
  }

  async *parents(refs: readonly RowRef[]): AsyncGenerator<{child: RowRef; parent: RowRecord}> {
    yield* this.#snapshot(workspace => parentsOf(workspace, refs, this.#options.tables));
  }

  beginCommit(commit: DatabaseCommit): DatabaseParticipant {
    let release: (() => void) | undefined;
    const participant = beginMariadbCommit({
      commit,
      open: async () => {
        release = await this.#writing.acquire();
        try {
          return await this.#named(async () => {
            const connection = await this.#connectAlone(this.#closing.signal);
            try {
              const {signal} = this.#closing;
              // Statements on the schema would end the commit's transaction, so they come before it.
              const workspace = await this.#bringUpToDate(connection, {signal}, this.#warnings);
              const side = await this.#connect();
              this.#commit = participant;
              return {workspace, side};
            } catch (error) {
              connection.close();
              throw error;
            }
          });
        } catch (error) {
          release();
          throw error;
        }
      },
      serverNumber: () => this.#options.serverNumber?.(),
      committed: identity => this.#remember(identity),
      release: () => {
        this.#commit = undefined;
        release?.();
      },
    });
    return participant;
  }

  async wasCommitted(runId: string, step: string): Promise<boolean> {
    const of = `WHERE run = ${literal(runId)} AND step = ${literal(step)}`;
    const found = await this.#onReader(async connection => {
      const tables = await connection.query(
        "SELECT LOWER(TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('lockstep_run', 'lockstep_undo')",
      );
      const has = async (table: string) =>
        tables.some(([name]) => String(name) === table) &&
        (await connection.query(`SELECT 1 FROM ${table} ${of} LIMIT 1`)).length > 0;
      return {marker: await has('lockstep_run'), halfDone: await has('lockstep_undo')};
    });
    // Recovery asks, and a commit of ours that is still open puts its own back.
    if (!found.marker && found.halfDone && this.#commit === undefined) await this.scan({});
    return found.marker;
  }

  async replaceContent(replace: () => Promise<void>): Promise<void> {
    await this.#writing.run(() =>
      this.#named(async () => {
        const {signal} = this.#closing;
        // Holds off another agent at the same database, too.
        const connection = await this.#connectAlone(signal);
        try {
          await this.#reading.run(async () => {
            this.#reader?.close();
            this.#reader = undefined;
            await replace();
            this.#schema = undefined;
          });
          await this.#bringUpToDate(connection, {signal}, []);
        } finally {
          connection.close();
        }
      }),
    );
  }

  /** Ends a scan at its next pause and takes an unfinished commit back. */
  async close(): Promise<void> {
    this.#closing.abort(new OperatorError('DATABASE_UNAVAILABLE', 'The agent is stopping.'));
    await this.#commit?.undo().catch(() => {});
    await this.#writing.run(async () => {
      this.#reader?.close();
      this.#reader = undefined;
    });
  }

  readonly #localize: Localize = (table, shapes) =>
    this.#localizer.forTable(table, shapes, this.#options.tables);

  /** Our tables, the identity, capture and all versions as the site is now. */
  async #bringUpToDate(
    connection: MariadbConnection,
    options: {signal: AbortSignal; progress?: Progress; verify?: boolean},
    warnings: string[],
  ): Promise<Workspace> {
    const {versions} = new Workspace(connection, {shapes: new Map(), all: new Map()}, this.#localize);
    this.#schema = await readTables(connection, this.#accepts);
    await versions.createTables(hasDirectTables(this.#schema));
    const memory = this.#memory;
    if (!(await versions.isContinuationOf(memory))) {
      const {identity, renewed} = await versions.establish(memory, this.#localizer.signature);
      this.#remember(identity);
      if (renewed && memory !== undefined)
        warnings.push('The database is a copy or was restored from a backup; it goes on as a new replica.');
    }
    const workspace = new Workspace(connection, this.#schema, this.#localize);
    await this.#putBack(workspace);
    const openSnapshot = () => this.#openSnapshot();
    const written = await workspace.versions.replacements();
    if (written !== this.#localizer.signature) {
      const old = RowLocalizer.of(written);
      const before = new Workspace(connection, this.#schema, (table, shapes) =>
        old.forTable(table, shapes, this.#options.tables),
      );
      await bringUpToDate(before, {...options, openSnapshot});
      warnings.push(
        ...(await relocaliseDatabase(workspace, before, this.#localizer.signature, openSnapshot)),
      );
    }
    warnings.push(...(await bringUpToDate(workspace, {...options, openSnapshot})));
    return workspace;
  }

  /** What a commit that never came to its end left in tables without transactions. */
  async #putBack(workspace: Workspace): Promise<void> {
    const {connection} = workspace;
    if (!hasDirectTables(workspace.schema)) return;
    if ((await connection.query('SELECT 1 FROM lockstep_undo LIMIT 1')).length === 0) return;
    await connection.run('SET @lockstep_off = 1');
    await putBack(workspace);
    await connection.run('SET @lockstep_off = NULL');
    await dropCopies(connection);
  }

  #remember({replica, epoch, seq}: DatabaseMemory | Identity): void {
    const known = this.#memory;
    if (known?.replica === replica && known.epoch === epoch && known.seq === seq) return;
    this.#memory = {replica, epoch, seq};
    this.#options.remember?.(this.#memory);
  }

  async #describe(workspace: Workspace): Promise<TableDescription[]> {
    const live = new Map((await workspace.versions.tables()).map(state => [state.name, state.live]));
    const {shapes} = workspace.schema;
    return [...shapes.values()].map(shape => ({
      table: shape.name,
      columns: shape.columns,
      primaryKey: shape.primaryKey,
      references: referencesOf(shape, this.#options.tables?.[shape.name], shapes),
      rows: live.get(shape.name) ?? 0,
    }));
  }

  /** One consistent read. Scans first where nothing is known of the database yet. */
  async #read<T>(task: (workspace: Workspace) => Promise<T>): Promise<T> {
    if (this.#schema === undefined) await this.scan({});
    return await this.#onReader(async connection => {
      const workspace = new Workspace(connection, this.#schema!, this.#localize);
      await connection.beginSnapshot();
      try {
        return await task(workspace);
      } finally {
        if (connection.isOpen) await connection.run('COMMIT');
      }
    });
  }

  /** Reads something for each reference, in slices that are consistent in themselves. */
  async #readEach<Ref, Found>(
    refs: readonly Ref[],
    read: (
      workspace: Workspace,
      tables: ReadonlyMap<string, WorkTable>,
      slice: readonly Ref[],
    ) => Promise<readonly Found[]>,
  ): Promise<Found[]> {
    const found: Found[] = [];
    for (let from = 0; from < refs.length; from += lookUpRows) {
      const slice = refs.slice(from, from + lookUpRows);
      found.push(...(await this.#read(async workspace => read(workspace, await workspace.tables(), slice))));
    }
    return found;
  }

  /** Streams what is read in one snapshot, on a connection of its own. */
  async *#snapshot<T>(read: (workspace: Workspace) => AsyncIterable<T>): AsyncGenerator<T> {
    await this.#read(async () => {});
    const connection = await this.#openSnapshot();
    try {
      yield* read(new Workspace(connection, this.#schema!, this.#localize));
    } catch (error) {
      throw this.#error(error);
    } finally {
      connection.close();
    }
  }

  async #onReader<T>(task: (connection: MariadbConnection) => Promise<T>): Promise<T> {
    return await this.#reading.run(() =>
      this.#named(async () => {
        if (this.#reader?.isOpen !== true) this.#reader = await this.#connect();
        return await task(this.#reader);
      }),
    );
  }

  async #openSnapshot(): Promise<MariadbConnection> {
    const connection = await this.#connect();
    await connection.beginSnapshot();
    return connection;
  }

  /** A connection that alone may change our tables, also among agents that share the database; until it is closed. */
  async #connectAlone(signal: AbortSignal): Promise<MariadbConnection> {
    signal.throwIfAborted();
    const connection = await this.#connect();
    const seconds = Math.max(1, Math.ceil(this.#timeoutMs / 1000));
    const name = `lockstep ${hash('sha256', this.#target.database, 'hex').slice(0, 40)}`;
    const [row] = await connection.query(`SELECT GET_LOCK(${literal(name)}, ${seconds})`);
    if (String(row?.[0]) === '1') return connection;
    connection.close();
    throw new OperatorError(
      'DATABASE_LOCKED',
      `Another agent has been at work in ${this.#target.label} for ${seconds} s.`,
      {
        hint: 'Run again when it has ended.',
      },
    );
  }

  async #connect(): Promise<MariadbConnection> {
    this.#closing.signal.throwIfAborted();
    return await MariadbConnection.open(this.#target, this.#timeoutMs);
  }

  async #named<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      throw this.#error(error);
    }
  }

  #error(error: unknown): unknown {
    return asDatabaseError(error, this.#target.label, this.#timeoutMs);
  }
}
