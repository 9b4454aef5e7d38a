import type {Reference} from '../../../core/site-description.js';
import type {WireRow} from '../../site/ports.js';
import {encodeKeyPart} from '../key-text.js';
import type {TableShape} from '../table-shape.js';
import {decodeWire, encodeWire, type WireValue} from '../wire-value.js';
import {quote, type SqliteConnection, type SqliteRow, type SqliteValue} from './connection.js';
import {bind, exactValues, type TableAccess} from './table-access.js';
import type {Workspace} from './workspace.js';

/** Values of one statement; stays below SQLite's limit of 32,766. */
const batchValues = 8000;

/** Values of the referencing columns of one row where no NULL makes the reference void and no parent has them. */
export function missingParent(
  connection: SqliteConnection,
  access: TableAccess,
  key: readonly string[],
  reference: Reference,
): WireValue[] | undefined {
  const bound = access.keyValues(key)?.map(bind);
  if (bound === undefined) return undefined;
  const where = access.table.primaryKey.map(
    (column, index) => `c.${quote(column)} = ${bound[index]!.placeholder}`,
  );
  const row = connection.get(
    `SELECT ${exactList(connection, 'c', reference.columns)} FROM ${quote(access.table.name)} AS c WHERE ${[
      ...where,
      ...reference.columns.map(column => `c.${quote(column)} IS NOT NULL`),
    ].join(' AND ')} AND ${noParent(reference)}`,
    ...bound.map(value => value.value),
  );
  return row && exactValues(row).map(value => encodeWire(value));
}

/**
 * Rows of `child` whose reference has one of the given values: the position of the value and the row's key.
 * @param orphaned only rows for which no parent exists
 */
export function* referringRows(
  connection: SqliteConnection,
  child: TableShape,
  reference: Reference,
  wanted: readonly (readonly WireValue[])[],
  orphaned: boolean,
): Generator<{index: number; row: SqliteRow}> {
  const width = reference.columns.length;
  const size = Math.max(1, Math.floor(batchValues / (width + 1)));
  for (let start = 0; start < wanted.length; start += size) {
    const values: SqliteValue[] = [];
    const tuples: string[] = [];
    for (const [offset, tuple] of wanted.slice(start, start + size).entries()) {
      if (tuple.includes(null)) continue;
      const bound = tuple.map(value => bind(decodeWire(value)));
      tuples.push(`(${['?', ...bound.map(value => value.placeholder)].join(', ')})`);
      values.push(BigInt(start + offset), ...bound.map(value => value.value));
    }
    if (tuples.length === 0) continue;
    const names = reference.columns.map((_, index) => `v${index}`);
    const on = reference.columns.map((column, index) => `c.${quote(column)} = w.v${index}`).join(' AND ');
    const sql =
      `WITH w(n, ${names.join(', ')}) AS (VALUES ${tuples.join(', ')}) ` +
      `SELECT w.n, ${exactList(connection, 'c', child.primaryKey)} FROM w JOIN ${quote(child.name)} AS c ON ${on} ` +
      (orphaned ? `WHERE ${noParent(reference)}` : '');
    for (const [index, ...row] of connection.iterate(sql, ...values)) yield {index: Number(index), row};
  }
}

/** The keys of parents that a row's reference leads to. */
export function parentKeys(
  connection: SqliteConnection,
  child: TableAccess,
  key: readonly string[],
  reference: Reference,
  parent: TableShape,
): SqliteRow[] {
  const bound = child.keyValues(key)?.map(bind);
  if (bound === undefined) return [];
  const on = reference.columns
    .map((column, index) => `p.${quote(reference.references[index]!)} = c.${quote(column)}`)
    .join(' AND ');
  const where = child.table.primaryKey
    .map((column, index) => `c.${quote(column)} = ${bound[index]!.placeholder}`)
    .join(' AND ');
  return connection.all(
    `SELECT ${exactList(connection, 'p', parent.primaryKey)} FROM ${quote(child.table.name)} AS c ` +
      `JOIN ${quote(parent.name)} AS p ON ${on} WHERE ${where}`,
    ...bound.map(value => value.value),
  );
}

/** Keys of rows whose columns hold the given values as SQLite compares them, NULL included. */
export function findRows(
  workspace: Workspace,
  table: string,
  values: WireRow,
  limit: number,
): readonly (readonly string[])[] {
  const target = workspace.tables().get(table);
  const columns = Object.keys(values);
  if (target === undefined || columns.length === 0) return [];
  const {table: shape, access} = target;
  if (!columns.every(column => shape.columns.includes(column))) return [];
  const bound = columns.map(column => access.bound(column, values));
  const where = columns.map((column, index) => `t.${quote(column)} IS ${bound[index]!.placeholder}`);
  const rows = workspace.connection.all(
    `SELECT ${exactList(workspace.connection, 't', shape.primaryKey)} FROM ${quote(table)} AS t ` +
      `WHERE ${where.join(' AND ')} LIMIT ?`,
    ...bound.map(value => value.value),
    BigInt(limit),
  );
  return rows.map(row => keyText(shape, row)).filter(key => key !== undefined);
}

function noParent(reference: Reference): string {
  const on = reference.columns
    .map((column, index) => `p.${quote(reference.references[index]!)} = c.${quote(column)}`)
    .join(' AND ');
  return `NOT EXISTS (SELECT 1 FROM ${quote(reference.table)} AS p WHERE ${on})`;
}

/** Columns of an aliased table for `exactValues`. */
export function exactList(connection: SqliteConnection, alias: string, columns: readonly string[]): string {
  return connection.exactColumns(columns.map(column => `${alias}.${quote(column)}`));
}

/** Key text of selected key columns (`exactList`); undefined when one is NULL. */
export function keyText(shape: TableShape, values: SqliteRow): string[] | undefined {
  const key = exactValues(values);
  if (key.length === 0 || key.some(value => value === null)) return undefined;
  return key.map((value, index) => encodeKeyPart(value!, shape.textualKey[index]!));
}
