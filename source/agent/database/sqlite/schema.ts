import {compareCodePoints} from '../../../core/item.js';
import type {Reference} from '../../../core/site-description.js';
import type {TableShape} from '../table-shape.js';
import type {SqliteConnection} from './connection.js';

/** A user table as this driver needs to know it. */
export type SqliteTable = TableShape & {
  readonly withoutRowid: boolean;
  /** A name under which the row id can be read; undefined when columns of the user hide all three. */
  readonly rowid: string | undefined;
  /** UNIQUE constraints of the table itself. Unlike a unique index they, and their columns, cannot be dropped. */
  readonly constraints: readonly (readonly string[])[];
  /** The column whose ids SQLite issues: the row id under a name of the site's. */
  readonly idColumn: string | undefined;
  /** Ids are never issued again and go on after `sqlite_sequence`. */
  readonly autoincrement: boolean;
  /** Characters that columns may hold by their declaration (`VARCHAR(40)`), which SQLite itself does not enforce. */
  readonly textLimits: ReadonlyMap<string, number>;
  /** Changes whenever the digests of unchanged rows may change. */
  readonly signature: string;
};

/**
 * The tables that take part: ordinary ones that the filter accepts. Views, virtual tables and what those keep their
 * content in are left out; they follow from other tables.
 */
export function readTables(
  connection: SqliteConnection,
  accepts: (table: string) => boolean,
): Map<string, SqliteTable> {
  const listed = connection
    .all(
      "SELECT l.name, l.wr, s.sql FROM pragma_table_list AS l JOIN sqlite_schema AS s ON s.name = l.name AND s.type = 'table' " +
        "WHERE l.schema = 'main' AND l.type = 'table'",
    )
    .map(([name, withoutRowid, sql]) => ({
      name: String(name),
      withoutRowid: withoutRowid === 1n,
      sql: String(sql),
    }))
    .filter(({name}) => !/^sqlite_/i.test(name))
    .sort((a, b) => compareCodePoints(a.name, b.name));
  // Every table is read, also an excluded one: it may be the parent of one that takes part.
  const tables = new Map(listed.map(listing => [listing.name, readTable(connection, listing)]));
  const byName = new Map([...tables.values()].map(table => [table.name.toLowerCase(), table]));
  const shapes = new Map<string, SqliteTable>();
  for (const table of tables.values())
    if (accepts(table.name))
      shapes.set(table.name, {...table, foreignKeys: readForeignKeys(connection, table, byName)});
  return shapes;
}

function readTable(
  connection: SqliteConnection,
  {name, withoutRowid, sql}: {name: string; withoutRowid: boolean; sql: string},
): SqliteTable {
  const declared = connection
    .all('SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)', name)
    .map(([column, type, position, hidden]) => ({
      name: String(column),
      type: String(type),
      key: Number(position),
      generated: hidden === 2n || hidden === 3n,
    }));
  const columns = declared
    .filter(column => !column.generated)
    .map(column => column.name)
    .sort(compareCodePoints);
  const keyColumns = declared.filter(column => column.key > 0).sort((a, b) => a.key - b.key);
  const taken = new Set(declared.map(column => column.name.toLowerCase()));
  const primaryKey = keyColumns.map(column => column.name);
  // Only INTEGER, spelled out, makes the key a name of the row id (https://sqlite.org/lang_createtable.html#rowid).
  const isRowid = !withoutRowid && keyColumns.length === 1 && keyColumns[0]!.type.toUpperCase() === 'INTEGER';
  return {
    name,
    columns,
    primaryKey,
    textualKey: keyColumns.map(column => isTextual(column.type)),
    foreignKeys: [],
    uniques: readUniques(connection, name, ['u', 'c']),
    constraints: readUniques(connection, name, ['u']).filter(unique =>
      unique.every(column => columns.includes(column)),
    ),
    withoutRowid,
    rowid: withoutRowid ? undefined : ['rowid', '_rowid_', 'oid'].find(alias => !taken.has(alias)),
    idColumn: isRowid ? primaryKey[0] : undefined,
    autoincrement: isRowid && isAutoincrement(sql),
    textLimits: new Map(
      declared.flatMap(({name: column, type}) => {
        const length = /CHAR[^()]*\(\s*(\d{1,9})\s*\)/i.exec(type)?.[1];
        return length === undefined ? [] : [[column, Number(length)] as const];
      }),
    ),
    signature: JSON.stringify({columns, primaryKey}),
  };
}

/** A keyword that can stand nowhere else; comments, names and texts in quotes do not count. */
function isAutoincrement(sql: string): boolean {
  const quoted = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g;
  return /\bAUTOINCREMENT\b/i.test(sql.replace(quoted, ' '));
}

/** TEXT affinity (https://sqlite.org/datatype3.html#determination_of_column_affinity): numbers are stored as text. */
function isTextual(type: string): boolean {
  return !/INT/i.test(type) && /CHAR|CLOB|TEXT/i.test(type);
}

/** @param origins `u` for constraints of the table, `c` for indexes */
function readUniques(connection: SqliteConnection, table: string, origins: readonly string[]): string[][] {
  return connection
    .all('SELECT name, origin FROM pragma_index_list(?) WHERE "unique" AND NOT partial', table)
    .filter(([, origin]) => origins.includes(origin as string))
    .map(([index]) =>
      connection
        .all('SELECT name FROM pragma_index_info(?) ORDER BY seqno', index as string)
        .map(([column]) => column),
    )
    .filter((columns): columns is string[] => columns.every(column => typeof column === 'string'));
}

function readForeignKeys(
  connection: SqliteConnection,
  table: SqliteTable,
  tables: ReadonlyMap<string, SqliteTable>,
): Reference[] {
  const rows = connection.all(
    'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq',
    table.name,
  );
  const keys = Map.groupBy(rows, ([id]) => id);
  return [...keys.values()].flatMap((parts): Reference[] => {
    const parent = tables.get(String(parts[0]![1]).toLowerCase());
    if (parent === undefined) return [];
    const columns = parts.map(part => ownName(table, String(part[2])));
    const references = parts.map((part, index) =>
      part[3] === null ? parent.primaryKey[index] : ownName(parent, String(part[3])),
    );
    if (!references.every(column => column !== undefined) || !isUnique(parent, references)) return [];
    return [{columns, table: parent.name, references}];
  });
}

/** Foreign keys may spell a column in other case than its table does. */
function ownName(table: SqliteTable, column: string): string {
  return table.columns.find(name => name.toLowerCase() === column.toLowerCase()) ?? column;
}

function isUnique(table: SqliteTable, columns: readonly string[]): boolean {
  const wanted = [...columns].sort().join('\0');
  return [table.primaryKey, ...table.uniques].some(unique => [...unique].sort().join('\0') === wanted);
}
