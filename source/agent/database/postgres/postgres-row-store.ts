import type {RowRef} from '../../../core/item.js';
import type {Reference} from '../../../core/site-description.js';
import {TimeSlice} from '../../../system/time-slice.js';
import type {StagedRow, WireRow} from '../../site/ports.js';
import type {MissingParent, PresentRow, Rejection, RowStore, StoredVersion} from '../row-store.js';
import type {Version} from '../row-version.js';
import {SqliteApplyJournal} from '../sqlite/apply-journal.js';
import {SqliteConnection} from '../sqlite/connection.js';
import type {StagedImage} from '../table-image.js';
import {type ReferencesByParent, referencesByParent} from '../table-shape.js';
import {analysedFrom, compareAsWhole} from './compare-table.js';
import {rejectionOf} from './errors.js';
import {stagedRows} from './read-records.js';
import {blockers, missingParents, referringRows} from './references.js';
import type {PgTable} from './schema.js';
import type {SuspendedRules} from './suspend-rules.js';
import {
  copyLines,
  copyStatement,
  cursorPages,
  insertRow,
  readForeignRows,
  removeRow,
  updateRow,
} from './table-access.js';
import {fillFromPgImage, pgImageFormat} from './table-image.js';
import {keyOfWire} from './values.js';
import type {Workspace, WorkTable} from './workspace.js';

/** Rows that go into one COPY, and how much wire text of them. */
const fillLimits = {rows: 5000, characters: 8 * 1024 * 1024};

/** The rows of a PostgreSQL database inside the open transaction of a commit. */
export class PostgresRowStore implements RowStore {
  /** In a temporary SQLite database of the agent's own: no round trips, and it spills to disk. */
  readonly journal: SqliteApplyJournal;
  readonly #local = new SqliteConnection('');
  readonly #workspace: Workspace;
  readonly #rules: SuspendedRules;
  readonly #referencing: ReferencesByParent;
  /** What `prefetch` read, as long as it holds: JSON text of table and key → what is there. */
  #rows = new Map<string, PresentRow | undefined>();
  #versions = new Map<string, StoredVersion | undefined>();
  #parents = new Map<string, MissingParent[]>();

  constructor(workspace: Workspace, rules: SuspendedRules) {
    this.#workspace = workspace;
    this.#rules = rules;
    this.journal = new SqliteApplyJournal(this.#local);
    this.#referencing = referencesByParent(workspace.tables);
  }

  close(): void {
    this.#local.close();
  }

  shape(table: string): PgTable | undefined {
    return this.#workspace.tables.get(table)?.table;
  }

  async prefetch(refs: readonly RowRef[], {parents = false} = {}): Promise<void> {
    this.#rows.clear();
    this.#versions.clear();
    this.#parents.clear();
    for (const [name, group] of Map.groupBy(refs, ref => ref.table)) {
      const target = this.#workspace.tables.get(name);
      if (target === undefined || target.table.primaryKey.length === 0) continue;
      const keys = group.map(({key}) => key).filter(key => key.length === target.table.primaryKey.length);
      if (parents) await this.#fetchParents(target.table, keys);
      else await this.#fetchRows(target, keys);
    }
  }

  async #fetchRows({id, table}: WorkTable, keys: readonly (readonly string[])[]): Promise<void> {
    const texts = keys.map(key => JSON.stringify(key));
    const rows = await readForeignRows(this.#workspace.connection, table, keys);
    const versions = await this.#workspace.versions.getMany(id, texts);
    for (const text of texts) {
      this.#rows.set(`${table.name}:${text}`, rows.get(text));
      this.#versions.set(`${table.name}:${text}`, versions.get(text));
    }
  }

  async #fetchParents(table: PgTable, keys: readonly (readonly string[])[]): Promise<void> {
    const found = keys.map((): MissingParent[] => []);
    for (const reference of table.foreignKeys) {
      const parent = this.#parentOf(reference);
      for (const {index, values} of await missingParents(
        this.#workspace.connection,
        table,
        keys,
        reference,
        parent,
      ))
        found[index]!.push({reference, values});
    }
    for (const [index, key] of keys.entries())
      this.#parents.set(`${table.name}:${JSON.stringify(key)}`, found[index]!);
  }

  async read(name: string, key: readonly string[]): Promise<PresentRow | undefined> {
    const text = JSON.stringify(key);
    const known = `${name}:${text}`;
    if (this.#rows.has(known)) return this.#rows.get(known);
    const rows = await readForeignRows(this.#workspace.connection, this.#of(name).table, [key]);
    return rows.get(text);
  }

  async insert(name: string, row: WireRow, digest: string): Promise<Rejection | undefined> {
    const table = await this.#writing(name);
    this.#rows.delete(`${name}:${JSON.stringify(keyOfWire(table, row))}`);
    return await insertRow(this.#workspace.connection, table, row, digest);
  }

  async update(
    name: string,
    key: readonly string[],
    row: WireRow,
    digest: string,
    before: WireRow,
  ): Promise<Rejection | undefined> {
    const table = await this.#writing(name, key);
    return await updateRow(this.#workspace.connection, table, key, row, before, digest);
  }

  async remove(name: string, key: readonly string[]): Promise<void> {
    const table = await this.#writing(name, key);
    await removeRow(this.#workspace.connection, table, key);
  }

  async version(name: string, key: readonly string[]): Promise<StoredVersion | undefined> {
    const text = JSON.stringify(key);
    const known = `${name}:${text}`;
    if (this.#versions.has(known)) return this.#versions.get(known);
    return await this.#workspace.versions.get(this.#of(name).id, text);
  }

  async setVersion(
    name: string,
    key: readonly string[],
    version: Version,
    known: Version | undefined,
  ): Promise<void> {
    const text = JSON.stringify(key);
    this.#versions.delete(`${name}:${text}`);
    await this.#workspace.versions.set(this.#of(name).id, text, version, known);
  }

  async restoreVersion(
    name: string,
    key: readonly string[],
    version: StoredVersion | undefined,
  ): Promise<void> {
    const {id} = this.#of(name);
    const text = JSON.stringify(key);
    this.#versions.delete(`${name}:${text}`);
    const {versions} = this.#workspace;
    await versions.put(id, text, version, await versions.get(id, text));
  }

  async blockers(name: string, row: WireRow): Promise<string[][]> {
    return await blockers(this.#workspace.connection, this.#of(name).table, row);
  }

  async missingParents(name: string, key: readonly string[]): Promise<MissingParent[]> {
    const known = `${name}:${JSON.stringify(key)}`;
    if (!this.#parents.has(known)) await this.#fetchParents(this.#of(name).table, [key]);
    return this.#parents.get(known) ?? [];
  }

  async orphans(
    child: string,
    reference: Reference,
    lost: readonly (readonly (string | null)[])[],
  ): Promise<{index: number; key: string[]}[]> {
    const parent = this.#parentOf(reference);
    return await referringRows(this.#workspace.connection, this.#of(child).table, reference, lost, parent);
  }

  referencing(table: string): readonly {child: string; reference: Reference}[] {
    return this.#referencing.get(table) ?? [];
  }

  async savepoint(): Promise<void> {
    await this.#workspace.versions.save();
    await this.#workspace.connection.run('SAVEPOINT parked');
  }

  async releaseSavepoint(): Promise<void> {
    await this.#workspace.connection.run('RELEASE SAVEPOINT parked');
  }

  async rollbackToSavepoint(): Promise<void> {
    this.#rows.clear();
    this.#versions.clear();
    this.#parents.clear();
    this.#workspace.versions.restore();
    await this.#workspace.connection.run('ROLLBACK TO SAVEPOINT parked; RELEASE SAVEPOINT parked');
  }

  rows(name: string): AsyncGenerator<StagedRow, void> {
    return stagedRows(this.#workspace, this.#of(name), this.#workspace.versions.replica);
  }

  async clear(name: string): Promise<void> {
    const table = await this.#writing(name);
    this.#rows.clear();
    this.#versions.clear();
    // Not TRUNCATE, which would keep the site from reading until the commit and ask for a right of its own.
    await this.#workspace.connection.run(`DELETE FROM ${table.from}`);
    if (table.primaryKey.length > 0) await this.#workspace.versions.forget(this.#of(name).id);
  }

  /** COPY, lot by lot; afterwards what the table holds is compared with what came. */
  async fill(name: string, rows: AsyncIterable<StagedRow>): Promise<{rows: number} | Rejection> {
    const {id} = this.#of(name);
    const table = await this.#writing(name);
    const isKeyed = table.primaryKey.length > 0;
    const digests = new Digests();
    const {connection, versions} = this.#workspace;
    let lot: StagedRow[] = [];
    let characters = 0;
    let copied = 0;
    const send = async () => {
      await connection.copy(copyStatement(table), copyLines(table, lot));
      for (const {key, digest, vector} of lot) {
        digests.add(digest);
        if (isKeyed) await versions.set(id, JSON.stringify(key), {digest, vector, deleted: false}, undefined);
      }
      copied += lot.length;
      lot = [];
      characters = 0;
    };
    try {
      for await (const row of rows) {
        lot.push(row);
        for (const value of Object.values(row.row)) characters += value?.length ?? 0;
        if (lot.length >= fillLimits.rows || characters >= fillLimits.characters) await send();
      }
      if (lot.length > 0) await send();
    } catch (error) {
      const rejection = rejectionOf(error);
      if (rejection === undefined) throw error;
      return {...rejection, message: `after row ${copied} of ${name}: ${rejection.message}`};
    }
    await versions.writeOut();
    if (copied >= analysedFrom) await connection.run(`ANALYZE lockstep.version; ANALYZE ${table.sql}`);
    const slice = new TimeSlice();
    for await (const page of cursorPages(connection, table)) {
      for (const {digest} of page) digests.remove(digest);
      if (slice.isOver) await slice.yieldIfDue();
    }
    if (digests.isEven) return {rows: copied};
    return {kind: 'inexact', message: `a column of ${name} would store other values than it is given`};
  }

  imageFormat(name: string): string | undefined {
    return pgImageFormat(this.shape(name));
  }

  async fillFromImage(name: string, image: StagedImage): Promise<{rows: number} | Rejection> {
    await this.#rules.suspendCapture(await this.#writing(name));
    return await fillFromPgImage(this.#workspace, this.#of(name), image);
  }

  async tableVersion(name: string): Promise<(StoredVersion & {rows: number}) | undefined> {
    const state = await this.#workspace.versions.table(this.#of(name).id);
    return state?.version && {...state.version, rows: state.live};
  }

  async setTableVector(name: string, vector: string): Promise<void> {
    const {id} = this.#of(name);
    const state = await this.#workspace.versions.table(id);
    if (state?.version !== undefined)
      await this.#workspace.versions.setTableVersion(id, {...state.version, vector}, state.live);
  }

  async noticeTable(name: string): Promise<void> {
    await compareAsWhole(this.#workspace, this.#of(name));
  }

  /** The table, ready to be written to; what was read ahead of the row, or of rows unknown, holds no more. */
  async #writing(name: string, key?: readonly string[]): Promise<PgTable> {
    const {table} = this.#of(name);
    await this.#rules.suspend(table);
    this.#parents.clear();
    if (key !== undefined) this.#rows.delete(`${name}:${JSON.stringify(key)}`);
    return table;
  }

  #parentOf(reference: Reference): PgTable {
    const parent = this.#workspace.allTables.get(reference.table);
    if (parent === undefined) throw new RangeError(`no such table: ${reference.table}`);
    return parent;
  }

  #of(table: string): WorkTable {
    const found = this.#workspace.tables.get(table);
    if (found === undefined) throw new RangeError(`no such table: ${table}`);
    return found;
  }
}

/** Whether two streams have the same digests, in any order, in constant memory. */
class Digests {
  #sum = 0n;
  #count = 0;

  add(digest: string): void {
    this.#sum += BigInt(`0x${digest}`);
    this.#count++;
  }

  remove(digest: string): void {
    this.#sum -= BigInt(`0x${digest}`);
    this.#count--;
  }

  get isEven(): boolean {
    return this.#sum === 0n && this.#count === 0;
  }
}
