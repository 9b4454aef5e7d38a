import {quote, type SqliteConnection, type SqliteValue} from './connection.js';
import type {SqliteTable} from './schema.js';
import {bind, type Cursor, exactValues} from './table-access.js';

/** Rows of a table that follow one another, as the end of a statement (`FROM … WHERE …`). */
export type TableRange = {
  readonly sql: string;
  readonly values: readonly SqliteValue[];
  readonly after: Cursor | undefined;
  /** Its last row; undefined where the table ends. */
  readonly end: Cursor | undefined;
};

/** The next rows of a keyed table after a place. Rows whose key holds a NULL are in none. */
export function nextRange(
  connection: SqliteConnection,
  table: SqliteTable,
  after: Cursor | undefined,
  rows: number,
): TableRange {
  const order = table.rowid === undefined ? table.primaryKey.map(quote) : [table.rowid];
  const list = order.join(', ');
  const isKeyed = table.primaryKey.map(column => `${quote(column)} IS NOT NULL`).join(' AND ');
  const bounds: [operator: string, place: Cursor][] = after === undefined ? [] : [['>', after]];
  const range = () => {
    const bound = bounds.map(([operator, place]) => ({operator, parts: place.map(bind)}));
    return {
      sql: [
        `FROM ${quote(table.name)} WHERE ${isKeyed}`,
        ...bound.map(
          ({operator, parts}) =>
            `(${list}) ${operator} (${parts.map(({placeholder}) => placeholder).join(', ')})`,
        ),
      ].join(' AND '),
      values: bound.flatMap(({parts}) => parts.map(({value}) => value)),
    };
  };
  const {sql, values} = range();
  const last = connection.get(
    `SELECT ${connection.exactColumns(order)} ${sql} ORDER BY ${list} LIMIT 1 OFFSET ${rows - 1}`,
    ...values,
  );
  const end = last && (exactValues(last) as Cursor);
  if (end !== undefined) bounds.push(['<=', end]);
  return {...range(), after, end};
}
