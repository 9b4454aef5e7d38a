import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {DatabaseSync, type SQLOutputValue} from 'node:sqlite';
import type {Change} from '../../core/change.js';
import {type ItemRecord, type ItemRef, refOf} from '../../core/item.js';
import type {RowChange, StagedRow} from './ports.js';
import {countUntil, type HistoryTotals, type PrunableHistory} from './prune-history.js';

/**
 * The rows that commits replaced or deleted (E10), in the agent's data. What a commit adds counts only when the
 * commit is decided; a commit that is undone takes it back. The rows of a table without a key that was copied as a whole
 * are parts of one change of the table, which knows how many they are; they are no entries of their own.
 */
export class RowHistory implements PrunableHistory {
  readonly #database: DatabaseSync;
  readonly #insert: ReturnType<DatabaseSync['prepare']>;
  #open = false;
  #pending = 0;

  /** @param folder the site's folder in the agent's data. */
  constructor(folder: string) {
    mkdirSync(folder, {recursive: true});
    this.#database = new DatabaseSync(join(folder, 'row-history.db'));
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, step TEXT NOT NULL, at TEXT NOT NULL,
        action TEXT NOT NULL, item TEXT NOT NULL, tab TEXT NOT NULL, before TEXT, after TEXT,
        is_part INTEGER NOT NULL, parts INTEGER NOT NULL DEFAULT 0, final INTEGER NOT NULL DEFAULT 0);
      CREATE INDEX IF NOT EXISTS entry_run ON entry (run);
      CREATE INDEX IF NOT EXISTS entry_item ON entry (item);
      CREATE TABLE IF NOT EXISTS totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
      INSERT INTO totals SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM totals);
    `);
    this.#insert = this.#database.prepare(
      `INSERT INTO entry (run, step, at, action, item, tab, before, after, is_part, parts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  add(runId: string, step: string, {action, item, before, after}: RowChange): void {
    if (item.type === 'file') throw new TypeError('a file is not a row');
    const isPart = item.type === 'table' && before !== undefined;
    if (!this.#open) {
      this.#database.exec('BEGIN');
      this.#open = true;
    }
    this.#insert.run(
      ...[runId, step, new Date().toISOString(), action, JSON.stringify(refOf(item)), item.table],
      before === undefined ? null : JSON.stringify(before),
      after === undefined ? null : JSON.stringify(after),
      isPart ? 1 : 0,
      item.type === 'table' && !isPart ? this.#partsOf(runId, step, item.table) : 0,
    );
    // Not one huge transaction: the entries are invisible until they are final anyway.
    if (++this.#pending % 10_000 === 0) this.flush();
  }

  /** Brings what was added to the disk. */
  flush(): void {
    if (!this.#open) return;
    this.#database.exec('COMMIT');
    this.#open = false;
  }

  /** Forgets what was added of a table whose copy was refused: it is as it was. */
  forgetTable(runId: string, step: string, table: string): void {
    this.flush();
    this.#database
      .prepare('DELETE FROM entry WHERE run = ? AND step = ? AND tab = ? AND final = 0')
      .run(runId, step, table);
  }

  /** The commit is decided: its entries count. */
  finish(runId: string, step: string): void {
    this.flush();
    const where = 'run = ? AND step = ? AND final = 0';
    this.#transaction(() => {
      this.#database
        .prepare(
          `UPDATE totals SET (entries, bytes) = (SELECT totals.entries + count(*), totals.bytes + ${bytesOf}
           FROM entry WHERE ${where})`,
        )
        .run(runId, step);
      this.#database.prepare(`UPDATE entry SET final = 1 WHERE ${where}`).run(runId, step);
    });
  }

  /** The commit is undone, or is tried anew: its entries never were. */
  undo(runId: string, step: string): void {
    this.flush();
    this.#database.prepare('DELETE FROM entry WHERE run = ? AND step = ? AND final = 0').run(runId, step);
  }

  /** A commit that was decided is taken back after all, with the whole database (E16): its entries count no more. */
  takeBack(runId: string, step: string): void {
    this.undo(runId, step);
    const where = 'run = ? AND step = ?';
    this.#transaction(() => {
      this.#database
        .prepare(
          `UPDATE totals SET (entries, bytes) = (SELECT totals.entries - count(*), totals.bytes - ${bytesOf}
           FROM entry WHERE ${where})`,
        )
        .run(runId, step);
      this.#database.prepare(`DELETE FROM entry WHERE ${where}`).run(runId, step);
    });
  }

  /** Newest first, in pages. */
  *entries(filter: {runId?: string; item?: ItemRef}): Generator<Change, void> {
    const conditions = [
      ...(filter.runId === undefined ? [] : ['run = :run']),
      ...(filter.item === undefined ? [] : ['item = :item']),
    ];
    const statement = this.#database.prepare(
      `SELECT ${changeColumns} FROM entry WHERE final = 1 AND is_part = 0 AND id < :last
       ${conditions.map(text => `AND ${text}`).join(' ')} ORDER BY id DESC LIMIT 500`,
    );
    const named = {
      ...(filter.runId === undefined ? {} : {run: filter.runId}),
      ...(filter.item === undefined ? {} : {item: JSON.stringify(refOf(filter.item))}),
    };
    for (let last = Number.MAX_SAFE_INTEGER; ; ) {
      const rows = statement.all({...named, last});
      if (rows.length === 0) return;
      for (const row of rows) yield this.#toChange(row);
      last = Number(rows.at(-1)!.id);
    }
  }

  find(id: string): Change | undefined {
    const number = numberOf(id);
    if (number === undefined) return undefined;
    const row = this.#database
      .prepare(`SELECT ${changeColumns} FROM entry WHERE final = 1 AND is_part = 0 AND id = ?`)
      .get(number);
    return row === undefined ? undefined : this.#toChange(row);
  }

  /** The row that was there before a change. */
  rowOf(id: string): StagedRow | undefined {
    const number = numberOf(id);
    if (number === undefined) return undefined;
    const row = this.#database
      .prepare('SELECT before FROM entry WHERE final = 1 AND is_part = 0 AND id = ?')
      .get(number);
    return row === undefined || row.before === null ? undefined : JSON.parse(String(row.before));
  }

  /** The rows that a table without a key held before it was copied, in pages; undefined when some are gone. */
  tableOf(id: string): Generator<readonly StagedRow[], void> | undefined {
    const number = numberOf(id);
    if (number === undefined) return undefined;
    const change = this.#database
      .prepare('SELECT run, step, tab, parts FROM entry WHERE final = 1 AND id = ?')
      .get(number);
    if (change === undefined) return undefined;
    const of = [String(change.run), String(change.step), String(change.tab)] as const;
    return this.#partsOf(...of) === change.parts ? this.#parts(...of) : undefined;
  }

  *#parts(run: string, step: string, table: string): Generator<readonly StagedRow[], void> {
    const page = this.#database.prepare(
      `SELECT id, before FROM entry WHERE run = ? AND step = ? AND tab = ? AND is_part = 1 AND id > ?
       ORDER BY id LIMIT 500`,
    );
    for (let last = 0; ; ) {
      const rows = page.all(run, step, table, last);
      if (rows.length === 0) return;
      yield rows.map(({before}) => JSON.parse(String(before)) as StagedRow);
      last = Number(rows.at(-1)!.id);
    }
  }

  #partsOf(run: string, step: string, table: string): number {
    const row = this.#database
      .prepare('SELECT count(*) AS n FROM entry WHERE run = ? AND step = ? AND tab = ? AND is_part = 1')
      .get(run, step, table);
    return Number(row?.n ?? 0);
  }

  totals(): HistoryTotals {
    const totals = this.#database.prepare('SELECT entries, bytes FROM totals').get();
    const oldest = this.#database.prepare('SELECT at FROM entry ORDER BY id LIMIT 1').get();
    return {
      entries: Number(totals?.entries ?? 0),
      bytes: Number(totals?.bytes ?? 0),
      ...(oldest === undefined ? {} : {oldest: String(oldest.at)}),
    };
  }

  removeOldest(limit: number, mustStay: (entry: {runId: string; at: string}) => boolean): number {
    const rows = this.#database
      .prepare('SELECT id, run, at, final FROM entry ORDER BY id LIMIT ?')
      .all(limit);
    const stays = countUntil(
      rows,
      row => row.final !== 1 || mustStay({runId: String(row.run), at: String(row.at)}),
    );
    const removed = rows.slice(0, stays);
    if (removed.length === 0) return 0;
    const last = removed.at(-1)!.id as number;
    this.#transaction(() => {
      this.#database
        .prepare(
          `UPDATE totals SET (entries, bytes) = (SELECT totals.entries - count(*), totals.bytes - ${bytesOf}
           FROM entry WHERE id <= ?)`,
        )
        .run(last);
      this.#database.prepare('DELETE FROM entry WHERE id <= ?').run(last);
    });
    return removed.length;
  }

  close(): void {
    this.flush();
    this.#database.close();
  }

  #toChange(row: Record<string, SQLOutputValue>): Change {
    const item = JSON.parse(String(row.item)) as ItemRef;
    const before = recordOf(item, row.vector, row.digest);
    const after = recordOf(item, row.after_vector, row.after_digest);
    // A table with a key is copied without a digest of the whole; its rows are entries of their own.
    const isWhole = item.type === 'table' && after?.digest !== '';
    return {
      id: `r${row.id}`,
      runId: String(row.run),
      at: String(row.at),
      item,
      action: row.action as Change['action'],
      restorable: isWhole
        ? this.#partsOf(String(row.run), String(row.step), item.table) === row.parts
        : before !== undefined,
      ...(before === undefined ? {} : {before}),
      ...(after === undefined || (item.type === 'table' && !isWhole) ? {} : {after}),
    };
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

const bytesOf = 'coalesce(sum(length(before)), 0)';

const changeColumns = `id, run, step, at, action, item, parts, before ->> 'vector' AS vector, before ->> 'digest' AS digest,
  after ->> 'vector' AS after_vector, after ->> 'digest' AS after_digest`;

function numberOf(id: string): number | undefined {
  return /^r[0-9]{1,15}$/.test(id) ? Number(id.slice(1)) : undefined;
}

/** A version as a record; a row without a digest is one that is gone. */
function recordOf(
  item: ItemRef,
  vector: SQLOutputValue | undefined,
  digest: SQLOutputValue | undefined,
): ItemRecord | undefined {
  if (typeof vector !== 'string' || item.type === 'file') return undefined;
  const text = String(digest ?? '');
  if (item.type === 'table') return {...item, vector, digest: text, deleted: false, seq: 0, rows: 0};
  return {...item, vector, digest: text, deleted: text === '', seq: 0};
}
