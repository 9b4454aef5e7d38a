import type {WireRow} from '../../site/ports.js';
import {decodeKeyPart, encodeKeyPart} from '../key-text.js';
import {digestSortedValues} from '../row-digest.js';
import type {TableLocalizer} from '../row-localizer.js';
import type {PresentRow, Rejection} from '../row-store.js';
import {type ColumnValue, decodeWire, encodeWire, InvalidText, type WireValue} from '../wire-value.js';
import {
  constraintOf,
  messageOf,
  quote,
  type SqliteConnection,
  type SqliteRow,
  type SqliteValue,
} from './connection.js';
import type {SqliteTable} from './schema.js';

/** A row that was read; `key` is undefined when the table has no key or the row's key holds a NULL. */
export type ReadRow = PresentRow & {readonly key: string[] | undefined};

/** Reads and writes the rows of one table by exact value. */
export class TableAccess {
  readonly table: SqliteTable;
  readonly localizer: TableLocalizer | undefined;
  readonly #connection: SqliteConnection;
  /** Where the key's columns stand among the selected ones. */
  readonly #keyPositions: readonly number[];
  readonly #whereKey: string;

  constructor(connection: SqliteConnection, table: SqliteTable, localizer?: TableLocalizer) {
    this.#connection = connection;
    this.table = table;
    this.localizer = localizer;
    this.#keyPositions = table.primaryKey.map(column => table.columns.indexOf(column));
    this.#whereKey = table.primaryKey.map(column => `${quote(column)} = ?`).join(' AND ');
  }

  /**
   * All rows in storage order, or those after a cursor; one at a time, so that large values do not add up. The
   * caller may stop at any row and go on from its cursor in a later transaction.
   *
   * Text that is not UTF-8 reaches JavaScript damaged; a row that looks like that is read once more as bytes.
   */
  *rows(after?: Cursor): Generator<{row: ReadRow; cursor: Cursor}> {
    const {name, rowid, primaryKey, textualKey} = this.table;
    const from = `FROM ${quote(name)}`;
    if (rowid === undefined) {
      const order = primaryKey.map(quote).join(', ');
      const bound = after?.map(bind) ?? [];
      const where =
        after === undefined ? '' : `WHERE (${order}) > (${bound.map(value => value.placeholder).join(', ')})`;
      const select = `SELECT ${this.#exactList()} ${from} ${where} ${order && `ORDER BY ${order}`}`;
      for (const values of this.#connection.iterate(select, ...bound.map(value => value.value))) {
        const row = this.#row(exactValues(values));
        const cursor = (row.key ?? []).map((part, index) => decodeKeyPart(part, textualKey[index]!)!);
        yield {row, cursor};
      }
      return;
    }
    const where = after === undefined ? '' : `WHERE ${rowid} > ?`;
    const select = `SELECT ${rowid}, ${this.#list()} ${from} ${where} ORDER BY ${rowid}`;
    for (const [id, ...values] of this.#connection.iterate(select, ...((after ?? []) as SqliteValue[]))) {
      const exact =
        this.#isDamaged(values) &&
        this.#connection.get(`SELECT ${this.#exactList()} ${from} WHERE ${rowid} = ?`, id!);
      yield {row: this.#row(exact ? exactValues(exact) : (values as ColumnValue[])), cursor: [id!]};
    }
  }

  read(key: readonly string[]): ReadRow | undefined {
    if (this.keyValues(key) === undefined) return undefined;
    const where = this.#boundKey(key);
    const values = where.values.map(value => value.value);
    const tail = `FROM ${quote(this.table.name)} WHERE ${where.sql}`;
    const plain = this.#connection.get(`SELECT ${this.#list()} ${tail}`, ...values);
    if (plain === undefined) return undefined;
    const exact =
      this.#isDamaged(plain) && this.#connection.get(`SELECT ${this.#exactList()} ${tail}`, ...values);
    const row = this.#row(exact ? exactValues(exact) : (plain as ColumnValue[]));
    // A collation may find a row whose key is spelled differently; that is another row to us.
    return row.key !== undefined && sameKey(row.key, key) ? row : undefined;
  }

  insert(row: WireRow, digest?: string): Rejection | undefined {
    const {columns} = this.table;
    const bound = columns.map(column => this.bound(column, row));
    return this.#write(
      `INSERT OR ABORT INTO ${quote(this.table.name)} (${columns.map(quote).join(', ')}) ` +
        `VALUES (${bound.map(value => value.placeholder).join(', ')})`,
      bound.map(value => value.value),
      row,
      digest,
      key => this.remove(key),
    );
  }

  update(key: readonly string[], row: WireRow, before: WireRow, digest?: string): Rejection | undefined {
    const columns = this.table.columns.filter(column => !this.table.primaryKey.includes(column));
    if (columns.length === 0) return undefined;
    const bound = columns.map(column => this.bound(column, row));
    const where = this.#boundKey(key);
    return this.#write(
      `UPDATE OR ABORT ${quote(this.table.name)} SET ` +
        columns.map((column, index) => `${quote(column)} = ${bound[index]!.placeholder}`).join(', ') +
        ` WHERE ${where.sql}`,
      [...bound, ...where.values].map(value => value.value),
      row,
      digest,
      () => void this.update(key, before, row),
    );
  }

  remove(key: readonly string[]): void {
    const where = this.#boundKey(key);
    this.#connection.run(
      `DELETE FROM ${quote(this.table.name)} WHERE ${where.sql}`,
      ...where.values.map(value => value.value),
    );
  }

  /** Key text of a row on the wire; undefined when a key column is missing or NULL. */
  keyOf(row: WireRow): string[] | undefined {
    const key: string[] = [];
    for (const [index, column] of this.table.primaryKey.entries()) {
      const value = decodeWire(row[column] ?? null);
      if (value === null) return undefined;
      key.push(encodeKeyPart(value, this.table.textualKey[index]!));
    }
    return key.length === 0 ? undefined : key;
  }

  keyValues(key: readonly string[]): ColumnValue[] | undefined {
    if (key.length !== this.table.primaryKey.length || key.length === 0) return undefined;
    const values = key.map((part, index) => decodeKeyPart(part, this.table.textualKey[index]!));
    return values.some(value => value === undefined) ? undefined : (values as ColumnValue[]);
  }

  /** A column's value of a row on the wire, as this site holds it. */
  bound(column: string, row: WireRow): Bound {
    const value = row[column] ?? null;
    return bind(decodeWire(this.localizer?.toHere(column, value) ?? value));
  }

  #encode(column: string, value: ColumnValue): WireValue {
    const wire = encodeWire(value);
    return this.localizer?.toCanonical(column, wire) ?? wire;
  }

  #digest(stored: SqliteRow): string {
    const {columns} = this.table;
    return digestSortedValues(columns.map((column, index) => [column, this.#encode(column, stored[index]!)]));
  }

  #boundKey(key: readonly string[]): {sql: string; values: Bound[]} {
    const values = this.keyValues(key)!.map(bind);
    if (values.every(value => value.placeholder === '?')) return {sql: this.#whereKey, values};
    const sql = this.table.primaryKey
      .map((column, index) => `${quote(column)} = ${values[index]!.placeholder}`)
      .join(' AND ');
    return {sql, values};
  }

  #write(
    sql: string,
    values: SqliteValue[],
    row: WireRow,
    digest: string | undefined,
    takeBack: (key: readonly string[]) => void,
  ): Rejection | undefined {
    let stored: SqliteRow | undefined;
    try {
      stored =
        digest === undefined
          ? void this.#connection.run(sql, ...values)
          : this.#connection.get(`${sql} RETURNING ${this.#list()}`, ...values);
    } catch (error) {
      const constraint = constraintOf(error);
      if (constraint === undefined) throw error;
      return {kind: constraint === 'unique' ? 'unique' : 'constraint', message: messageOf(error)};
    }
    if (stored === undefined) return undefined;
    if (this.#digest(stored) === digest) return undefined;
    // The column's type may convert what is written (and text that is not UTF-8 is only exact when read again).
    const key = this.keyOf(row);
    const again = key && this.read(key);
    if (again === undefined || again.digest === digest) return undefined;
    takeBack(key!);
    const column = this.table.columns.find(name => again.row[name] !== (row[name] ?? null));
    return {
      kind: 'inexact',
      message: `the column ${this.table.name}.${column} would store another value than it is given`,
    };
  }

  #list(): string {
    return this.table.columns.map(quote).join(', ');
  }

  #exactList(): string {
    return this.#connection.exactColumns(this.table.columns.map(quote));
  }

  #isDamaged(values: SqliteRow): boolean {
    return values.some(isSuspicious) && this.#connection.isUtf8;
  }

  #row(values: readonly ColumnValue[]): ReadRow {
    const key: string[] = [];
    for (const [index, position] of this.#keyPositions.entries()) {
      const value = values[position]!;
      if (value === null) break;
      key.push(encodeKeyPart(value, this.table.textualKey[index]!));
    }
    const hasKey = key.length > 0 && key.length === this.#keyPositions.length;
    const {columns} = this.table;
    const pairs: [string, WireValue][] = [];
    const wire: Record<string, WireValue> = {};
    for (let index = 0; index < columns.length; index++) {
      const value = this.#encode(columns[index]!, values[index]!);
      pairs.push([columns[index]!, value]);
      setOwn(wire, columns[index]!, value);
    }
    return {key: hasKey ? key : undefined, row: wire, digest: digestSortedValues(pairs)};
  }
}

/** A place in a table: the row id, or the key of a table without row ids. */
export type Cursor = readonly ColumnValue[];

export type Bound = {readonly placeholder: string; readonly value: SqliteValue};

export function bind(value: ColumnValue): Bound {
  return value instanceof InvalidText
    ? {placeholder: 'CAST(? AS TEXT)', value: value.bytes}
    : {placeholder: '?', value};
}

export function sameKey(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index]);
}

/** A column may be called `__proto__`. */
function setOwn(target: Record<string, WireValue>, name: string, value: WireValue): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, {value, enumerable: true, configurable: true, writable: true});
  else target[name] = value;
}

function isSuspicious(value: SqliteValue): boolean {
  return typeof value === 'string' && value.includes('\uFFFD');
}

const strictUtf8 = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

/** Values of columns that were selected with `exactColumns`. */
export function exactValues(pairs: SqliteRow): ColumnValue[] {
  const values: ColumnValue[] = [];
  for (let index = 0; index < pairs.length; index += 2) {
    const value = pairs[index + 1]!;
    values.push(pairs[index] === 'text' && typeof value !== 'string' ? textOf(value as Uint8Array) : value);
  }
  return values;
}

function textOf(bytes: Uint8Array): string | InvalidText {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return new InvalidText(bytes);
  }
}
