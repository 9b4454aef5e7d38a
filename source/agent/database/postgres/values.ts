import type {WireRow} from '../../site/ports.js';
import {decodeWire, InvalidText, type WireValue} from '../wire-value.js';
import {type PgParameter, type PgValue, quote} from './connection.js';
import type {ColumnKind, PgTable} from './schema.js';

/** A value that was read, tagged for the wire: integers and binary as such, anything else as its exact text. */
export function wireOf(value: PgValue, kind: ColumnKind): WireValue {
  if (value === null) return null;
  switch (kind) {
    case 'integer':
      return `i${value}`;
    case 'binary':
      return `b${Buffer.from(value.slice(2), 'hex').toString('base64')}`;
    case 'text':
      return `t${value}`;
  }
}

/**
 * A wire value as the text that PostgreSQL reads. What is of another kind than the column becomes what that column
 * makes of it, which the write compares with what was meant. Text that is not UTF-8 cannot be stored at all.
 */
export function textOf(wire: WireValue): PgValue {
  if (wire === null || wire[0] === 't') return wire === null ? null : wire.slice(1);
  const value = decodeWire(wire);
  if (value instanceof InvalidText) return '\0';
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : String(value);
}

/** A value that travels as the text that PostgreSQL reads in that column: in the form that the site holds (E28). */
export function heldText(table: PgTable, column: string, wire: WireValue): PgValue {
  return textOf(table.localizer?.toHere(column, wire) ?? wire);
}

/** A value that was read as it travels. */
export function travelling(table: PgTable, column: string, value: PgValue): WireValue {
  const wire = wireOf(value, table.column.get(column)!.kind);
  return table.localizer?.toCanonical(column, wire) ?? wire;
}

/** A key column's value as key text (CLI.md, "item"), like `encodeKeyPart`. */
export function keyPartOf(value: string, kind: ColumnKind): string {
  return kind === 'text' && value.startsWith('\\') ? `\\${value}` : value;
}

/** Key text of a row on the wire. */
export function keyOfWire(table: PgTable, row: WireRow): string[] {
  return table.primaryKey.map(column =>
    keyPartOf(textOf(row[column] ?? null) ?? '', table.column.get(column)!.kind),
  );
}

/** Key text as the text that PostgreSQL reads; undefined when no row of such a column can have it. */
export function valueOfKeyPart(part: string, kind: ColumnKind): string | undefined {
  switch (kind) {
    case 'integer':
      return /^-?\d{1,19}$/.test(part) && fitsInt8(part) ? part : undefined;
    case 'binary':
      return /^\\x([0-9a-f]{2})*$/.test(part) ? part : undefined;
    case 'text':
      if (!part.startsWith('\\')) return part.includes('\0') ? undefined : part;
      return part.startsWith('\\\\') ? part.slice(1) : undefined;
  }
}

function fitsInt8(digits: string): boolean {
  return digits.length < 19 || BigInt.asIntN(64, BigInt(digits)) === BigInt(digits);
}

/** Values of a key in key order; undefined when no row of the table can have it. */
export function keyValues(table: PgTable, key: readonly string[]): string[] | undefined {
  if (key.length !== table.primaryKey.length || key.length === 0) return undefined;
  const values = key.map((part, index) =>
    valueOfKeyPart(part, table.column.get(table.primaryKey[index]!)!.kind),
  );
  return values.some(value => value === undefined) ? undefined : (values as string[]);
}

/** The type as which a column's values are compared: all integers as the widest, so that none is out of range. */
export function compareType(table: PgTable, column: string): string {
  const {kind, type} = table.column.get(column)!;
  return kind === 'integer' ? 'bigint' : type;
}

/**
 * `unnest` of tuples of values of some columns, numbered from 0: `w(n, v0, v1, …)`.
 * @param first number of the first parameter
 */
export function tuples(
  table: PgTable,
  columns: readonly string[],
  values: readonly (readonly PgValue[])[],
  first = 1,
): {sql: string; parameters: PgParameter[]} {
  const arrays = columns.map((column, index) => `$${first + index}::${compareType(table, column)}[]`);
  const names = columns.map((_, index) => `v${index}`);
  return {
    sql: `(SELECT n - 1 AS n, ${names.join(', ')} FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS u(${names.join(', ')}, n)) AS w`,
    parameters: columns.map((_, index) => values.map(tuple => tuple[index] ?? null)),
  };
}

/**
 * Joins `w` of `tuples` with the rows of a table that have the tuple's values, looked up one by one in the index: a
 * planner that knows nothing of the table yet would read it whole for every lot (OFFSET 0 keeps it from that).
 * @param columns of which there is an index
 */
export function lookedUp(
  table: PgTable,
  columns: readonly string[],
  wanted: string,
  select: string,
  alias: string,
): string {
  const on = columns.map((column, index) => `${alias}.${quote(column)} = w.v${index}`).join(' AND ');
  return `${wanted} CROSS JOIN LATERAL (SELECT ${select} FROM ${table.from} AS ${alias} WHERE ${on} OFFSET 0) AS ${alias}`;
}

/** A line of COPY's text format. */
export function copyLine(values: readonly PgValue[]): string {
  return `${values.map(value => (value === null ? '\\N' : escapeCopy(value))).join('\t')}\n`;
}

function escapeCopy(text: string): string {
  return /[\\\n\r\t]/.test(text) ? text.replace(/[\\\n\r\t]/g, character => copyEscapes[character]!) : text;
}

const copyEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};
