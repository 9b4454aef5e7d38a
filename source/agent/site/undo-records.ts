import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {DatabaseSync, type SQLOutputValue} from 'node:sqlite';
import type {HeldVersion, Hold} from '../../core/hold.js';
import {itemId, refOf} from '../../core/item.js';

/** A hold as a commit notes it; of a table that was put back, what it is then is only known afterwards. */
export type NewHold = Omit<Hold, 'own'> & {readonly own: HeldVersion | undefined};

/**
 * What undos have left at a site (X2): which runs are undone, and the items that are held. In the agent's data, so that
 * every console finds it. What a commit notes counts only when the commit is decided. Bounded: one hold for each item.
 */
export class UndoRecords {
  readonly #database: DatabaseSync;

  /** @param folder the site's folder in the agent's data. */
  constructor(folder: string) {
    mkdirSync(folder, {recursive: true, mode: 0o700});
    this.#database = new DatabaseSync(join(folder, 'undo.db'), {timeout: 200});
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS hold (
        id INTEGER PRIMARY KEY, item TEXT NOT NULL, ref TEXT NOT NULL, run TEXT NOT NULL, own TEXT, others TEXT NOT NULL,
        by TEXT NOT NULL, step TEXT NOT NULL, final INTEGER NOT NULL DEFAULT 0);
      CREATE INDEX IF NOT EXISTS hold_item ON hold (item);
      CREATE INDEX IF NOT EXISTS hold_by ON hold (by, step);
      CREATE INDEX IF NOT EXISTS hold_run ON hold (run);
      CREATE TABLE IF NOT EXISTS mark (
        run TEXT NOT NULL, by TEXT NOT NULL, step TEXT NOT NULL, kind TEXT NOT NULL, final INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (by, step)) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS mark_run ON mark (run);
    `);
  }

  /** Notes what a commit is about to do: it undoes or redoes `run`, and holds items. */
  note(
    commit: {runId: string; step: string},
    work: {runId: string; kind: 'undo' | 'redo'},
    holds: Iterable<NewHold>,
  ): void {
    const {runId, step} = commit;
    this.#transaction(() => {
      this.#database
        .prepare('INSERT OR REPLACE INTO mark (run, by, step, kind) VALUES (?, ?, ?, ?)')
        .run(work.runId, runId, step, work.kind);
      const insert = this.#database.prepare(
        'INSERT INTO hold (item, ref, run, own, others, by, step) VALUES (?, ?, ?, ?, ?, ?, ?)',
      );
      for (const {item, run, own, others} of asRows(holds))
        insert.run(itemId(item), JSON.stringify(refOf(item)), run, own, others, runId, step);
    });
  }

  /** Tables that a commit put back and whose version is still to be told to `finish`. */
  tablesOf(runId: string, step: string): readonly string[] {
    return this.#database
      .prepare('SELECT ref FROM hold WHERE by = ? AND step = ? AND own IS NULL')
      .all(runId, step)
      .map(row => JSON.parse(String(row.ref)).table as string);
  }

  /** The commit is decided: what it noted counts. @param tables versions of `tablesOf` */
  finish(runId: string, step: string, tables: ReadonlyMap<string, HeldVersion>): void {
    const mark = this.#database
      .prepare('SELECT run, kind FROM mark WHERE by = ? AND step = ? AND final = 0')
      .get(runId, step);
    if (mark === undefined) return;
    this.#transaction(() => {
      for (const [table, version] of tables)
        this.#database
          .prepare('UPDATE hold SET own = ? WHERE by = ? AND step = ? AND item = ?')
          .run(JSON.stringify(version), runId, step, itemId({type: 'table', table}));
      this.#database
        .prepare(
          `DELETE FROM hold WHERE final = 1 AND item IN (SELECT item FROM hold WHERE by = ? AND step = ? AND final = 0)`,
        )
        .run(runId, step);
      this.#database.prepare('UPDATE hold SET final = 1 WHERE by = ? AND step = ?').run(runId, step);
      // Only what holds last counts: a redo ends an undo, and the undo after it ends the redo.
      this.#database.prepare('DELETE FROM mark WHERE run = ? AND final = 1').run(String(mark.run));
      if (mark.kind === 'redo') {
        this.#database.prepare('DELETE FROM hold WHERE run = ?').run(String(mark.run));
        this.#database.prepare('DELETE FROM mark WHERE by = ? AND step = ?').run(runId, step);
      } else this.#database.prepare('UPDATE mark SET final = 1 WHERE by = ? AND step = ?').run(runId, step);
    });
  }

  /** The commit is undone, or is tried anew: what it noted never was. */
  undo(runId: string, step: string): void {
    this.#transaction(() => {
      this.#database.prepare('DELETE FROM hold WHERE by = ? AND step = ? AND final = 0').run(runId, step);
      this.#database.prepare('DELETE FROM mark WHERE by = ? AND step = ? AND final = 0').run(runId, step);
    });
  }

  /** Which run has undone that run here. */
  undoneBy(runId: string): string | undefined {
    const row = this.#database.prepare('SELECT by FROM mark WHERE run = ? AND final = 1').get(runId);
    return row === undefined ? undefined : String(row.by);
  }

  /** All holds that count, a page at a time. */
  *holds(): Generator<readonly (Hold & {readonly id: number})[]> {
    const page = this.#database.prepare(
      'SELECT id, ref, run, own, others FROM hold WHERE final = 1 AND own IS NOT NULL AND id > ? ORDER BY id LIMIT 500',
    );
    for (let last = 0; ; ) {
      const rows = page.all(last);
      if (rows.length === 0) return;
      yield rows.map(toHold);
      last = Number(rows.at(-1)!.id);
    }
  }

  /** Drops holds of items that were changed here. */
  drop(ids: readonly number[]): void {
    if (ids.length === 0) return;
    const remove = this.#database.prepare('DELETE FROM hold WHERE id = ?');
    this.#transaction(() => {
      for (const id of ids) remove.run(id);
    });
  }

  close(): void {
    this.#database.close();
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

function* asRows(holds: Iterable<NewHold>) {
  for (const {item, runId, own, others} of holds)
    yield {
      item,
      run: runId,
      own: own === undefined ? null : JSON.stringify(own),
      others: JSON.stringify(others),
    };
}

function toHold(row: Record<string, SQLOutputValue>): Hold & {id: number} {
  return {
    id: Number(row.id),
    item: JSON.parse(String(row.ref)),
    runId: String(row.run),
    own: JSON.parse(String(row.own)),
    others: JSON.parse(String(row.others)),
  };
}
