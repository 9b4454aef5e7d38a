import {compareCodePoints} from '../../../core/item.js';
import type {Reference} from '../../../core/site-description.js';
import type {TableLocalizer} from '../row-localizer.js';
import type {TableShape} from '../table-shape.js';
import {type PgConnection, quote} from './connection.js';

/** How a column's values are tagged on the wire: integers and binary as such, anything else as its exact text. */
export type ColumnKind = 'integer' | 'binary' | 'text';

export type PgColumn = {
  readonly kind: ColumnKind;
  /** The type without its modifier, as SQL. */
  readonly type: string;
  /** `GENERATED ALWAYS AS IDENTITY`: an UPDATE may not set it. */
  readonly isAlwaysIdentity: boolean;
  /** Characters that it may hold. */
  readonly textLimit: number | undefined;
};

/** A user table as this driver needs to know it. */
export type PgTable = TableShape & {
  readonly oid: string;
  /** Schema and name as SQL. */
  readonly sql: string;
  /** The same after FROM: without the rows of tables that inherit from it, unless those are its partitions. */
  readonly from: string;
  readonly column: ReadonlyMap<string, PgColumn>;
  /** How values change on their way in and out (E28); undefined when none does. */
  readonly localizer: TableLocalizer | undefined;
  /** Changes whenever the digests of unchanged rows may change. */
  readonly signature: string;
};

/**
 * The tables that take part: ordinary and partitioned ones in the first schema of the connection's search path that
 * the filter accepts. Views, foreign tables, partitions (their rows are their parent's) and tables of extensions are
 * left out. Tables of other schemas never travel. `all` has the excluded ones too: such a table may be a parent.
 */
export async function readTables(
  connection: PgConnection,
  accepts: (table: string) => boolean,
): Promise<{taking: ReadonlyMap<string, PgTable>; all: ReadonlyMap<string, PgTable>}> {
  const [columns, indexes, references] = await Promise.all([
    connection.rows(columnsQuery),
    connection.rows(indexesQuery),
    connection.rows(referencesQuery),
  ]);
  const uniques = Map.groupBy(indexes, ([oid]) => oid);
  const tables = new Map<string, PgTable>();
  for (const rows of Map.groupBy(columns, ([oid]) => oid).values()) {
    const table = tableOf(rows as string[][], uniques.get(rows[0]![0]!) ?? []);
    tables.set(table.name, table);
  }
  const byOid = new Map([...tables.values()].map(table => [table.oid, table]));
  const keys = Map.groupBy(references, ([oid]) => oid);
  const shapes = new Map<string, PgTable>();
  for (const name of [...tables.keys()].sort(compareCodePoints)) {
    const table = tables.get(name)!;
    if (accepts(name))
      shapes.set(name, {...table, foreignKeys: foreignKeys(keys.get(table.oid) ?? [], byOid)});
  }
  return {taking: shapes, all: tables};
}

const ownTables = `n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

const columnsQuery = `
  SELECT c.oid, n.nspname, c.relname, c.relkind, a.attname,
    CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END,
    format_type(a.atttypid, -1), a.attgenerated, a.attidentity, a.atttypmod, format_type(a.atttypid, a.atttypmod)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  WHERE ${ownTables} ORDER BY c.oid, a.attnum`;

/** Unique indexes without a condition or a computed part, as JSON arrays of column names. */
const indexesQuery = `
  SELECT i.indrelid, i.indisprimary, (SELECT json_agg(a.attname ORDER BY k.place) FROM unnest(i.indkey::int2[])
      WITH ORDINALITY AS k(attnum, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      WHERE k.place <= i.indnkeyatts)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${ownTables} AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY i.indexrelid`;

const referencesQuery = `
  SELECT k.conrelid, k.confrelid,
    (SELECT json_agg(a.attname ORDER BY u.place) FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, place)
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
    (SELECT json_agg(a.attname ORDER BY u.place) FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, place)
      JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum)
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${ownTables} AND k.contype = 'f' AND k.conparentid = 0 ORDER BY k.oid`;

function tableOf(rows: readonly string[][], indexes: readonly (string | null)[][]): PgTable {
  const [oid, schema, name, kind] = rows[0]! as [string, string, string, string];
  const column = new Map<string, PgColumn>();
  const signature: Record<string, string> = {};
  for (const [, , , , attribute, type, sql, generated, identity, modifier, declared] of rows) {
    if (generated !== '') continue;
    signature[attribute!] = declared!;
    column.set(attribute!, {
      kind: kindOf(type!),
      type: sql!,
      isAlwaysIdentity: identity === 'a',
      // varchar and char keep their length and four more
      textLimit:
        (type === '1043' || type === '1042') && Number(modifier) > 4 ? Number(modifier) - 4 : undefined,
    });
  }
  const columns = [...column.keys()].sort(compareCodePoints);
  const parts = indexes.map(([, isPrimary, names]) => ({
    isPrimary: isPrimary === 't',
    names: JSON.parse(names ?? '[]') as string[],
  }));
  const key = parts.find(({isPrimary}) => isPrimary)?.names ?? [];
  // A key that is computed cannot be written; such a table is taken as a whole.
  const primaryKey = key.every(part => column.has(part)) ? key : [];
  const full = `${quote(schema)}.${quote(name)}`;
  return {
    name,
    oid,
    sql: full,
    from: kind === 'p' ? full : `ONLY ${full}`,
    column,
    columns,
    primaryKey,
    textualKey: primaryKey.map(part => column.get(part)?.kind !== 'integer'),
    foreignKeys: [],
    localizer: undefined,
    uniques: parts.filter(({isPrimary}) => !isPrimary).map(({names}) => names),
    signature: JSON.stringify({columns, primaryKey, types: columns.map(part => signature[part])}),
  };
}

/** int8, int2, int4, oid; bytea */
function kindOf(type: string): ColumnKind {
  if (['20', '21', '23', '26'].includes(type)) return 'integer';
  return type === '17' ? 'binary' : 'text';
}

function foreignKeys(rows: readonly (string | null)[][], tables: ReadonlyMap<string, PgTable>): Reference[] {
  return rows.flatMap(([, parentOid, columns, references]): Reference[] => {
    const parent = tables.get(parentOid!);
    if (parent === undefined) return [];
    return [
      {
        columns: JSON.parse(columns!) as string[],
        table: parent.name,
        references: JSON.parse(references!) as string[],
      },
    ];
  });
}
