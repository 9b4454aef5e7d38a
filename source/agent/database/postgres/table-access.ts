import type {WireRow} from '../../site/ports.js';
import {digestSortedValues} from '../row-digest.js';
import type {PresentRow, Rejection} from '../row-store.js';
import type {WireValue} from '../wire-value.js';
import {type PgConnection, type PgRow, type PgValue, quote} from './connection.js';
import {isUnfitValue, rejectionOf} from './errors.js';
import type {PgTable} from './schema.js';
import {copyLine, heldText, keyPartOf, keyValues, lookedUp, travelling, tuples} from './values.js';

/** A row that was read; `key` is empty when the table has no key. */
export type ReadRow = PresentRow & {readonly key: readonly string[]};

/** The columns that are selected for `rowOf`, of a table under an alias. */
export function columnList(table: PgTable, alias = 't'): string {
  return table.columns.map(column => `${alias}.${quote(column)}`).join(', ');
}

/** A row selected with `columnList`. */
export function rowOf(table: PgTable, values: PgRow): ReadRow {
  const pairs: [string, WireValue][] = [];
  const row: Record<string, WireValue> = {};
  for (const [index, column] of table.columns.entries()) {
    const value = travelling(table, column, values[index] ?? null);
    pairs.push([column, value]);
    if (column === '__proto__') Object.defineProperty(row, column, {value, enumerable: true});
    else row[column] = value;
  }
  return {key: keyOf(table, values), row, digest: digestSortedValues(pairs)};
}

function keyOf(table: PgTable, values: PgRow): string[] {
  return table.primaryKey.map(column =>
    keyPartOf(values[table.columns.indexOf(column)] ?? '', table.column.get(column)!.kind),
  );
}

/** Reads rows by key; those that are there, by the JSON text of their key. */
export async function readRows(
  connection: PgConnection,
  table: PgTable,
  keys: readonly (readonly string[])[],
): Promise<Map<string, ReadRow>> {
  const read = new Map<string, ReadRow>();
  const values = keys.map(key => keyValues(table, key)).filter(key => key !== undefined);
  if (values.length === 0) return read;
  const wanted = tuples(table, table.primaryKey, values);
  const found = lookedUp(table, table.primaryKey, wanted.sql, columnList(table), 't');
  const rows = await connection.rows(`SELECT ${columnList(table)} FROM ${found}`, wanted.parameters);
  // A collation may find a row whose key is spelled differently; that is another row to us.
  const spelled = new Set(keys.map(key => JSON.stringify(key)));
  for (const row of rows.map(values => rowOf(table, values))) {
    const text = JSON.stringify(row.key);
    if (spelled.has(text)) read.set(text, row);
  }
  return read;
}

/**
 * `readRows` for keys from elsewhere, which need not be of the column's type. Belongs into a transaction: a value that
 * is refused costs a round trip for each key.
 */
export async function readForeignRows(
  connection: PgConnection,
  table: PgTable,
  keys: readonly (readonly string[])[],
): Promise<Map<string, ReadRow>> {
  const values = keys.filter(key => keyValues(table, key) !== undefined);
  try {
    const [, found] = await Promise.all([
      connection.run('SAVEPOINT reading'),
      readRows(connection, table, values),
      connection.run('RELEASE SAVEPOINT reading'),
    ]);
    return found;
  } catch (error) {
    if (!isUnfitValue(error)) throw error;
    await connection.run('ROLLBACK TO SAVEPOINT reading; RELEASE SAVEPOINT reading');
    if (values.length === 1) return new Map();
    const middle = Math.floor(values.length / 2);
    const left = await readForeignRows(connection, table, values.slice(0, middle));
    return new Map([...left, ...(await readForeignRows(connection, table, values.slice(middle)))]);
  }
}

/** How much text of rows is fetched at once, and how many rows at most. */
const pageLimits = {characters: 4 * 1024 * 1024, rows: 1000};

/**
 * All rows of a table in key order, page by page; each page may be in a transaction of its own. Pages get shorter
 * where rows are large.
 */
export async function* rowPages(
  table: PgTable,
  fetch: (sql: string, values: readonly PgValue[]) => Promise<PgRow[]>,
): AsyncGenerator<ReadRow[], void> {
  const order = table.primaryKey.map(column => `t.${quote(column)}`).join(', ');
  const places = table.primaryKey.map(column => table.columns.indexOf(column));
  let limit = pageLimits.rows;
  let after: PgValue[] | undefined;
  for (;;) {
    const bound = after?.map((_, index) => `$${index + 1}`).join(', ');
    const where = bound === undefined ? '' : `WHERE (${order}) > (${bound})`;
    const rows = await fetch(
      `SELECT ${columnList(table)} FROM ${table.from} AS t ${where} ORDER BY ${order} LIMIT ${limit}`,
      after ?? [],
    );
    if (rows.length > 0) yield rows.map(row => rowOf(table, row));
    if (rows.length < limit) return;
    after = places.map(place => rows.at(-1)![place]!);
    limit = nextLimit(limit, rows);
  }
}

function nextLimit(limit: number, rows: readonly PgRow[]): number {
  let characters = 0;
  for (const row of rows) for (const value of row) characters += value?.length ?? 0;
  const fitting = Math.floor((pageLimits.characters * rows.length) / Math.max(characters, 1));
  return Math.max(1, Math.min(fitting, limit * 4, pageLimits.rows));
}

/** All rows of a table inside the transaction that is open, by a cursor, page by page. */
export async function* cursorPages(
  connection: PgConnection,
  table: PgTable,
  name = 'pages',
): AsyncGenerator<ReadRow[], void> {
  const order = table.primaryKey.map(column => `t.${quote(column)}`).join(', ');
  await connection.run(
    `DECLARE ${name} NO SCROLL CURSOR FOR SELECT ${columnList(table)} FROM ${table.from} AS t ${order && `ORDER BY ${order}`}`,
  );
  let limit = pageLimits.rows / 10;
  for (;;) {
    const rows = await connection.rows(`FETCH ${limit} FROM ${name}`);
    if (rows.length > 0) yield rows.map(row => rowOf(table, row));
    if (rows.length < limit) break;
    limit = nextLimit(limit, rows);
  }
  await connection.run(`CLOSE ${name}`);
}

/** @param digest of the row; what the table then holds must have it. Without, nothing is checked. */
export async function insertRow(
  connection: PgConnection,
  table: PgTable,
  row: WireRow,
  digest?: string,
): Promise<Rejection | undefined> {
  const names = table.columns.map(quote).join(', ');
  const bound = table.columns.map((_, index) => `$${index + 1}`).join(', ');
  const into = `INSERT INTO ${table.sql} AS t`;
  return await write(
    connection,
    table,
    table.columns.length === 0
      ? `${into} DEFAULT VALUES`
      : `${into} (${names}) OVERRIDING SYSTEM VALUE VALUES (${bound})`,
    table.columns.map(column => heldText(table, column, row[column] ?? null)),
    row,
    digest,
  );
}

/** Writes the columns in which `row` differs from `before`. */
export async function updateRow(
  connection: PgConnection,
  table: PgTable,
  key: readonly string[],
  row: WireRow,
  before: WireRow,
  digest?: string,
): Promise<Rejection | undefined> {
  const changed = table.columns.filter(
    column => !table.primaryKey.includes(column) && (row[column] ?? null) !== (before[column] ?? null),
  );
  if (changed.length === 0) return undefined;
  if (changed.some(column => table.column.get(column)!.isAlwaysIdentity)) {
    // An UPDATE may not set it, an INSERT may.
    await removeRow(connection, table, key);
    const rejection = await insertRow(connection, table, row, digest);
    if (rejection !== undefined) await insertRow(connection, table, before);
    return rejection;
  }
  const set = changed.map((column, index) => `${quote(column)} = $${index + 1}`).join(', ');
  return await write(
    connection,
    table,
    `UPDATE ${table.from} AS t SET ${set} WHERE ${whereKey(table, changed.length + 1)}`,
    [...changed.map(column => heldText(table, column, row[column] ?? null)), ...keyValues(table, key)!],
    row,
    digest,
  );
}

export async function removeRow(
  connection: PgConnection,
  table: PgTable,
  key: readonly string[],
): Promise<void> {
  await connection.run(`DELETE FROM ${table.from} AS t WHERE ${whereKey(table, 1)}`, keyValues(table, key)!);
}

export function whereKey(table: PgTable, first: number): string {
  return table.primaryKey.map((column, index) => `t.${quote(column)} = $${first + index}`).join(' AND ');
}

async function write(
  connection: PgConnection,
  table: PgTable,
  sql: string,
  values: readonly PgValue[],
  row: WireRow,
  digest: string | undefined,
): Promise<Rejection | undefined> {
  const isChecked = digest !== undefined && table.columns.length > 0;
  const isExact = ([stored]: readonly PgRow[]) =>
    !isChecked || stored === undefined || rowOf(table, stored).digest === digest;
  const result = await connection.attempt(
    isChecked ? `${sql} RETURNING ${columnList(table)}` : sql,
    values,
    isExact,
  );
  if ('error' in result) {
    const rejection = rejectionOf(result.error);
    if (rejection === undefined) throw result.error;
    return rejection;
  }
  if (isExact(result.rows)) return undefined;
  return {kind: 'inexact', message: inexact(table, rowOf(table, result.rows[0]!).row, row)};
}

export function inexact(table: PgTable, stored: WireRow, meant: WireRow): string {
  const column = table.columns.find(name => stored[name] !== (meant[name] ?? null));
  return `the column ${table.name}.${column} would store another value than it is given`;
}

/** Rows as lines for COPY into `copyStatement`. */
export function copyLines(table: PgTable, rows: Iterable<{readonly row: WireRow}>): string[] {
  return Array.from(rows, ({row}) =>
    copyLine(table.columns.map(column => heldText(table, column, row[column] ?? null))),
  );
}

export function copyStatement(table: PgTable): string {
  return `COPY ${table.sql} (${table.columns.map(quote).join(', ')}) FROM STDIN`;
}
