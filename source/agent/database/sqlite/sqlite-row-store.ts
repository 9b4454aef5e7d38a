import type {Reference} from '../../../core/site-description.js';
import type {StagedRow, WireRow} from '../../site/ports.js';
import type {MissingParent, PresentRow, Rejection, RowStore, StoredVersion} from '../row-store.js';
import type {Version} from '../row-version.js';
import type {StagedImage} from '../table-image.js';
import {type ReferencesByParent, referencesByParent, type TableShape} from '../table-shape.js';
import type {WireValue} from '../wire-value.js';
import {SqliteApplyJournal} from './apply-journal.js';
import {ownTriggers} from './capture.js';
import {compareAsWhole} from './compare-table.js';
import {quote} from './connection.js';
import {stagedRows} from './read-records.js';
import {exactList, keyText, missingParent, referringRows} from './references.js';
import {sameKey} from './table-access.js';
import {fillFromSqliteImage, sqliteImageFormat} from './table-image.js';
import type {Workspace, WorkTable} from './workspace.js';

/** The rows of a SQLite database inside the open transaction of a commit. */
export class SqliteRowStore implements RowStore {
  readonly journal: SqliteApplyJournal;
  readonly #workspace: Workspace;
  readonly #tables: ReadonlyMap<string, WorkTable>;
  /** The site's own triggers on tables that were written to; they are away until `restoreTriggers`. */
  readonly #silenced = new Map<string, {name: string; sql: string}[]>();
  readonly #referencing: ReferencesByParent;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.#tables = workspace.tables();
    this.journal = new SqliteApplyJournal(workspace.connection);
    this.#referencing = referencesByParent(this.#tables);
  }

  shape(table: string): TableShape | undefined {
    return this.#tables.get(table)?.table;
  }

  read(table: string, key: readonly string[]): PresentRow | undefined {
    return this.#of(table).access.read(key);
  }

  insert(table: string, row: WireRow, digest: string): Rejection | undefined {
    this.#silence(table);
    return this.#of(table).access.insert(row, digest);
  }

  update(
    table: string,
    key: readonly string[],
    row: WireRow,
    digest: string,
    before: WireRow,
  ): Rejection | undefined {
    this.#silence(table);
    return this.#of(table).access.update(key, row, before, digest);
  }

  remove(table: string, key: readonly string[]): void {
    this.#silence(table);
    this.#of(table).access.remove(key);
  }

  version(table: string, key: readonly string[]): StoredVersion | undefined {
    return this.#workspace.versions.get(this.#of(table).id, JSON.stringify(key));
  }

  setVersion(table: string, key: readonly string[], version: Version, known: Version | undefined): void {
    this.#workspace.versions.set(this.#of(table).id, JSON.stringify(key), version, known);
  }

  restoreVersion(table: string, key: readonly string[], version: StoredVersion | undefined): void {
    const {id} = this.#of(table);
    const text = JSON.stringify(key);
    this.#workspace.versions.put(id, text, version, this.#workspace.versions.get(id, text));
  }

  blockers(table: string, row: WireRow): string[][] {
    const {table: shape, access} = this.#of(table);
    const own = access.keyOf(row);
    const found: string[][] = [];
    for (const columns of [...shape.uniques, shape.primaryKey]) {
      const bound = columns.map(column => access.bound(column, row));
      if (bound.some(({value}) => value === null)) continue;
      const where = columns
        .map((column, index) => `t.${quote(column)} = ${bound[index]!.placeholder}`)
        .join(' AND ');
      const rows = this.#workspace.connection.all(
        `SELECT ${exactList(this.#workspace.connection, 't', shape.primaryKey)} FROM ${quote(table)} AS t WHERE ${where}`,
        ...bound.map(value => value.value),
      );
      for (const key of rows.map(values => keyText(shape, values)))
        if (key !== undefined && !(own && sameKey(own, key)) && !found.some(other => sameKey(other, key)))
          found.push(key);
    }
    return found;
  }

  missingParents(table: string, key: readonly string[]): MissingParent[] {
    const {table: shape, access} = this.#of(table);
    return shape.foreignKeys.flatMap(reference => {
      const values = missingParent(this.#workspace.connection, access, key, reference);
      return values === undefined ? [] : [{reference, values}];
    });
  }

  orphans(
    child: string,
    reference: Reference,
    lost: readonly (readonly WireValue[])[],
  ): {index: number; key: string[]}[] {
    const shape = this.#of(child).table;
    return [...referringRows(this.#workspace.connection, shape, reference, lost, true)].map(
      ({index, row}) => ({
        index,
        key: keyText(shape, row) ?? [],
      }),
    );
  }

  referencing(table: string): readonly {child: string; reference: Reference}[] {
    return this.#referencing.get(table) ?? [];
  }

  savepoint(): void {
    this.#workspace.connection.exec('SAVEPOINT parked');
    this.#workspace.versions.save();
  }

  releaseSavepoint(): void {
    this.#workspace.connection.exec('RELEASE parked');
  }

  rollbackToSavepoint(): void {
    this.#workspace.connection.exec('ROLLBACK TO parked; RELEASE parked');
    this.#workspace.versions.restore();
  }

  rows(table: string): Generator<StagedRow> {
    return stagedRows(this.#workspace, this.#of(table));
  }

  clear(table: string): void {
    this.#silence(table);
    const {id, table: shape} = this.#of(table);
    this.#workspace.connection.run(`DELETE FROM ${quote(table)}`);
    if (shape.primaryKey.length > 0) this.#workspace.versions.forget(id);
  }

  imageFormat(table: string): string | undefined {
    return sqliteImageFormat(this.#workspace, this.#tables.get(table));
  }

  async fillFromImage(table: string, image: StagedImage): Promise<{rows: number} | Rejection> {
    return await fillFromSqliteImage(this.#workspace, this.#of(table), image);
  }

  tableVersion(table: string): (StoredVersion & {rows: number}) | undefined {
    const state = this.#workspace.versions.table(this.#of(table).id);
    return state?.version && {...state.version, rows: state.live};
  }

  setTableVector(table: string, vector: string): void {
    const {id} = this.#of(table);
    const state = this.#workspace.versions.table(id);
    if (state?.version !== undefined)
      this.#workspace.versions.setTableVersion(id, {...state.version, vector}, state.live);
  }

  async noticeTable(table: string): Promise<void> {
    await compareAsWhole(this.#workspace, this.#of(table), {});
  }

  /** Makes the site's own triggers again as they were. */
  restoreTriggers(): void {
    for (const triggers of this.#silenced.values())
      for (const {sql} of triggers) this.#workspace.connection.exec(sql);
    this.#silenced.clear();
  }

  /** What the site's triggers would do has already been done where the rows come from. */
  #silence(table: string): void {
    if (this.#silenced.has(table)) return;
    const triggers = ownTriggers(this.#workspace.connection, table);
    for (const {name} of triggers) this.#workspace.connection.exec(`DROP TRIGGER ${quote(name)}`);
    this.#silenced.set(table, triggers);
  }

  #of(table: string): WorkTable {
    const found = this.#tables.get(table);
    if (found === undefined) throw new RangeError(`no such table: ${table}`);
    return found;
  }
}
