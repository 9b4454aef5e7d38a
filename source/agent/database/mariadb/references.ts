import type {Reference} from '../../../core/site-description.js';
import type {WireRow} from '../../site/ports.js';
import type {WireValue} from '../wire-value.js';
import {selection, wireOf} from './column-kind.js';
import type {MariadbConnection, Row} from './connection.js';
import {quote, wireLiteral} from './sql-text.js';
import type {TableAccess} from './table-access.js';

/** Values that are looked up with one statement. */
const batchValues = 300;

/** Values of the referencing columns of one row where no NULL makes the reference void and no parent has them. */
export async function missingParent(
  connection: MariadbConnection,
  child: TableAccess,
  key: readonly string[],
  reference: Reference,
): Promise<readonly WireValue[] | undefined> {
  return (await missingParents(connection, child, [key], reference))[0]?.values;
}

/** The same for many rows; only those without their parent. */
export async function missingParents(
  connection: MariadbConnection,
  child: TableAccess,
  keys: readonly (readonly string[])[],
  reference: Reference,
): Promise<{key: string[]; values: readonly WireValue[]}[]> {
  const {table} = child;
  const kinds = reference.columns.map(column => table.kinds.get(column)!);
  const list = reference.columns.map((column, index) => selection(kinds[index]!, `c.${quote(column)}`));
  const missing: {key: string[]; values: readonly WireValue[]}[] = [];
  for (let from = 0; from < keys.length; from += batchValues) {
    const where = [
      `(${keys
        .slice(from, from + batchValues)
        .map(key => `(${child.whereKey(key, 'c')})`)
        .join(' OR ')})`,
      ...reference.columns.map(column => `c.${quote(column)} IS NOT NULL`),
      noParent(reference, true),
    ];
    const rows = await connection.query(
      `SELECT ${list.join(', ')}, ${child.keyList('c')} FROM ${quote(table.name)} AS c WHERE ${where.join(' AND ')}`,
    );
    for (const row of rows)
      missing.push({
        key: child.keyText(row.slice(list.length))!,
        values: kinds.map((kind, index) => wireOf(kind, row[index]!)),
      });
  }
  return missing;
}

/**
 * Rows of `child` whose reference has one of the given values: the position of the value and the row's key columns.
 * @param orphaned only rows for which no parent exists
 */
export async function referringRows(
  connection: MariadbConnection,
  child: TableAccess,
  reference: Reference,
  wanted: readonly (readonly WireValue[])[],
  orphaned: boolean,
): Promise<{index: number; row: Row}[]> {
  const found: {index: number; row: Row}[] = [];
  const asked = [...wanted.entries()].filter(([, values]) => !values.includes(null));
  for (let from = 0; from < asked.length; from += batchValues) {
    const selects = asked.slice(from, from + batchValues).map(([index, values]) => {
      const on = reference.columns.map((column, at) => `c.${quote(column)} = ${wireLiteral(values[at]!)}`);
      return (
        `SELECT ${index}, ${child.keyList('c')} FROM ${quote(child.table.name)} AS c ` +
        `WHERE ${[...on, ...(orphaned ? [noParent(reference, false)] : [])].join(' AND ')}`
      );
    });
    for (const rows of await connection.runAll(selects))
      for (const [index, ...row] of rows as readonly Row[]) found.push({index: Number(index), row});
  }
  return found;
}

/** The keys of parents that a row's reference leads to. */
export async function parentKeys(
  connection: MariadbConnection,
  child: TableAccess,
  key: readonly string[],
  reference: Reference,
  parent: TableAccess,
): Promise<readonly Row[]> {
  const on = reference.columns
    .map((column, index) => `p.${quote(reference.references[index]!)} = c.${quote(column)}`)
    .join(' AND ');
  return await connection.query(
    `SELECT ${parent.keyList('p')} FROM ${quote(child.table.name)} AS c ` +
      `JOIN ${quote(parent.table.name)} AS p ON ${on} WHERE ${child.whereKey(key, 'c')}`,
  );
}

/** Keys of rows whose columns hold the given values as the columns compare them, NULL included. */
export async function findRows(
  connection: MariadbConnection,
  access: TableAccess | undefined,
  values: WireRow,
  limit: number,
): Promise<readonly (readonly string[])[]> {
  const columns = Object.keys(values);
  if (access === undefined || columns.length === 0) return [];
  if (!columns.every(column => access.table.columns.includes(column))) return [];
  const where = columns.map(column => `t.${quote(column)} <=> ${access.literal(column, values)}`);
  const rows = await connection.query(
    `SELECT ${access.keyList('t')} FROM ${quote(access.table.name)} AS t WHERE ${where.join(' AND ')} LIMIT ${limit}`,
  );
  return rows.map(row => access.keyText(row)).filter(key => key !== undefined);
}

/** @param locked whether to wait for a parent that the site is deleting just now, and to keep it from going */
function noParent(reference: Reference, locked: boolean): string {
  const on = reference.columns
    .map((column, index) => `p.${quote(reference.references[index]!)} = c.${quote(column)}`)
    .join(' AND ');
  const lock = locked ? ' LOCK IN SHARE MODE' : '';
  return `NOT EXISTS (SELECT 1 FROM ${quote(reference.table)} AS p WHERE ${on}${lock})`;
}
