import {randomBytes, randomUUID} from 'node:crypto';
import {existsSync, mkdirSync, rmSync} from 'node:fs';
import {dirname} from 'node:path';
import {DatabaseSync, type SQLOutputValue, type StatementSync} from 'node:sqlite';
import type {FileKind, FileRecord} from '../../core/item.js';
import type {Position} from '../../protocol/record-endpoints.js';
import {type IndexedItem, itemColumns, toItem, toRecord} from './indexed-item.js';

/** The few columns that a scan compares: path, size, mtime, ctime, inode, mode. */
export type StatRow = readonly [string, bigint, bigint, bigint, bigint, bigint];

const schemaVersion = 1;
const pageRows = 500;
/** Up to so many changes are sorted by SQLite at once; more are found by walking the table in its own order. */
const sortedAtOnce = 20_000;

const schema = `
  CREATE TABLE items (
    path TEXT PRIMARY KEY, kind TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    ctime INTEGER NOT NULL, inode INTEGER NOT NULL, mode INTEGER NOT NULL, digest TEXT NOT NULL,
    vector TEXT NOT NULL, deleted INTEGER NOT NULL, seq INTEGER NOT NULL, problem TEXT
  ) WITHOUT ROWID;
  CREATE INDEX items_by_seq ON items (seq);
  CREATE INDEX items_by_digest ON items (digest) WHERE deleted = 0 AND kind = 'file';
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * The agent's memory of a site's files (DESIGN.md, "How change is known"): one SQLite database in the agent's data
 * folder. Writes are gathered in a transaction until `flush`. Not safe for use by two processes.
 */
export class FileIndex {
  /** Changes whenever sequence numbers start anew; a position of another epoch means nothing here. */
  readonly epoch: string;
  /** The key of this site's own edits in version vectors. */
  readonly replica: string;
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;
  #seq: number;
  #live: number;
  #writing = false;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareStatements(database);
    this.epoch = this.meta('epoch') ?? fail('epoch');
    this.replica = this.meta('replica') ?? fail('replica');
    // After a power cut the last commits may be missing, but someone may have been told their numbers. A gap makes
    // sure that no number is ever used twice.
    this.#seq = Number(this.meta('seq') ?? fail('seq')) + 2 ** 32;
    this.#live = Number((this.#statements.live.get() as SQLOutputValue[] | undefined)?.[0] ?? 0);
    this.#begin();
    this.flush();
  }

  /**
   * Opens the index, or starts a new one with a new epoch and a new replica when there is none, it is damaged, or
   * of another version: what is left of a damaged index is never trusted.
   */
  static open(file: string): FileIndex {
    mkdirSync(dirname(file), {recursive: true, mode: 0o700});
    if (existsSync(file)) {
      let database: DatabaseSync | undefined;
      try {
        database = connect(file);
        if (isWhole(database)) return new FileIndex(database);
      } catch (thrown) {
        if (!isDamage(thrown)) {
          database?.close();
          throw thrown;
        }
      }
      database?.close();
    }
    FileIndex.remove(file);
    const database = connect(file);
    database.exec('BEGIN');
    database.exec(schema);
    const insert = database.prepare('INSERT INTO meta VALUES (?, ?)');
    insert.run('epoch', randomUUID());
    insert.run('replica', newReplica());
    insert.run('seq', '0');
    database.exec('COMMIT');
    return new FileIndex(database);
  }

  static remove(file: string): void {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${file}${suffix}`, {force: true});
  }

  position(): Position {
    return {epoch: this.epoch, seq: this.#seq};
  }

  /** Number of items that exist, problems included. */
  get live(): number {
    return this.#live;
  }

  meta(name: string): string | undefined {
    const row = this.#statements.readMeta.get(name) as SQLOutputValue[] | undefined;
    return row === undefined ? undefined : String(row[0]);
  }

  setMeta(name: string, value: string): void {
    this.#begin();
    this.#statements.writeMeta.run(name, value);
  }

  get(path: string): IndexedItem | undefined {
    const row = this.#statements.get.get(path) as SQLOutputValue[] | undefined;
    return row === undefined ? undefined : toItem(row);
  }

  /** Stores an item under the next sequence number. */
  put(item: Omit<IndexedItem, 'seq'>): void {
    this.#begin();
    this.#seq += 1;
    this.#store(item, this.#seq);
  }

  /** Stores what is no change to anybody else: how the item looks to `lstat`. */
  refresh(item: IndexedItem): void {
    this.#begin();
    this.#store(item, item.seq);
  }

  /** Forgets an item without a tombstone. */
  drop(path: string): void {
    this.#begin();
    const row = this.get(path);
    if (row !== undefined && !row.deleted) this.#live -= 1;
    this.#statements.drop.run(path);
  }

  /** Makes what was written so far part of the database. */
  flush(): void {
    if (!this.#writing) return;
    this.#statements.writeMeta.run('seq', String(this.#seq));
    this.#database.exec('COMMIT');
    this.#writing = false;
  }

  /** Like `flush`, and on the disk when it returns. */
  flushToDisk(): void {
    this.flush();
    this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  }

  /** Gives back what is kept in memory of the file. */
  shrink(): void {
    this.#database.exec('PRAGMA shrink_memory');
  }

  /** Live items in path order, a page at a time, as they are when the page is read. */
  *statRows(): Generator<StatRow> {
    let after = '';
    for (;;) {
      const page = this.#statements.statPage.all(after, pageRows) as unknown as StatRow[];
      yield* page;
      if (page.length < pageRows) return;
      after = page[page.length - 1]![0];
    }
  }

  /** Records after the position, tombstones included, ordered by path. Another epoch means all. */
  *changes(since: Position): Generator<FileRecord> {
    const seq = since.epoch === this.epoch ? since.seq : 0;
    const [count] = this.#statements.changedCount.get(seq, sortedAtOnce + 1) as unknown as [bigint];
    if (count <= sortedAtOnce) {
      for (const row of this.#statements.changed.all(seq) as unknown as SQLOutputValue[][])
        yield toRecord(toItem(row));
      return;
    }
    yield* this.#pages(this.#statements.changedPage, '', [seq]);
  }

  /** Live items below a folder, ordered by path. */
  *descendants(folder: string): Generator<FileRecord> {
    // '0' is the character after '/', so the range holds exactly what begins with `folder/`.
    yield* this.#pages(this.#statements.livePage, `${folder}/`, [`${folder}0`]);
  }

  /** Path and kind of live items. */
  *liveKinds(): Generator<readonly [string, FileKind]> {
    let after = '';
    for (;;) {
      const page = this.#statements.kindPage.all(after, pageRows) as unknown as [string, FileKind][];
      yield* page;
      if (page.length < pageRows) return;
      after = page[page.length - 1]![0];
    }
  }

  /** Some live files without a problem that had this content when they were last read. */
  filesWithDigest(digest: string): IndexedItem[] {
    if (this.#live === 0) return [];
    return (this.#statements.byDigest.all(digest) as unknown as SQLOutputValue[][]).map(toItem);
  }

  close(): void {
    this.flush();
    this.#database.close();
  }

  *#pages(statement: StatementSync, from: string, rest: (string | number)[]): Generator<FileRecord> {
    let after = from;
    for (;;) {
      const page = statement.all(after, ...rest, pageRows) as unknown as SQLOutputValue[][];
      for (const row of page) yield toRecord(toItem(row));
      if (page.length < pageRows) return;
      after = String(page[page.length - 1]![0]);
    }
  }

  #begin(): void {
    if (this.#writing) return;
    this.#database.exec('BEGIN IMMEDIATE');
    this.#writing = true;
  }

  #store(item: Omit<IndexedItem, 'seq'>, seq: number): void {
    if (this.#run(this.#statements.insert, item, seq)) {
      this.#live += item.deleted ? 0 : 1;
      return;
    }
    const before = this.#statements.wasDeleted.get(item.path) as unknown as [bigint] | undefined;
    if (before === undefined || before[0] === 1n) this.#live += item.deleted ? 0 : 1;
    else this.#live -= item.deleted ? 1 : 0;
    this.#run(this.#statements.store, item, seq);
  }

  /** @returns whether a row was written. */
  #run(statement: StatementSync, item: Omit<IndexedItem, 'seq'>, seq: number): boolean {
    const {changes} = statement.run(
      item.path,
      item.kind,
      item.size,
      item.mtime,
      item.ctime,
      item.inode,
      item.mode,
      item.digest,
      item.vector,
      item.deleted ? 1 : 0,
      seq,
      item.problem,
    );
    return Number(changes) > 0;
  }
}

/** Whether SQLite says that the file is not, or no longer, a database. */
export function isDamage(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !('errcode' in thrown)) return false;
  const primary = Number(thrown.errcode) & 0xff;
  return primary === 11 || primary === 26;
}

function connect(file: string): DatabaseSync {
  const database = new DatabaseSync(file, {timeout: 200});
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000;');
  } catch (thrown) {
    database.close();
    throw thrown;
  }
  return database;
}

function isWhole(database: DatabaseSync): boolean {
  const version = Object.values(database.prepare('PRAGMA user_version').get() ?? {})[0];
  if (version !== schemaVersion) return false;
  const check = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
  const meta = database.prepare('SELECT count(*) AS n FROM meta').get()?.n;
  return check === 'ok' && Number(meta) >= 3;
}

function fail(name: string): never {
  throw new Error(`the file index has no ${name}`);
}

function newReplica(): string {
  const digits = '0123456789abcdefghijklmnopqrstuvwxyz';
  return Array.from(randomBytes(16), byte => digits[byte % 36]).join('');
}

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    return statement;
  };
  return {
    live: prepare('SELECT count(*) FROM items WHERE deleted = 0'),
    readMeta: prepare('SELECT value FROM meta WHERE name = ?'),
    writeMeta: prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)'),
    get: prepare(`SELECT ${itemColumns} FROM items WHERE path = ?`),
    wasDeleted: prepare('SELECT deleted FROM items WHERE path = ?'),
    insert: prepare('INSERT OR IGNORE INTO items VALUES (?,?,?,?,?,?,?,?,?,?,?,?)'),
    store: prepare('INSERT OR REPLACE INTO items VALUES (?,?,?,?,?,?,?,?,?,?,?,?)'),
    drop: prepare('DELETE FROM items WHERE path = ?'),
    statPage: prepare(
      'SELECT path, size, mtime, ctime, inode, mode FROM items WHERE path > ? AND deleted = 0 ORDER BY path LIMIT ?',
    ),
    kindPage: prepare('SELECT path, kind FROM items WHERE path > ? AND deleted = 0 ORDER BY path LIMIT ?'),
    livePage: prepare(
      `SELECT ${itemColumns} FROM items WHERE path > ? AND path < ? AND deleted = 0 ORDER BY path LIMIT ?`,
    ),
    changedCount: prepare('SELECT count(*) FROM (SELECT 1 FROM items WHERE seq > ? LIMIT ?)'),
    changed: prepare(`SELECT ${itemColumns} FROM items INDEXED BY items_by_seq WHERE seq > ? ORDER BY path`),
    changedPage: prepare(`SELECT ${itemColumns} FROM items WHERE path > ? AND seq > ? ORDER BY path LIMIT ?`),
    byDigest: prepare(
      `SELECT ${itemColumns} FROM items INDEXED BY items_by_digest
       WHERE digest = ? AND deleted = 0 AND kind = 'file' AND problem IS NULL LIMIT 8`,
    ),
  };
}
