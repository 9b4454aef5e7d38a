import {hash} from 'node:crypto';
import type {WireRow} from '../../site/ports.js';
import type {MariadbConnection} from './connection.js';
import {literal, quote} from './sql-text.js';
import {hasDirectTables, type Workspace} from './workspace.js';

type Entry = {
  readonly id: string;
  readonly table: string;
  readonly key: readonly string[];
  readonly before: WireRow | undefined;
  /** Table that holds the whole content from before. */
  readonly copy: string | undefined;
};

/**
 * What writes to tables without transactions replaced, row by row. Each entry is durable before its row is written, on
 * a connection of its own; the commit's transaction deletes them, so that its COMMIT decides for these tables too. What
 * is left of an interrupted commit is put back when the database is next opened.
 */
export class UndoLog {
  readonly #connection: MariadbConnection;
  readonly #run: string;
  readonly #step: string;

  /** @param connection not that of the commit */
  constructor(connection: MariadbConnection, run: string, step: string) {
    this.#connection = connection;
    this.#run = run;
    this.#step = step;
  }

  async addRow(table: string, key: readonly string[], before: WireRow | undefined): Promise<void> {
    await this.#add(table, key, before, undefined);
  }

  /** Keeps the whole content of a table. */
  async addTable(table: string): Promise<void> {
    const copy = `lockstep_copy_${hash('sha256', JSON.stringify([this.#run, this.#step, table]), 'hex').slice(0, 32)}`;
    await this.#connection.run(`DROP TABLE IF EXISTS ${quote(copy)}`);
    await this.#connection.run(`CREATE TABLE ${quote(copy)} LIKE ${quote(table)}`);
    await this.#connection.run(`INSERT INTO ${quote(copy)} SELECT * FROM ${quote(table)}`);
    await this.#add(table, [], undefined, copy);
  }

  /** A place to come back to. */
  async place(): Promise<string> {
    return String((await this.#connection.query('SELECT COALESCE(MAX(id), 0) FROM lockstep_undo'))[0]![0]);
  }

  async #add(
    table: string,
    key: readonly string[],
    before: WireRow | undefined,
    copy: string | undefined,
  ): Promise<void> {
    await this.#connection.run(
      `INSERT INTO lockstep_undo (run, step, tab, k, before_image, copy) VALUES (${[
        this.#run,
        this.#step,
        table,
        JSON.stringify(key),
      ]
        .map(literal)
        .join(', ')}, ${before === undefined ? 'NULL' : literal(JSON.stringify(before))}, ${
        copy === undefined ? 'NULL' : literal(copy)
      })`,
    );
  }
}

/**
 * Puts back what tables without transactions held, newest entry first. The writes are not logged as the site's.
 * @param after only what was written after that place
 * @returns tables that were put back
 */
export async function putBack(workspace: Workspace, after = '0'): Promise<ReadonlySet<string>> {
  const touched = new Set<string>();
  if (!hasDirectTables(workspace.schema)) return touched;
  const {connection} = workspace;
  const tables = await workspace.tables();
  for (;;) {
    const entries = (
      await connection.query(
        `SELECT id, tab, k, before_image, copy FROM lockstep_undo WHERE id > ${after} ORDER BY id DESC LIMIT 100`,
      )
    ).map(
      ([id, table, key, before, copy]): Entry => ({
        id: String(id),
        table: String(table),
        key: JSON.parse(String(key)) as string[],
        before: before === null ? undefined : (JSON.parse(String(before)) as WireRow),
        copy: copy === null ? undefined : String(copy),
      }),
    );
    if (entries.length === 0) return touched;
    for (const entry of entries) {
      const target = tables.get(entry.table);
      if (target !== undefined) {
        touched.add(entry.table);
        const {access} = target;
        if (entry.copy !== undefined) {
          const list = target.table.columns.map(quote).join(', ');
          await connection.run(`DELETE FROM ${quote(entry.table)}`);
          await connection.run(
            `INSERT INTO ${quote(entry.table)} (${list}) SELECT ${list} FROM ${quote(entry.copy)}`,
          );
        } else {
          await access.remove(entry.key);
          if (entry.before !== undefined) await connection.run(access.insertStatement([entry.before]));
        }
      }
      await connection.run(`DELETE FROM lockstep_undo WHERE id = ${entry.id}`);
      if (entry.copy !== undefined) await connection.run(`DROP TABLE IF EXISTS ${quote(entry.copy)}`);
    }
  }
}

/** Removes the copies of tables that nobody will put back any more. */
export async function dropCopies(connection: MariadbConnection): Promise<void> {
  const rows = await connection.query(
    `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'lockstep\\_copy\\_%'
     AND TABLE_NAME NOT IN (SELECT copy FROM lockstep_undo WHERE copy IS NOT NULL)`,
  );
  for (const [name] of rows) await connection.run(`DROP TABLE IF EXISTS ${quote(String(name))}`);
}
