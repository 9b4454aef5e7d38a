import type {WireRow} from '../../site/ports.js';
import {digestSortedValues} from '../row-digest.js';
import type {TableLocalizer} from '../row-localizer.js';
import type {PresentRow, Rejection} from '../row-store.js';
import type {WireValue} from '../wire-value.js';
import {keyPartOf, keyPartOfWire, selectedColumn, selection, wireOf} from './column-kind.js';
import type {MariadbConnection, Row} from './connection.js';
import type {MariadbTable} from './schema.js';
import {constraintOf, messageOf} from './server-error.js';
import {keyLiteral, quote, wireLiteral} from './sql-text.js';

/** A row that was read; `key` is undefined when the table has no key. */
export type ReadRow = PresentRow & {readonly key: string[] | undefined};

/** Rows that are looked up with one statement. */
const batchRows = 300;

/** Reads and writes the rows of one table by exact value. */
export class TableAccess {
  readonly table: MariadbTable;
  /** How values change on their way in and out (E28). */
  readonly localizer: TableLocalizer | undefined;
  readonly connection: MariadbConnection;
  /** Where the key's columns stand among the written ones; behind them when the key has generated columns. */
  readonly #keyPositions: readonly number[];
  readonly #list: string;

  constructor(connection: MariadbConnection, table: MariadbTable, localizer: TableLocalizer | undefined) {
    this.connection = connection;
    this.table = table;
    this.localizer = localizer;
    const extra = table.primaryKey.filter(column => !table.columns.includes(column));
    const selected = [...table.columns, ...extra];
    this.#keyPositions = table.primaryKey.map(column => selected.indexOf(column));
    this.#list = selected.map(column => selection(table.kinds.get(column)!, quote(column))).join(', ');
  }

  /** All rows in the order of the key, one at a time. The connection can do nothing else meanwhile. */
  async *rows(options: {lock?: boolean} = {}): AsyncGenerator<ReadRow> {
    const {name, primaryKey, transactional} = this.table;
    const order =
      primaryKey.length === 0 ? '' : ` FORCE INDEX (PRIMARY) ORDER BY ${primaryKey.map(quote).join(', ')}`;
    // A table without transactions stays locked for the site until the last row was taken, unless the server keeps a copy.
    const buffered = transactional ? '' : 'SQL_BUFFER_RESULT ';
    const lock = options.lock === true && transactional ? ' FOR UPDATE' : '';
    for await (const values of this.connection.stream(
      `SELECT ${buffered}${this.#list} FROM ${quote(name)}${order}${lock}`,
    ))
      yield this.#row(values);
  }

  /** The row with the highest value of an indexed column, if there is one. */
  async *last(column: string): AsyncGenerator<ReadRow> {
    for (const values of await this.connection.query(
      `SELECT ${this.#list} FROM ${quote(this.table.name)} ORDER BY ${quote(column)} DESC LIMIT 1`,
    ))
      yield this.#row(values);
  }

  /** The rows with these keys, by `JSON.stringify(key)`. */
  async readMany(
    keys: Iterable<readonly string[]>,
    options: {lock?: boolean} = {},
  ): Promise<Map<string, ReadRow>> {
    const found = new Map<string, ReadRow>();
    const wanted = new Set<string>();
    const conditions: string[] = [];
    const read = async () => {
      if (conditions.length === 0) return;
      const lock = options.lock === true && this.table.transactional ? ' FOR UPDATE' : '';
      for (const values of await this.connection.query(
        `SELECT ${this.#list} FROM ${quote(this.table.name)} WHERE ${this.#anyOf(conditions)}${lock}`,
      )) {
        const row = this.#row(values);
        const text = JSON.stringify(row.key);
        // A collation finds rows whose key is spelled differently; those are other rows to us.
        if (wanted.has(text)) found.set(text, row);
      }
      conditions.length = 0;
    };
    for (const key of keys) {
      const condition = this.#condition(key);
      if (condition === undefined) continue;
      wanted.add(JSON.stringify(key));
      conditions.push(condition);
      if (conditions.length >= batchRows) await read();
    }
    await read();
    return found;
  }

  async read(key: readonly string[], options: {lock?: boolean} = {}): Promise<ReadRow | undefined> {
    return (await this.readMany([key], options)).get(JSON.stringify(key));
  }

  async insert(row: WireRow, digest?: string): Promise<Rejection | undefined> {
    return await this.#write(this.insertStatement([row]), row, digest, key => this.remove(key));
  }

  async update(
    key: readonly string[],
    row: WireRow,
    before: WireRow,
    digest?: string,
  ): Promise<Rejection | undefined> {
    const columns = this.table.columns.filter(column => !this.table.primaryKey.includes(column));
    if (columns.length === 0) return undefined;
    const values = columns.map(column => `${quote(column)} = ${this.literal(column, row)}`);
    return await this.#write(
      `UPDATE ${quote(this.table.name)} SET ${values.join(', ')} WHERE ${this.whereKey(key)}`,
      row,
      digest,
      async () => void (await this.update(key, before, row)),
    );
  }

  async remove(key: readonly string[]): Promise<void> {
    await this.connection.run(`DELETE FROM ${quote(this.table.name)} WHERE ${this.whereKey(key)}`);
  }

  insertStatement(rows: readonly WireRow[]): string {
    const {name, columns} = this.table;
    const values = rows.map(row => `(${columns.map(column => this.literal(column, row)).join(',')})`);
    return `INSERT INTO ${quote(name)} (${columns.map(quote).join(', ')}) VALUES ${values.join(',')}`;
  }

  /** A column's value of a row on the wire, as this site holds it, in SQL. */
  literal(column: string, row: WireRow): string {
    const value = row[column] ?? null;
    // An unsigned number beyond 2⁶³ travels as text, which would be the bytes of a BIT.
    if (value !== null && /^t\d+$/.test(value) && /^(bit|integer)$/.test(this.table.kinds.get(column)!))
      return value.slice(1);
    return wireLiteral(this.localizer === undefined ? value : this.localizer.toHere(column, value));
  }

  /** Key text of a row on the wire; undefined when a key column is missing or NULL. */
  keyOf(row: WireRow): string[] | undefined {
    const key: string[] = [];
    for (const column of this.table.primaryKey) {
      const value = row[column] ?? null;
      if (value === null) return undefined;
      key.push(keyPartOfWire(value));
    }
    return key.length === 0 ? undefined : key;
  }

  /** Key text of selected key columns (`keyList`); undefined for a table without key. */
  keyText(values: Row): string[] | undefined {
    const {primaryKey, kinds} = this.table;
    if (primaryKey.length === 0) return undefined;
    return primaryKey.map((column, index) => keyPartOf(kinds.get(column)!, values[index]!));
  }

  /** The key's columns of an aliased table, for `keyText`. */
  keyList(alias: string): string {
    const {primaryKey, kinds} = this.table;
    return primaryKey.map(column => selectedColumn(alias, column, kinds.get(column)!)).join(', ') || '1';
  }

  /** The condition that only the row with this key meets; one that no row meets when there cannot be such a row. */
  whereKey(key: readonly string[], alias?: string): string {
    return this.#condition(key, alias) ?? 'FALSE';
  }

  #condition(key: readonly string[], alias?: string): string | undefined {
    const {primaryKey, kinds} = this.table;
    if (key.length !== primaryKey.length || key.length === 0) return undefined;
    const literals = key.map((part, index) => keyLiteral(kinds.get(primaryKey[index]!)!, part));
    if (literals.some(value => value === undefined)) return undefined;
    const prefix = alias === undefined ? '' : `${alias}.`;
    return primaryKey.map((column, index) => `${prefix}${quote(column)} = ${literals[index]}`).join(' AND ');
  }

  #anyOf(conditions: readonly string[]): string {
    const [column] = this.table.primaryKey;
    if (this.table.primaryKey.length > 1) return conditions.map(condition => `(${condition})`).join(' OR ');
    const prefix = `${quote(column!)} = `;
    return `${quote(column!)} IN (${conditions.map(condition => condition.slice(prefix.length)).join(',')})`;
  }

  async #write(
    sql: string,
    row: WireRow,
    digest: string | undefined,
    takeBack: (key: readonly string[]) => Promise<void>,
  ): Promise<Rejection | undefined> {
    const key = this.keyOf(row);
    let stored: Row | undefined;
    try {
      if (digest === undefined || key === undefined) {
        await this.connection.run(sql);
        return undefined;
      }
      // To a savepoint, because a trigger of the site would act on the way back too.
      const results = await this.connection.runAll([
        ...(this.table.transactional ? ['SAVEPOINT written'] : []),
        sql,
        `SELECT ${this.#list} FROM ${quote(this.table.name)} WHERE ${this.whereKey(key)}`,
      ]);
      stored = (results.at(-1) as readonly Row[])[0];
    } catch (error) {
      const constraint = constraintOf(error);
      if (constraint === undefined) throw error;
      return {kind: constraint === 'unique' ? 'unique' : 'constraint', message: messageOf(error)};
    }
    const found = stored && this.#row(stored);
    if (found?.digest === digest) return undefined;
    // What was found under the key may be spelled differently; it is removed under its own.
    if (this.table.transactional) await this.connection.run('ROLLBACK TO SAVEPOINT written');
    else await takeBack(found?.key ?? key);
    const column = this.table.columns.find(name => found?.row[name] !== (row[name] ?? null));
    return {
      kind: 'inexact',
      message: `the column ${this.table.name}.${column} would store another value than it is given (or a trigger of the site changes it)`,
    };
  }

  #row(values: Row): ReadRow {
    const {columns, kinds} = this.table;
    const pairs: [string, WireValue][] = [];
    const wire: Record<string, WireValue> = {};
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index]!;
      const stored = wireOf(kinds.get(column)!, values[index]!);
      const value = this.localizer === undefined ? stored : this.localizer.toCanonical(column, stored);
      pairs.push([column, value]);
      setOwn(wire, column, value);
    }
    const key =
      this.#keyPositions.length === 0
        ? undefined
        : this.table.primaryKey.map((column, index) =>
            keyPartOf(kinds.get(column)!, values[this.#keyPositions[index]!]!),
          );
    return {key, row: wire, digest: digestSortedValues(pairs)};
  }
}

/** A column may be called `__proto__`. */
function setOwn(target: Record<string, WireValue>, name: string, value: WireValue): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, {value, enumerable: true, configurable: true, writable: true});
  else target[name] = value;
}
