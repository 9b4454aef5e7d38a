import type {MariadbTable, Signature} from './schema.js';
import {literal, quote} from './sql-text.js';

/*
 * What row-digest.ts, key-text.ts and column-kind.ts compute of a row, as SQL of MariaDB: the server passes over a whole
 * table several times faster than rows could be fetched. Only for columns whose values are certain to come out alike.
 */

/** What the server can compute of a column. */
type Computable = 'integer' | 'large integer' | 'text' | 'plain' | 'binary';

/** Each written column with its way; undefined when one of them has none. */
export function computableColumns(
  table: MariadbTable,
): readonly (readonly [column: string, way: Computable])[] | undefined {
  const {types} = JSON.parse(table.signature) as Signature;
  const ways = table.columns.map((column, index) => [column, wayOf(types[index]!)] as const);
  return ways.every((pair): pair is readonly [string, Computable] => pair[1] !== undefined)
    ? ways
    : undefined;
}

/** @param type COLUMN_TYPE of the information schema */
function wayOf(type: string): Computable | undefined {
  if (/zerofill/i.test(type)) return undefined;
  if (/^bigint.*unsigned/i.test(type)) return 'large integer';
  if (/^(tinyint|smallint|mediumint|int|bigint)\b/i.test(type)) return 'integer';
  if (/^(decimal|date|datetime|timestamp)\b/i.test(type)) return 'plain';
  if (/^(char|varchar|tinytext|text|mediumtext|longtext|enum|set)\b/i.test(type)) return 'text';
  return /^(binary|varbinary|tinyblob|blob|mediumblob|longblob)\b/i.test(type) ? 'binary' : undefined;
}

type Columns = NonNullable<ReturnType<typeof computableColumns>>;

/** MariaDB writes `\u001B` where JSON.stringify writes `\u001b`: such a text is left to us. */
const escaped = literal('\\u00');

/** A row's digest as 16 bytes; the empty text where we have to compute it ourselves. */
export function digestSql(columns: Columns): string {
  const pairs = columns.map(
    ([column, way], index) =>
      `${literal(`${index === 0 ? '' : ','}[${JSON.stringify(column)},`)}, ${valueJson(quote(column), way)}, ']'`,
  );
  return `COALESCE(IF(LOCATE(${escaped}, @lockstep_json := CONCAT('[', ${pairs.join(', ')}, ']')) = 0,
    UNHEX(LEFT(SHA2(@lockstep_json, 256), 32)), ''), '')`;
}

/** A row's key as it stands in the version table; NULL where we have to write it ourselves. */
export function keySql(table: MariadbTable, columns: Columns): string {
  const parts = table.primaryKey.map((column, index) => {
    const way = columns.find(([name]) => name === column)![1];
    return `${index === 0 ? '' : "',', "}${keyPartJson(quote(column), way)}`;
  });
  const json = `CONCAT('[', ${parts.join(', ')}, ']')`;
  return parts.length === 1 && /integer/.test(columns.find(([name]) => name === table.primaryKey[0])![1])
    ? json
    : `IF(LOCATE(${escaped}, @lockstep_key := ${json}) = 0, @lockstep_key, NULL)`;
}

/** A row as a line for `LOAD DATA` (`loadStatement`). */
export function lineSql(columns: Columns): string {
  const values = columns.map(([column, way]) => {
    const name = quote(column);
    if (way === 'binary') return `IFNULL(HEX(${name}), '\\\\N')`;
    if (way !== 'text') return `IFNULL(${name}, '\\\\N')`;
    const text = `CONVERT(${name} USING utf8mb4)`;
    return `IFNULL(REPLACE(REPLACE(REPLACE(${text}, '\\\\', '\\\\\\\\'), '\\t', '\\\\t'), '\\n', '\\\\n'), '\\\\N')`;
  });
  return `CONCAT(CONCAT_WS('\\t', ${values.join(', ')}), '\\n')`;
}

/** Reads lines of `lineSql`. */
export function loadStatement(table: MariadbTable, columns: Columns): string {
  const targets = columns.map(([column, way], index) => (way === 'binary' ? `@v${index}` : quote(column)));
  const set = columns.flatMap(([column, way], index) =>
    way === 'binary' ? [`${quote(column)} = UNHEX(@v${index})`] : [],
  );
  return `LOAD DATA LOCAL INFILE 'image' INTO TABLE ${quote(table.name)} CHARACTER SET utf8mb4
    FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'
    (${targets.join(', ')})${set.length === 0 ? '' : ` SET ${set.join(', ')}`}`;
}

function valueJson(name: string, way: Computable): string {
  return `IF(${name} IS NULL, 'null', ${presentJson(name, way)})`;
}

function presentJson(name: string, way: Computable): string {
  switch (way) {
    case 'integer':
      return `CONCAT('"i', ${name}, '"')`;
    case 'large integer':
      // Wire integers are signed.
      return `CONCAT(IF(${name} > 9223372036854775807, '"t', '"i'), ${name}, '"')`;
    case 'plain':
      return `CONCAT('"t', ${name}, '"')`;
    case 'text':
      return `JSON_QUOTE(CONCAT('t', CONVERT(${name} USING utf8mb4)))`;
    case 'binary':
      return `CONCAT('"b', REPLACE(TO_BASE64(${name}), '\\n', ''), '"')`;
  }
}

function keyPartJson(name: string, way: Computable): string {
  switch (way) {
    case 'integer':
    case 'large integer':
    case 'plain':
      return `CONCAT('"', ${name}, '"')`;
    case 'text':
      return `JSON_QUOTE(CONCAT(IF(LEFT(${name}, 1) = '\\\\', '\\\\', ''), CONVERT(${name} USING utf8mb4)))`;
    case 'binary':
      return `CONCAT('"\\\\\\\\x', LOWER(HEX(${name})), '"')`;
  }
}
