import {literal, quote} from './connection.js';
import type {PgTable} from './schema.js';

/*
 * What row-digest.ts and key-text.ts compute of a row, as SQL: the server passes over a whole table several times
 * faster than rows could be fetched. PostgreSQL and JSON.stringify escape the same characters in the same way.
 */

/** A row's digest as `bytea`, of a table under an alias. Not for a table with a localizer. */
export function digestSql(table: PgTable, alias: string): string {
  const pairs = table.columns.map((column, index) => {
    const begin = `${index === 0 ? '[' : '],'}[${JSON.stringify(column)},`;
    return `${literal(begin)} || ${valueJson(table, column, alias)}`;
  });
  return `substr(sha256(convert_to(${pairs.join(' || ')} || ']]', 'UTF8')), 1, 16)`;
}

/** A row's key as it stands in the version table: the JSON text of an array of key texts. */
export function keySql(table: PgTable, alias: string): string {
  const parts = table.primaryKey.map(column => keyPartJson(table, column, alias));
  return `'[' || ${parts.join(" || ',' || ")} || ']'`;
}

function keyPartJson(table: PgTable, column: string, alias: string): string {
  const name = `${alias}.${quote(column)}`;
  const {kind, type} = table.column.get(column)!;
  switch (kind) {
    case 'integer':
      return `'"' || ${name}::text || '"'`;
    case 'binary':
      return `'"\\\\x' || encode(${name}, 'hex') || '"'`;
    case 'text': {
      const text = castable.has(type) ? `${name}::text` : `concat(${name})`;
      return `to_json(CASE WHEN left(${text}, 1) = '\\' THEN '\\' ELSE '' END || ${text})::text`;
    }
  }
}

function valueJson(table: PgTable, column: string, alias: string): string {
  const name = `${alias}.${quote(column)}`;
  const {kind, type} = table.column.get(column)!;
  switch (kind) {
    case 'integer':
      return `coalesce('"i' || ${name}::text || '"', 'null')`;
    case 'binary':
      return `coalesce('"b' || translate(encode(${name}, 'base64'), E'\\n', '') || '"', 'null')`;
    case 'text':
      return castable.has(type)
        ? `coalesce(to_json('t' || ${name}::text)::text, 'null')`
        : `CASE WHEN num_nulls(${name}) = 1 THEN 'null' ELSE to_json(concat('t', ${name}))::text END`;
  }
}

/** Types whose cast to text writes a value as SELECT does. concat() does that of every type, but takes longer. */
const castable: ReadonlySet<string> = new Set(['text', 'character varying', 'uuid']);
