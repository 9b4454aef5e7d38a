import type {Reference} from '../../../core/site-description.js';
import type {WireRow} from '../../site/ports.js';
import type {WireValue} from '../wire-value.js';
import {type PgConnection, type PgRow, quote} from './connection.js';
import type {PgTable} from './schema.js';
import {
  compareType,
  heldText,
  keyOfWire,
  keyPartOf,
  keyValues,
  lookedUp,
  textOf,
  tuples,
  wireOf,
} from './values.js';

/** Columns of an aliased table. */
function list(alias: string, columns: readonly string[]): string {
  return columns.map(column => `${alias}.${quote(column)}`).join(', ');
}

/** Key text of selected key columns. */
function keyText(table: PgTable, values: PgRow): string[] {
  return table.primaryKey.map((column, index) =>
    keyPartOf(values[index] ?? '', table.column.get(column)!.kind),
  );
}

function joined(
  left: string,
  leftColumns: readonly string[],
  right: string,
  rightColumns: readonly string[],
): string {
  return leftColumns
    .map((column, index) => `${left}.${quote(column)} = ${right}.${quote(rightColumns[index]!)}`)
    .join(' AND ');
}

function noParent(reference: Reference, parent: PgTable): string {
  return `NOT EXISTS (SELECT 1 FROM ${parent.from} AS p WHERE ${joined('p', reference.references, 'c', reference.columns)} OFFSET 0)`;
}

/**
 * Rows whose reference leads nowhere, of those with the given keys: the key's position and the values of the
 * referencing columns. One with a NULL leads nowhere on purpose.
 */
export async function missingParents(
  connection: PgConnection,
  child: PgTable,
  keys: readonly (readonly string[])[],
  reference: Reference,
  parent: PgTable,
): Promise<{index: number; values: WireValue[]}[]> {
  const known = keys.flatMap((key, index) => {
    const values = keyValues(child, key);
    return values === undefined ? [] : [{index, values}];
  });
  if (known.length === 0) return [];
  const wanted = tuples(
    child,
    child.primaryKey,
    known.map(({values}) => values),
  );
  const children = lookedUp(child, child.primaryKey, wanted.sql, list('c', reference.columns), 'c');
  const isSet = reference.columns.map(column => `c.${quote(column)} IS NOT NULL`).join(' AND ');
  const rows = await connection.rows(
    `SELECT w.n, ${list('c', reference.columns)} FROM ${children} WHERE ${isSet} AND ${noParent(reference, parent)}`,
    wanted.parameters,
  );
  return rows.map(([n, ...values]) => ({
    index: known[Number(n)]!.index,
    values: reference.columns.map((column, index) =>
      wireOf(values[index] ?? null, child.column.get(column)?.kind ?? 'text'),
    ),
  }));
}

/**
 * Rows of `child` whose reference has one of the given values: the position of the value and the row's key.
 * @param parent only rows for which this table has no parent
 */
export async function referringRows(
  connection: PgConnection,
  child: PgTable,
  reference: Reference,
  wanted: readonly (readonly WireValue[])[],
  parent?: PgTable,
): Promise<{index: number; key: string[]}[]> {
  const found: {index: number; key: string[]}[] = [];
  const set = wanted.flatMap((values, index) =>
    values.includes(null) ? [] : [{index, values: values.map(textOf)}],
  );
  for (let start = 0; start < set.length; start += 1000) {
    const part = set.slice(start, start + 1000);
    const values = tuples(
      child,
      reference.columns,
      part.map(entry => entry.values),
    );
    const on = reference.columns.map((column, index) => `c.${quote(column)} = w.v${index}`).join(' AND ');
    const rows = await connection.rows(
      `SELECT w.n${child.primaryKey.map(column => `, c.${quote(column)}`).join('')} FROM ${values.sql} JOIN ${child.from} AS c ON ${on} ` +
        `${parent === undefined ? '' : `WHERE ${noParent(reference, parent)} `}ORDER BY w.n${child.primaryKey.map(column => `, c.${quote(column)}`).join('')}`,
      values.parameters,
    );
    for (const [n, ...key] of rows) found.push({index: part[Number(n)]!.index, key: keyText(child, key)});
  }
  return found;
}

/** The keys of parents that a row's reference leads to. */
export async function parentKeys(
  connection: PgConnection,
  child: PgTable,
  key: readonly string[],
  reference: Reference,
  parent: PgTable,
): Promise<string[][]> {
  const values = keyValues(child, key);
  if (values === undefined) return [];
  const where = child.primaryKey.map((column, index) => `c.${quote(column)} = $${index + 1}`).join(' AND ');
  const rows = await connection.rows(
    `SELECT ${list('p', parent.primaryKey)} FROM ${child.from} AS c JOIN ${parent.from} AS p ON ${joined('p', reference.references, 'c', reference.columns)} WHERE ${where}`,
    values,
  );
  return rows.map(row => keyText(parent, row));
}

/** Keys of other rows that hold a value which must be unique and which `row` has too. */
export async function blockers(connection: PgConnection, table: PgTable, row: WireRow): Promise<string[][]> {
  const own = JSON.stringify(keyOfWire(table, row));
  const found = new Map<string, string[]>();
  for (const columns of [...table.uniques, table.primaryKey]) {
    if (columns.some(column => !table.column.has(column))) continue;
    const values = columns.map(column => heldText(table, column, row[column] ?? null));
    if (values.includes(null) || columns.length === 0) continue;
    const where = columns.map(
      (column, index) => `t.${quote(column)} = $${index + 1}::${compareType(table, column)}`,
    );
    for (const key of await connection.rows(
      `SELECT ${list('t', table.primaryKey)} FROM ${table.from} AS t WHERE ${where.join(' AND ')}`,
      values,
    )) {
      const text = keyText(table, key);
      if (JSON.stringify(text) !== own) found.set(JSON.stringify(text), text);
    }
  }
  return [...found.values()];
}

/** Keys of rows whose columns hold the given values as PostgreSQL compares them, NULL included. */
export async function findRows(
  connection: PgConnection,
  table: PgTable | undefined,
  values: WireRow,
  limit: number,
): Promise<string[][]> {
  const columns = Object.keys(values);
  if (table === undefined || columns.length === 0 || table.primaryKey.length === 0) return [];
  if (!columns.every(column => table.column.has(column))) return [];
  const where: string[] = [];
  const parameters: string[] = [];
  for (const column of columns) {
    const text = heldText(table, column, values[column] ?? null);
    // IS NOT DISTINCT FROM would not use an index.
    if (text === null) where.push(`t.${quote(column)} IS NULL`);
    else where.push(`t.${quote(column)} = $${parameters.push(text)}::${compareType(table, column)}`);
  }
  const rows = await connection.rows(
    `SELECT ${list('t', table.primaryKey)} FROM ${table.from} AS t WHERE ${where.join(' AND ')} LIMIT ${Math.trunc(limit)}`,
    parameters,
  );
  return rows.map(row => keyText(table, row));
}
