import type {ApplyJournal, JournalEntry} from '../row-store.js';
import type {SqliteConnection, SqliteRow} from './connection.js';

/** The journal of an apply in a temporary table, which SQLite spills to disk and drops with the connection. */
export class SqliteApplyJournal implements ApplyJournal {
  readonly #connection: SqliteConnection;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
    connection.exec(
      'CREATE TEMP TABLE applied (op INTEGER PRIMARY KEY, tab TEXT, key TEXT, action TEXT, before TEXT, version TEXT, after TEXT);' +
        'CREATE INDEX temp.applied_key ON applied (tab, key);',
    );
  }

  add(entry: JournalEntry): void {
    this.#connection.run(
      'INSERT INTO temp.applied VALUES (?, ?, ?, ?, ?, ?, ?)',
      BigInt(entry.index),
      entry.table,
      JSON.stringify(entry.key),
      entry.action,
      entry.before === undefined ? null : JSON.stringify(entry.before),
      entry.version === undefined ? null : JSON.stringify(entry.version),
      JSON.stringify(entry.after),
    );
  }

  drop(index: number): void {
    this.#connection.run('DELETE FROM temp.applied WHERE op = ?', BigInt(index));
  }

  find(table: string, key: readonly string[]): JournalEntry | undefined {
    const row = this.#connection.get(
      'SELECT * FROM temp.applied WHERE tab = ? AND key = ?',
      table,
      JSON.stringify(key),
    );
    return row && entryOf(row);
  }

  *entries(): Generator<JournalEntry> {
    let after = -1n;
    for (;;) {
      const page = this.#connection.all(
        'SELECT * FROM temp.applied WHERE op > ? ORDER BY op LIMIT 100',
        after,
      );
      if (page.length === 0) return;
      for (const row of page) yield entryOf(row);
      after = page.at(-1)![0] as bigint;
    }
  }
}

function entryOf([op, table, key, action, before, version, after]: SqliteRow): JournalEntry {
  return {
    index: Number(op),
    table: String(table),
    key: JSON.parse(String(key)) as string[],
    action: action as JournalEntry['action'],
    before: before === null ? undefined : (JSON.parse(String(before)) as JournalEntry['before']),
    version: version === null ? undefined : (JSON.parse(String(version)) as JournalEntry['version']),
    after: JSON.parse(String(after)) as JournalEntry['after'],
  };
}
