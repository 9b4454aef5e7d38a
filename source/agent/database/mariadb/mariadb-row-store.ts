import {steerAfter} from '../../../core/id-blocks.js';
import type {RowRef} from '../../../core/item.js';
import type {Reference} from '../../../core/site-description.js';
import type {StagedRow, WireRow} from '../../site/ports.js';
import {TableDigest} from '../row-digest.js';
import type {
  ApplyJournal,
  MissingParent,
  PresentRow,
  Rejection,
  RowStore,
  StoredVersion,
} from '../row-store.js';
import type {Version} from '../row-version.js';
import type {StagedImage} from '../table-image.js';
import type {TableShape} from '../table-shape.js';
import type {WireValue} from '../wire-value.js';
import {compareAsWhole} from './compare-table.js';
import {stagedRows} from './read-records.js';
import {missingParent, missingParents, referringRows} from './references.js';
import type {MariadbTable} from './schema.js';
import {constraintOf, messageOf} from './server-error.js';
import {quote} from './sql-text.js';
import {fillFromMariadbImage, mariadbImageFormat} from './table-image.js';
import {putBack, type UndoLog} from './undo-log.js';
import {hasDirectTables, inOpenTransaction, type Workspace, type WorkTable} from './workspace.js';

/** Rows, and characters of them, that are written with one statement. */
const batchRows = 500;
const batchCharacters = 512 * 1024;

type Ahead = {
  row: PresentRow | undefined;
  version: StoredVersion | undefined;
  rowTaken: boolean;
  versionTaken: boolean;
};

/** The rows of a MariaDB or MySQL database inside the open transaction of a commit. */
export class MariadbRowStore implements RowStore {
  readonly journal: ApplyJournal;
  readonly #workspace: Workspace;
  readonly #tables: ReadonlyMap<string, WorkTable>;
  readonly #undo: UndoLog;
  readonly #side: Workspace;
  readonly #triggered: ReadonlySet<string>;
  readonly #ids: {readonly number: number; readonly next: Map<string, bigint>} | undefined;
  readonly #replica: string;
  readonly #referencing = new Map<string, {child: string; reference: Reference}[]>();
  /** What `prefetch` asked for, each for one answer. */
  readonly #ahead = new Map<string, Ahead>();
  readonly #parentsAhead = new Map<string, MissingParent[]>();
  #place = '0';

  constructor(
    workspace: Workspace,
    options: {
      journal: ApplyJournal;
      undo: UndoLog;
      /**
       * The same on another connection, where every statement is final: for tables without transactions, and for the
       * versions from before this commit.
       */
      side: Workspace;
      /** Those of each table on the connection that may write to it. */
      tables: ReadonlyMap<string, WorkTable>;
      /** Tables on which the site has triggers of its own; they may change other rows than the one that is written. */
      triggered: ReadonlySet<string>;
      /** Number of this server and the id that each table issues next (E25). */
      ids: {readonly number: number; readonly next: Map<string, bigint>} | undefined;
      replica: string;
    },
  ) {
    this.#workspace = workspace;
    this.#tables = options.tables;
    this.journal = options.journal;
    this.#undo = options.undo;
    this.#side = options.side;
    this.#triggered = options.triggered;
    this.#ids = options.ids;
    this.#replica = options.replica;
    for (const {table} of this.#tables.values())
      for (const reference of table.foreignKeys) {
        const list = this.#referencing.get(reference.table) ?? [];
        list.push({child: table.name, reference});
        this.#referencing.set(reference.table, list);
      }
  }

  shape(table: string): TableShape | undefined {
    return this.#tables.get(table)?.table;
  }

  async prefetch(rows: readonly RowRef[], options: {readonly parents?: boolean} = {}): Promise<void> {
    for (const [name, refs] of Map.groupBy(rows, ref => ref.table)) {
      const target = this.#tables.get(name);
      if (target === undefined) continue;
      const keys = refs.map(({key}) => key);
      if (options.parents === true) await this.#prefetchParents(target, keys);
      else await this.#prefetchRows(target, keys);
    }
  }

  async read(table: string, key: readonly string[]): Promise<PresentRow | undefined> {
    const ahead = this.#ahead.get(rowId(table, key));
    if (ahead !== undefined && !ahead.rowTaken) {
      ahead.rowTaken = true;
      return ahead.row;
    }
    return await this.#of(table).access.read(key, {lock: true});
  }

  async insert(table: string, row: WireRow, digest: string): Promise<Rejection | undefined> {
    const {access} = this.#of(table);
    await this.#beforeWrite(table, access.keyOf(row) ?? [], undefined);
    await this.#passIds(table, [row]);
    return await access.insert(row, digest);
  }

  async update(
    table: string,
    key: readonly string[],
    row: WireRow,
    digest: string,
    before: WireRow,
  ): Promise<Rejection | undefined> {
    await this.#beforeWrite(table, key, before);
    return await this.#of(table).access.update(key, row, before, digest);
  }

  async remove(table: string, key: readonly string[]): Promise<void> {
    const {access, table: shape} = this.#of(table);
    await this.#beforeWrite(table, key, shape.transactional ? undefined : (await access.read(key))?.row);
    await access.remove(key);
  }

  async version(table: string, key: readonly string[]): Promise<StoredVersion | undefined> {
    const ahead = this.#ahead.get(rowId(table, key));
    if (ahead !== undefined && !ahead.versionTaken) {
      ahead.versionTaken = true;
      return ahead.version;
    }
    return await this.#workspace.versions.get(this.#of(table).id, JSON.stringify(key));
  }

  async setVersion(
    table: string,
    key: readonly string[],
    version: Version,
    known: Version | undefined,
  ): Promise<void> {
    await this.#workspace.versions.set(this.#of(table).id, JSON.stringify(key), version, known);
  }

  async restoreVersion(
    table: string,
    key: readonly string[],
    version: StoredVersion | undefined,
  ): Promise<void> {
    const {id} = this.#of(table);
    const text = JSON.stringify(key);
    await this.#workspace.versions.put(id, text, version, await this.#workspace.versions.get(id, text));
  }

  async blockers(table: string, row: WireRow): Promise<string[][]> {
    const {table: shape, access} = this.#of(table);
    const own = JSON.stringify(access.keyOf(row));
    const found = new Map<string, string[]>();
    for (const columns of [...shape.uniques, shape.primaryKey]) {
      const values = columns.map(column => access.literal(column, row));
      if (values.includes('NULL') || columns.length === 0) continue;
      const where = columns.map((column, index) => `t.${quote(column)} = ${values[index]}`).join(' AND ');
      for (const values of await access.connection.query(
        `SELECT ${access.keyList('t')} FROM ${quote(table)} AS t WHERE ${where}`,
      )) {
        const key = access.keyText(values);
        if (key !== undefined && JSON.stringify(key) !== own) found.set(JSON.stringify(key), key);
      }
    }
    return [...found.values()];
  }

  async missingParents(table: string, key: readonly string[]): Promise<MissingParent[]> {
    const ahead = this.#parentsAhead.get(rowId(table, key));
    if (ahead !== undefined) return ahead;
    const {table: shape, access} = this.#of(table);
    const missing: MissingParent[] = [];
    for (const reference of shape.foreignKeys) {
      const values = await missingParent(this.#workspace.connection, access, key, reference);
      if (values !== undefined) missing.push({reference, values});
    }
    return missing;
  }

  async orphans(
    child: string,
    reference: Reference,
    lost: readonly (readonly WireValue[])[],
  ): Promise<{index: number; key: string[]}[]> {
    const {access} = this.#of(child);
    const rows = await referringRows(this.#workspace.connection, access, reference, lost, true);
    return rows.map(({index, row}) => ({index, key: access.keyText(row) ?? []}));
  }

  referencing(table: string): readonly {child: string; reference: Reference}[] {
    return this.#referencing.get(table) ?? [];
  }

  async savepoint(): Promise<void> {
    await this.#workspace.versions.save();
    await this.#workspace.connection.run('SAVEPOINT parked');
    if (hasDirectTables(this.#workspace.schema)) this.#place = await this.#undo.place();
  }

  async releaseSavepoint(): Promise<void> {
    await this.#workspace.connection.run('RELEASE SAVEPOINT parked');
  }

  async rollbackToSavepoint(): Promise<void> {
    await this.#workspace.connection.run('ROLLBACK TO SAVEPOINT parked');
    await this.#workspace.connection.run('RELEASE SAVEPOINT parked');
    this.#workspace.versions.restore();
    await putBack(this.#side, this.#place);
    this.#ahead.clear();
    this.#parentsAhead.clear();
  }

  rows(table: string): AsyncGenerator<StagedRow> {
    const target = this.#of(table);
    // Not on the connection that the rows come from.
    const {versions} = target.table.transactional ? this.#side : this.#workspace;
    return stagedRows(versions, target, target.access, this.#replica, {lock: true});
  }

  async clear(table: string): Promise<void> {
    const {id, table: shape, access} = this.#of(table);
    if (!shape.transactional) await this.#undo.addTable(table);
    await access.connection.run(`DELETE FROM ${quote(table)}`);
    if (shape.primaryKey.length > 0) await this.#workspace.versions.forget(id);
  }

  async fill(table: string, rows: AsyncIterable<StagedRow>): Promise<{rows: number} | Rejection> {
    const {table: shape, access} = this.#of(table);
    const digest = new TableDigest();
    let batch: StagedRow[] = [];
    let characters = 0;
    let isCertain = true;
    // One batch is written while the next one is read.
    let writing: Promise<Rejection | undefined> = Promise.resolve(undefined);
    const write = async () => {
      const lot = batch;
      batch = [];
      characters = 0;
      const rejection = await writing;
      if (rejection !== undefined || lot.length === 0) return rejection;
      await this.#passIds(
        table,
        lot.map(({row}) => row),
      );
      const certain = this.#isCertain(shape, lot);
      isCertain &&= certain;
      writing = this.#fillBatch(table, lot, digest.rows - lot.length, certain);
      // Whoever awaits it next is told.
      writing.catch(() => {});
      return undefined;
    };
    for await (const staged of rows) {
      batch.push(staged);
      digest.add(staged.digest);
      for (const value of Object.values(staged.row)) characters += value?.length ?? 0;
      if (batch.length < batchRows && characters < batchCharacters) continue;
      const rejection = await write();
      if (rejection !== undefined) return rejection;
    }
    const rejection = (await write()) ?? (await writing);
    if (rejection !== undefined) return rejection;
    if (shape.primaryKey.length === 0 && !isCertain) {
      const found = new TableDigest();
      for await (const row of access.rows()) found.add(row.digest);
      if (found.digest !== digest.digest)
        return {kind: 'inexact', message: `a column of ${table} would store another value than it is given`};
    }
    return {rows: digest.rows};
  }

  imageFormat(table: string): string | undefined {
    return mariadbImageFormat(this.#workspace.connection, this.#tables.get(table));
  }

  async fillFromImage(table: string, image: StagedImage): Promise<{rows: number} | Rejection> {
    const target = this.#of(table);
    const filled = await fillFromMariadbImage(this.#workspace, target, image);
    const {idColumn} = target.table;
    if ('rows' in filled && idColumn !== undefined)
      for await (const {row} of target.access.last(idColumn.name)) await this.#passIds(table, [row]);
    return filled;
  }

  async tableVersion(table: string): Promise<(StoredVersion & {rows: number}) | undefined> {
    const state = await this.#workspace.versions.table(this.#of(table).id);
    return state?.version && {...state.version, rows: state.live};
  }

  async setTableVector(table: string, vector: string): Promise<void> {
    const {id} = this.#of(table);
    const state = await this.#workspace.versions.table(id);
    if (state?.version !== undefined)
      await this.#workspace.versions.setTableVersion(id, {...state.version, vector}, state.live);
  }

  async noticeTable(table: string): Promise<void> {
    const target = this.#of(table);
    await compareAsWhole(this.#workspace, inOpenTransaction, target, target.access, undefined);
  }

  async #fillBatch(
    table: string,
    batch: readonly StagedRow[],
    before: number,
    isCertain: boolean,
  ): Promise<Rejection | undefined> {
    const {table: shape, access} = this.#of(table);
    try {
      await access.connection.run(access.insertStatement(batch.map(({row}) => row)));
    } catch (error) {
      if (constraintOf(error) === undefined) throw error;
      // One of them; a table without transactions keeps those before it.
      for (const [index, {row, key}] of batch.entries()) {
        if (!shape.transactional && key.length > 0) await access.remove(key);
        const rejection = await access.insert(row);
        if (rejection !== undefined)
          return {...rejection, message: `row ${before + index + 1} of ${table}: ${rejection.message}`};
      }
      return {kind: 'constraint', message: messageOf(error)};
    }
    if (shape.primaryKey.length === 0) return undefined;
    const stored = isCertain ? undefined : await access.readMany(batch.map(({key}) => key));
    for (const [index, {key, row, digest, vector}] of batch.entries()) {
      const found = stored?.get(JSON.stringify(key));
      if (stored !== undefined && found?.digest !== digest) {
        const column = shape.columns.find(name => found?.row[name] !== (row[name] ?? null));
        return {
          kind: 'inexact',
          message: `row ${before + index + 1} of ${table}: the column ${column} would store another value than it is given`,
        };
      }
      await this.setVersion(table, key, {digest, vector, deleted: false}, undefined);
    }
    return undefined;
  }

  /** Whether the table will hold the rows as they are, without being asked. */
  #isCertain({columns, exactness, name}: MariadbTable, rows: readonly StagedRow[]): boolean {
    if (this.#triggered.has(name) || exactness.includes(undefined)) return false;
    const {localizer} = this.#of(name).access;
    return (
      localizer === undefined &&
      rows.every(({row}) => columns.every((column, index) => exactness[index]!(row[column] ?? null)))
    );
  }

  /**
   * The engine goes on after the highest id it ever saw, at once and for everybody. So before a row of another server's
   * block takes the counter there, the counter is sent on to the next block of this server (E25): by the row itself,
   * which comes and goes under the last id before it.
   */
  async #passIds(table: string, rows: readonly WireRow[]): Promise<void> {
    const {table: shape, access} = this.#of(table);
    const {idColumn} = shape;
    const next = this.#ids?.next.get(table);
    // A trigger of the site's would act on a row that never was; `steerIds` follows after the commit.
    if (this.#ids === undefined || next === undefined || idColumn === undefined || this.#triggered.has(table))
      return;
    let highest = next - 1n;
    let bearer: WireRow | undefined;
    for (const row of rows) {
      const id = integerOf(row[idColumn.name]);
      if (id === undefined || id <= highest) continue;
      highest = id;
      bearer = row;
    }
    if (bearer === undefined) return;
    const found = steerAfter(this.#ids.number, highest, idColumn.limit);
    if (found.kind !== 'move') {
      this.#ids.next.set(table, highest + 1n);
      return;
    }
    const row = {...bearer, [idColumn.name]: `i${found.block.from - 1n}`};
    await this.#beforeWrite(table, access.keyOf(row) ?? [], undefined);
    if ((await access.insert(row)) !== undefined) return;
    await access.connection.run(
      `DELETE FROM ${quote(table)} WHERE ${quote(idColumn.name)} = ${found.block.from - 1n}`,
    );
    this.#ids.next.set(table, found.block.from);
  }

  /** What has to be known before a row changes, and what is not known any more after. */
  async #beforeWrite(table: string, key: readonly string[], before: WireRow | undefined): Promise<void> {
    this.#ahead.delete(rowId(table, key));
    this.#parentsAhead.clear();
    if (!this.#of(table).table.transactional) await this.#undo.addRow(table, key, before);
  }

  async #prefetchRows({table, access, id}: WorkTable, keys: readonly (readonly string[])[]): Promise<void> {
    // A trigger of the site may change a row between here and its turn.
    if (this.#triggered.size > 0 || table.primaryKey.length === 0) return;
    const rows = await access.readMany(keys, {lock: true});
    const versions = await this.#workspace.versions.getMany(
      id,
      keys.map(key => JSON.stringify(key)),
    );
    for (const key of keys) {
      const text = JSON.stringify(key);
      this.#ahead.set(rowId(table.name, key), {
        row: rows.get(text),
        version: versions.get(text),
        rowTaken: false,
        versionTaken: false,
      });
    }
  }

  async #prefetchParents({table, access}: WorkTable, keys: readonly (readonly string[])[]): Promise<void> {
    for (const key of keys) this.#parentsAhead.set(rowId(table.name, key), []);
    for (const reference of table.foreignKeys)
      for (const {key, values} of await missingParents(this.#workspace.connection, access, keys, reference))
        this.#parentsAhead.get(rowId(table.name, key))?.push({reference, values});
  }

  #of(table: string): WorkTable {
    const found = this.#tables.get(table);
    if (found === undefined) throw new RangeError(`no such table: ${table}`);
    return found;
  }
}

function integerOf(value: WireValue | undefined): bigint | undefined {
  return typeof value === 'string' && /^i-?\d+$/.test(value) ? BigInt(value.slice(1)) : undefined;
}

function rowId(table: string, key: readonly string[]): string {
  return `${table}\0${JSON.stringify(key)}`;
}
