import type pg from 'pg';
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
import {beginPostgresCommit} from './commit.js';
import {createPool, PgConnection} from './connection.js';
import {withOperatorErrors} from './errors.js';
import {rowRecordPages, stagedRows, tableRecord, withVersions} from './read-records.js';
import {findRows} from './references.js';
import {childrenOf, parentsOf} from './relatives.js';
import {relocaliseDatabase} from './relocalise-database.js';
import {idColumns, mustSteer, skipIds, steerIds} from './steer-ids.js';
import {readForeignRows} from './table-access.js';
import {isComputable, pgImageFormat, readPgImage} from './table-image.js';
import {type Identity, isContinuation} from './version-store.js';
import {type Catalog, ownTransactions, type Setup, Workspace, type Write} from './workspace.js';

const defaultLockTimeoutMs = 30_000;
/** Older ones do not write floats in the shortest exact text. */
const oldestServer = 120_000;
/** References that are looked up in one transaction. */
const lookedUpAtOnce = 500;

/**
 * The rows of a PostgreSQL database (DESIGN.md, "Rows"): the tables of the first schema in the connection's search
 * path, `public` unless the database says otherwise. Connects at first use, so that an agent starts while a database
 * is away. Scans and commits follow one another; reads go on beside them, each in one snapshot.
 */
export class PostgresDatabase implements SiteDatabase {
  readonly engine = 'postgres';
  readonly #options: SiteDatabaseOptions;
  readonly #localizer: RowLocalizer;
  readonly #setup: Setup;
  readonly #place: {readonly name: string; readonly lockTimeoutMs: number};
  readonly #pool: pg.Pool;
  readonly #writing = new Mutex();
  readonly #closing = new AbortController();
  readonly #open = new Set<PgConnection>();
  #commit: DatabaseParticipant | undefined;
  #memory: DatabaseMemory | undefined;
  /** The tables as the last scan or commit saw them; unknown until one has established who the database is. */
  #catalog: Catalog | undefined;
  /** What a commit noticed and the next scan tells. */
  #warnings: string[] = [];

  constructor(url: string, options: SiteDatabaseOptions) {
    if (!URL.canParse(url) || new URL(url).pathname.length < 2)
      throw new OperatorError('INVALID_CONFIGURATION', 'A postgres: URL needs the name of the database.', {
        hint: 'It is written postgres://user:pass@host:port/name.',
      });
    const lockTimeoutMs = options.lockTimeoutMs ?? defaultLockTimeoutMs;
    this.#options = options;
    this.#localizer = new RowLocalizer(options.replacements);
    this.#setup = this.#setupWith(this.#localizer);
    this.#place = {name: nameOf(url), lockTimeoutMs};
    this.#pool = createPool({url, lockTimeoutMs});
    this.#memory = options.lastKnown;
  }

  async scan(options: {signal?: AbortSignal; progress?: Progress; verify?: boolean}): Promise<DatabaseScan> {
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    return await this.#writing.run(() =>
      this.#with(async workspace => {
        const write = ownTransactions(workspace);
        const warnings = await this.#establish(workspace, write);
        await workspace.refresh();
        warnings.push(...this.#warnings.splice(0));
        warnings.push(...(await bringUpToDate(workspace, write, {...options, signal})));
        const number = this.#options.serverNumber?.();
        if (number !== undefined && (await mustSteer(workspace, number)))
          await write(() => steerIds(workspace, number));
        this.#catalog = workspace.tables;
        const identity = (await workspace.versions.identity())!;
        this.#remember(identity);
        return {engine: this.engine, ...identity, tables: await this.#describe(workspace), warnings};
      }),
    );
  }

  async position(): Promise<Position> {
    const {epoch, seq} = await this.#read(async ({versions}) => (await versions.identity())!);
    return {epoch, seq};
  }

  async *changes(since: Position): AsyncGenerator<RowRecord | TableRecord, void> {
    const {epoch} = await this.position();
    const seq = since.epoch === epoch ? since.seq : 0;
    const targets = [...this.#catalog!.values()];
    for (const target of targets) {
      if (target.table.primaryKey.length === 0) continue;
      // Pages without a common snapshot: what moves meanwhile lies after the position that the reader keeps.
      for await (const page of rowRecordPages(task => this.#read(task), target, seq)) yield* page;
    }
    const states = await this.#read(({versions}) => versions.tables());
    for (const target of targets) {
      const record = tableRecord(
        target,
        states.find(({id}) => id === target.id),
      );
      if (record !== undefined && record.seq > seq) yield record;
    }
  }

  async lookUp(refs: readonly ItemRef[]): Promise<readonly (ItemRecord | undefined)[]> {
    const found: (ItemRecord | undefined)[] = refs.map(() => undefined);
    for (const [name, part] of lots(refs, ref => (ref.type === 'file' ? undefined : ref.table)))
      await this.#read(async ({versions, tables}) => {
        const target = tables.get(name);
        if (target === undefined) return;
        const rows = part.filter(({ref}) => ref.type === 'row') as {ref: RowRef; index: number}[];
        const known = await versions.getMany(
          target.id,
          rows.map(({ref}) => JSON.stringify(ref.key)),
        );
        for (const {ref, index} of rows) {
          const version = known.get(JSON.stringify(ref.key));
          if (version !== undefined) found[index] = {type: 'row', table: name, key: ref.key, ...version};
        }
        for (const {ref, index} of part)
          if (ref.type === 'table') found[index] = tableRecord(target, await versions.table(target.id));
      });
    return found;
  }

  async idColumns(): Promise<readonly IdColumn[]> {
    return await this.#read(workspace => idColumns(workspace, this.#options.serverNumber?.()));
  }

  async skipIds(table: string, highest: bigint): Promise<void> {
    const number = this.#options.serverNumber?.();
    if (number === undefined) return;
    await this.#writing.run(() =>
      this.#with(async workspace => {
        await workspace.refresh();
        await ownTransactions(workspace)(() => skipIds(workspace, table, highest, number));
      }),
    );
  }

  async textLimit(table: string, column: string): Promise<number | undefined> {
    return await this.#read(async ({tables}) => tables.get(table)?.table.column.get(column)?.textLimit);
  }

  async findRows(table: string, values: WireRow, limit: number): Promise<readonly (readonly string[])[]> {
    return await this.#read(({connection, tables}) =>
      findRows(connection, tables.get(table)?.table, values, limit),
    );
  }

  async count(): Promise<number> {
    return await this.#read(async ({versions, tables}) =>
      (await versions.tables())
        .filter(({name}) => (tables.get(name)?.table.primaryKey.length ?? 0) > 0)
        .reduce((sum, {live}) => sum + live, 0),
    );
  }

  async readRows(refs: readonly RowRef[]): Promise<readonly (StagedRow | undefined)[]> {
    const found: (StagedRow | undefined)[] = refs.map(() => undefined);
    for (const [name, part] of lots(refs, ref => ref.table))
      await this.#read(async workspace => {
        const target = workspace.tables.get(name);
        if (target === undefined) return;
        const rows = await readForeignRows(
          workspace.connection,
          target.table,
          part.map(({ref}) => ref.key),
        );
        const {replica} = (await workspace.versions.identity())!;
        const staged = await withVersions(workspace, target, [...rows.values()], replica);
        const byKey = new Map(staged.map(row => [JSON.stringify(row.key), row]));
        for (const {ref, index} of part) found[index] = byKey.get(JSON.stringify(ref.key));
      });
    return found;
  }

  async *readTable(table: string): AsyncGenerator<StagedRow, void> {
    yield* this.#stream(async function* (workspace) {
      const target = workspace.tables.get(table);
      if (target === undefined) throw new OperatorError('NOT_FOUND', `There is no table ${table}.`);
      const {replica} = (await workspace.versions.identity())!;
      yield* stagedRows(workspace, target, replica);
    });
  }

  async imageFormat(table: string): Promise<string | undefined> {
    return await this.#read(async ({tables, connection}) => {
      const shape = tables.get(table)?.table;
      if (shape === undefined || !(await isComputable(connection, shape))) return undefined;
      return pgImageFormat(shape);
    });
  }

  async *readImage(table: string, format: string): AsyncGenerator<TableImage | ImagePiece, void> {
    yield* this.#stream(async function* (workspace) {
      const target = workspace.tables.get(table);
      if (target !== undefined) yield* readPgImage(workspace, target, format);
    });
  }

  async *children(refs: readonly RowRef[]): AsyncGenerator<{child: RowRecord; parent: RowRef}, void> {
    yield* this.#stream(workspace => childrenOf(workspace, refs, this.#options.tables));
  }

  async *parents(refs: readonly RowRef[]): AsyncGenerator<{child: RowRef; parent: RowRecord}, void> {
    yield* this.#stream(workspace => parentsOf(workspace, refs, this.#options.tables));
  }

  beginCommit(commit: DatabaseCommit): DatabaseParticipant {
    let release: (() => void) | undefined;
    let opened: Workspace | undefined;
    const participant = beginPostgresCommit({
      commit,
      named: task => withOperatorErrors(this.#place, task),
      open: async () => {
        release = await this.#writing.acquire();
        try {
          opened = new Workspace(await this.#connect(), this.#setup);
          const workspace = opened;
          await withOperatorErrors(this.#place, () => this.#establish(workspace, ownTransactions(workspace)));
          this.#commit = participant;
          return opened;
        } catch (error) {
          if (opened !== undefined) this.#release(opened.connection, true);
          release();
          throw error;
        }
      },
      warn: warnings => void this.#warnings.push(...warnings),
      committed: identity => {
        this.#catalog = opened?.tables ?? this.#catalog;
        this.#remember(identity);
      },
      serverNumber: () => this.#options.serverNumber?.(),
      release: () => {
        this.#commit = undefined;
        if (opened !== undefined) this.#open.delete(opened.connection);
        release?.();
      },
    });
    return participant;
  }

  async wasCommitted(runId: string, step: string): Promise<boolean> {
    return await this.#with(async ({connection, versions}) => {
      if ((await versions.identity()) === undefined) return false;
      const row = await connection.row('SELECT 1 FROM lockstep.run WHERE run = $1 AND step = $2', [
        runId,
        step,
      ]);
      return row !== undefined;
    });
  }

  async replaceContent(replace: () => Promise<void>): Promise<void> {
    await this.#writing.run(async () => {
      await replace();
      // Its tables have other numbers now, even if they are the same.
      this.#catalog = undefined;
      await this.#with(async workspace => {
        await this.#establish(workspace, ownTransactions(workspace));
      });
    });
  }

  /** Ends a scan at its next statement and takes an unfinished commit back. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new OperatorError('DATABASE_UNAVAILABLE', 'The agent is stopping.'));
    await this.#commit?.undo().catch(() => {});
    await this.#writing.run(async () => {});
    // Streams that nobody reads to their end would keep the pool from ending.
    for (const connection of this.#open) this.#release(connection, true);
    await this.#pool.end();
  }

  /** Makes our tables, notices a copied or restored database and changed replacements. @returns warnings */
  async #establish(workspace: Workspace, write: Write): Promise<string[]> {
    const {connection, versions} = workspace;
    const version = Number((await connection.row('SHOW server_version_num'))?.[0]);
    if (version < oldestServer)
      throw new OperatorError(
        'DATABASE_UNAVAILABLE',
        `${this.#place.name} is of version ${Math.floor(version / 10_000)}; Lockstep needs PostgreSQL 12 or newer.`,
      );
    const memory = this.#memory;
    const {signature} = this.#localizer;
    const present = await versions.known();
    if (isContinuation(present, memory) && present?.replacements === signature) return [];
    const {renewed} = await write(async () => {
      const established = await versions.establish(memory, signature);
      await versions.begin();
      return established;
    });
    const warnings =
      renewed && memory !== undefined
        ? ['The database is a copy or was restored from a backup; it goes on as a new replica.']
        : [];
    const known = await versions.known();
    if (known!.replacements !== signature)
      warnings.push(
        ...(await relocaliseDatabase(
          workspace,
          new Workspace(connection, this.#setupWith(RowLocalizer.of(known!.replacements))),
          signature,
        )),
      );
    this.#remember((await versions.identity())!);
    return warnings;
  }

  #setupWith(localizer: RowLocalizer): Setup {
    return {
      accepts: createTableFilter(this.#options.exclude),
      localize: (table, shapes) => localizer.forTable(table, shapes, this.#options.tables),
    };
  }

  #remember({replica, epoch, seq}: DatabaseMemory | Identity): void {
    const known = this.#memory;
    if (known?.replica === replica && known.epoch === epoch && known.seq === seq) return;
    this.#memory = {replica, epoch, seq};
    this.#options.remember?.(this.#memory);
  }

  async #describe({versions, shapes}: Workspace): Promise<TableDescription[]> {
    const live = new Map((await versions.tables()).map(state => [state.name, state.live]));
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
    if (this.#catalog === undefined) await this.scan({});
    return await this.#with(async workspace => {
      const {connection} = workspace;
      await connection.run('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      try {
        return await task(workspace);
      } finally {
        await connection.run('COMMIT');
      }
    });
  }

  /** A connection for a piece of work; errors are named as what they are to the operator. */
  async #with<T>(task: (workspace: Workspace) => Promise<T>): Promise<T> {
    return await withOperatorErrors(this.#place, async () => {
      const connection = await this.#connect();
      try {
        const result = await task(new Workspace(connection, this.#setup, this.#catalog));
        this.#release(connection);
        return result;
      } catch (error) {
        this.#release(connection, true);
        throw error;
      }
    });
  }

  /** Streams what is read in one snapshot, on a connection of its own. */
  async *#stream<T>(read: (workspace: Workspace) => AsyncIterable<T>): AsyncGenerator<T, void> {
    if (this.#catalog === undefined) await this.scan({});
    const connection = await withOperatorErrors(this.#place, () => this.#connect());
    let isWhole = false;
    try {
      await connection.run('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const items = read(new Workspace(connection, this.#setup, this.#catalog))[Symbol.asyncIterator]();
      for (;;) {
        const next = await withOperatorErrors(this.#place, () => items.next());
        if (next.done === true) break;
        yield next.value;
      }
      await connection.run('COMMIT');
      isWhole = true;
    } finally {
      this.#release(connection, !isWhole);
    }
  }

  async #connect(): Promise<PgConnection> {
    this.#closing.signal.throwIfAborted();
    const connection = await PgConnection.lease(this.#pool);
    this.#open.add(connection);
    if (this.#closing.signal.aborted) {
      this.#release(connection, true);
      this.#closing.signal.throwIfAborted();
    }
    return connection;
  }

  #release(connection: PgConnection, close = false): void {
    this.#open.delete(connection);
    connection.release({close});
  }
}

/** Items by table, in lots, each with its place. */
function* lots<Ref>(
  refs: readonly Ref[],
  tableOf: (ref: Ref) => string | undefined,
): Generator<[table: string, lot: {ref: Ref; index: number}[]], void> {
  const indexed = refs.map((ref, index) => ({ref, index}));
  for (const [table, group] of Map.groupBy(indexed, ({ref}) => tableOf(ref)))
    if (table !== undefined)
      for (let start = 0; start < group.length; start += lookedUpAtOnce)
        yield [table, group.slice(start, start + lookedUpAtOnce)];
}

/** The database as a message names it, without its password. */
function nameOf(url: string): string {
  const {hostname, port, pathname, username} = new URL(url);
  return `The PostgreSQL database ${decodeURIComponent(username)}@${hostname}:${port || '5432'}${decodeURIComponent(pathname)}`;
}
