import type {SqliteConnection} from './connection.js';
import {quote} from './connection.js';
import type {SqliteTable} from './schema.js';

/** Longest key whose values the log has room for; a change in a table with a longer one re-reads that table. */
export const maxLoggedKey = 8;

/** The tables that Lockstep keeps in the site's database. */
export const ownSchema = `
CREATE TABLE IF NOT EXISTS lockstep_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lockstep_control (run TEXT);
CREATE TABLE IF NOT EXISTS lockstep_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tab INTEGER, ${keyColumns().join(', ')});
CREATE TABLE IF NOT EXISTS lockstep_table (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, signature TEXT, compared INTEGER NOT NULL DEFAULT 0,
  active INTEGER NOT NULL DEFAULT 0, live INTEGER NOT NULL DEFAULT 0,
  digest TEXT, vector TEXT, deleted INTEGER, seq INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS lockstep_version (
  tab INTEGER NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, vector TEXT NOT NULL, deleted INTEGER NOT NULL,
  seq INTEGER NOT NULL, PRIMARY KEY (tab, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lockstep_version_seq ON lockstep_version (tab, seq);
CREATE TABLE IF NOT EXISTS lockstep_run (
  run TEXT NOT NULL, step TEXT NOT NULL, PRIMARY KEY (run, step));
`;

function keyColumns(count = maxLoggedKey): string[] {
  return Array.from({length: count}, (_, index) => `k${index}`);
}

/**
 * The triggers that log a table's changes under its number. They write the key's values as they are (the log's
 * columns have no type), so nothing in them can make the site's own statement fail or change a value. The control
 * row, which only exists inside our own transactions, silences them.
 *
 * `REPLACE` deletes the rows in its way without firing delete triggers; for tables with further unique columns these
 * rows are logged before the statement. Only columns that the site cannot drop are named: a trigger that names a
 * dropped column would make the site's ALTER TABLE fail. For unique indexes see `findReplaced`.
 */
export function captureTriggers(table: SqliteTable, id: bigint): Map<string, string> {
  const key = table.primaryKey.length <= maxLoggedKey ? table.primaryKey : [];
  const log = `INSERT INTO lockstep_log(${['tab', ...keyColumns(key.length)].join(', ')})`;
  const values = (row: string) => [id, ...key.map(column => `${row}.${quote(column)}`)].join(', ');
  const keyChanged = key
    .flatMap(column => {
      const [before, after] = [`OLD.${quote(column)}`, `NEW.${quote(column)}`];
      return [`${before} COLLATE BINARY IS NOT ${after}`, `typeof(${before}) <> typeof(${after})`];
    })
    .join(' OR ');
  const bodies: [name: string, event: string, body: string][] = [
    ['insert', 'AFTER INSERT', `${log} VALUES (${values('NEW')});`],
    ['delete', 'AFTER DELETE', `${log} VALUES (${values('OLD')});`],
    [
      'update',
      'AFTER UPDATE',
      (key.length === 0 ? '' : `${log} SELECT ${values('OLD')} WHERE ${keyChanged}; `) +
        `${log} VALUES (${values('NEW')});`,
    ],
  ];
  if (key.length > 0 && table.constraints.length > 0) {
    const displaced = table.constraints
      .map(columns => {
        const where = columns.map(column => `t.${quote(column)} = NEW.${quote(column)}`).join(' AND ');
        return `${log} SELECT ${values('t')} FROM ${quote(table.name)} AS t WHERE ${where};`;
      })
      .join(' ');
    const columns = [...new Set(table.constraints.flat())].map(quote).join(', ');
    bodies.push(['displace_insert', 'BEFORE INSERT', displaced]);
    bodies.push(['displace_update', `BEFORE UPDATE OF ${columns}`, displaced]);
  }
  return new Map(
    bodies.map(([kind, event, body]) => {
      const name = `lockstep_${id}_${kind}`;
      return [
        name,
        `CREATE TRIGGER ${quote(name)} ${event} ON ${quote(table.name)} ` +
          `WHEN NOT EXISTS (SELECT 1 FROM lockstep_control) BEGIN ${body} END`,
      ];
    }),
  );
}

/** Our triggers as the database has them now: name → text. */
export function presentTriggers(connection: SqliteConnection): Map<string, string> {
  return new Map(
    connection
      .all(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'lockstep\\_%' ESCAPE '\\'",
      )
      .map(([name, sql]) => [String(name), String(sql)]),
  );
}

/** The site's own triggers on a table, in the order they were made. */
export function ownTriggers(connection: SqliteConnection, table: string): {name: string; sql: string}[] {
  return connection
    .all(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(?) " +
        "AND name NOT LIKE 'lockstep\\_%' ESCAPE '\\' ORDER BY rowid",
      table,
    )
    .map(([name, sql]) => ({name: String(name), sql: String(sql)}));
}
