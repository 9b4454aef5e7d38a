import type {RowRef} from '../../../core/item.js';
import type {Reference} from '../../../core/site-description.js';
import type {StagedRow, WireRow} from '../../site/ports.js';
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
import {type ReferencesByParent, referencesByParent, type TableShape} from '../table-shape.js';
import type {WireValue} from '../wire-value.js';
import {compareAsWhole} from './compare-table.js';
import {fillTable} from './fill-table.js';
import {type NextIds, passIds} from './pass-ids.js';
import {stagedRows} from './read-records.js';
import {missingParent, referringRows} from './references.js';
import {RowsAhead} from './rows-ahead.js';
import {quote} from './sql-text.js';
import {fillFromMariadbImage, mariadbImageFormat} from './table-image.js';
import {putBack, type UndoLog} from './undo-log.js';
import {hasDirectTables, inOpenTransaction, type Workspace, type WorkTable} from './workspace.js';

/** The rows of a MariaDB or MySQL database inside the open transaction of a commit. */
export class MariadbRowStore implements RowStore {
  readonly journal: ApplyJournal;
  readonly #workspace: Workspace;
  readonly #tables: ReadonlyMap<string, WorkTable>;
  readonly #undo: UndoLog;
  readonly #side: Workspace;
  readonly #triggered: ReadonlySet<string>;
  readonly #ids: NextIds | undefined;
  readonly #replica: string;
  readonly #referencing: ReferencesByParent;
  readonly #ahead: RowsAhead;
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
      ids: NextIds | undefined;
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
    this.#referencing = referencesByParent(this.#tables);
    this.#ahead = new RowsAhead(workspace);
  }

  shape(table: string): TableShape | undefined {
    return this.#tables.get(table)?.table;
  }

  async prefetch(rows: readonly RowRef[], options: {readonly parents?: boolean} = {}): Promise<void> {
    for (const [name, refs] of Map.groupBy(rows, ref => ref.table)) {
      const target = this.#tables.get(name);
      if (target === undefined) continue;
      const keys = refs.map(({key}) => key);
      if (options.parents === true) await this.#ahead.readParents(target, keys);
      // A trigger of the site may change a row between here and its turn.
      else if (this.#triggered.size === 0 && target.table.primaryKey.length > 0)
        await this.#ahead.readRows(target, keys);
    }
  }

  async read(table: string, key: readonly string[]): Promise<PresentRow | undefined> {
    const ahead = this.#ahead.takeRow(table, key);
    if (ahead !== undefined) return ahead.row;
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
    const ahead = this.#ahead.takeVersion(table, key);
    if (ahead !== undefined) return ahead.version;
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
    const ahead = this.#ahead.missingParents(table, key);
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
    return await fillTable(this.#workspace, this.#of(table), rows, {
      isTriggered: this.#triggered.has(table),
      beforeLot: lot => this.#passIds(table, lot),
    });
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

  /** Sends the ids of a table on before rows with other servers' ids arrive. */
  async #passIds(table: string, rows: readonly WireRow[]): Promise<void> {
    // A trigger of the site's would act on a row that never was; `steerIds` follows after the commit.
    if (this.#ids === undefined || this.#triggered.has(table)) return;
    const target = this.#of(table);
    await passIds(target, this.#ids, rows, row =>
      this.#beforeWrite(table, target.access.keyOf(row) ?? [], undefined),
    );
  }

  /** What has to be known before a row changes, and what is not known any more after. */
  async #beforeWrite(table: string, key: readonly string[], before: WireRow | undefined): Promise<void> {
    this.#ahead.forget(table, key);
    if (!this.#of(table).table.transactional) await this.#undo.addRow(table, key, before);
  }

  #of(table: string): WorkTable {
    const found = this.#tables.get(table);
    if (found === undefined) throw new RangeError(`no such table: ${table}`);
    return found;
  }
}
