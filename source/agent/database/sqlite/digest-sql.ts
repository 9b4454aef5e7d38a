import {hash} from 'node:crypto';
import {encodeKeyPart} from '../key-text.js';
import {encodeWire} from '../wire-value.js';
import {literal, quote, type SqliteConnection, type SqliteValue} from './connection.js';
import type {SqliteTable} from './schema.js';

/*
 * What row-digest.ts and key-text.ts compute of a row, as SQL: rows need not be fetched for it. SQLite and
 * JSON.stringify escape the same characters in the same way; what SQLite has no words for is a function of ours.
 */

/** A row's digest; NULL where a text is not UTF-8 (or looks so), and reading the row exactly has to tell. */
export function digestSql(table: SqliteTable): string {
  const pairs = table.columns.map(
    (column, index) =>
      `${literal(`${index === 0 ? '' : ','}[${JSON.stringify(column)},`)} || ${valueJson(quote(column))} || ']'`,
  );
  return `unhex(lockstep_digest('[' || ${concatenated(pairs)} || ']'))`;
}

/** A row's wire values in the order of the table's columns, as the JSON text of an array. */
export function rowSql(table: SqliteTable): string {
  const values = table.columns.map(
    (column, index) => `${index === 0 ? "'['" : "','"} || ${valueJson(quote(column))}`,
  );
  return `${concatenated(values)} || ']'`;
}

/** A row's key as it stands in the version table; NULL where a part of it is. */
export function keySql(table: SqliteTable): string {
  const parts = table.primaryKey.map(
    (column, index) =>
      `${index === 0 ? "'['" : "','"} || ${keyPartJson(quote(column), table.textualKey[index]!)}`,
  );
  return `${concatenated(parts)} || ']'`;
}

/** Makes the functions known to a connection. */
export function defineFunctions(connection: SqliteConnection): void {
  connection.define('lockstep_digest', digestOf);
  connection.define('lockstep_value', value => JSON.stringify(encodeWire(value)));
  // Text comes as JSON, in which nothing ends it.
  connection.define('lockstep_key', value =>
    JSON.stringify(encodeKeyPart(typeof value === 'string' ? JSON.parse(value) : value!, false)),
  );
}

/** The text that stands for bytes which are no text. */
export const damage = '\uFFFD';

function digestOf(json: SqliteValue): string | null {
  const text = String(json);
  return text.includes(damage) ? null : hash('sha256', text, 'hex').slice(0, 32);
}

function valueJson(name: string): string {
  return `CASE typeof(${name}) WHEN 'text' THEN json_quote('t' || ${name}) WHEN 'integer' THEN '"i' || ${name} || '"' WHEN 'null' THEN 'null' ELSE lockstep_value(${name}) END`;
}

function keyPartJson(name: string, textual: boolean): string {
  const text = textual
    ? `json_quote(CASE WHEN substr(${name}, 1, 1) = '\\' THEN '\\' || ${name} ELSE ${name} END)`
    : `lockstep_key(json_quote(${name}))`;
  return `CASE typeof(${name}) WHEN 'text' THEN ${text} WHEN 'integer' THEN '"' || ${name} || '"' WHEN 'null' THEN NULL ELSE lockstep_key(${name}) END`;
}

/** Halved again and again, because SQLite limits how deep an expression may go. */
function concatenated(parts: readonly string[]): string {
  if (parts.length <= 4) return parts.join(' || ');
  const middle = parts.length >> 1;
  return `(${concatenated(parts.slice(0, middle))}) || (${concatenated(parts.slice(middle))})`;
}
