import {existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {DatabaseSync, type SQLOutputValue} from 'node:sqlite';
import type {Change} from '../../core/change.js';
import type {FileKind, FileRecord, FileRef} from '../../core/item.js';
import {textToBytes} from '../../core/path-text.js';
import {countUntil, type HistoryTotals, type PrunableHistory} from '../site/prune-history.js';

/** One change that a commit made, with what is needed to take it back later (E10, X2). */
export type FileChange = {
  runId: string;
  step: string;
  /** Position of the operation in its commit. */
  operation: number;
  /** ISO 8601, UTC. */
  at: string;
  path: string;
  action: Change['action'];
  before: FileState | undefined;
  /** Of a deletion nothing but the vector counts. */
  after: FileState | {vector: string};
  /** Whether the content that was there before is kept under `nameOf`. */
  kept: boolean;
};

type FileState = {
  kind: FileKind;
  digest: string;
  size: number;
  mode: number;
  mtime: bigint;
  vector: string;
};

const schema = `
  CREATE TABLE IF NOT EXISTS changes (
    id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, step TEXT NOT NULL, operation INTEGER NOT NULL, at TEXT NOT NULL,
    path TEXT NOT NULL, action TEXT NOT NULL,
    before_kind TEXT, before_digest TEXT, before_size INTEGER, before_mode INTEGER, before_mtime INTEGER,
    before_vector TEXT, after_kind TEXT, after_digest TEXT, after_size INTEGER, after_mode INTEGER,
    after_mtime INTEGER, after_vector TEXT, kept INTEGER NOT NULL, UNIQUE (run_id, step, operation)
  );
  CREATE INDEX IF NOT EXISTS changes_by_path ON changes (path);
  CREATE INDEX IF NOT EXISTS changes_by_run ON changes (run_id);
  CREATE TABLE IF NOT EXISTS totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
  INSERT INTO totals SELECT count(*), coalesce(sum(before_size) FILTER (WHERE kept = 1), 0) FROM changes
    WHERE NOT EXISTS (SELECT 1 FROM totals);
`;

/**
 * What commits replaced or deleted: a list in `history.db` and the contents in `history/`, apart from the index, which can
 * be made anew from the disk while this cannot.
 */
export class FileHistory implements PrunableHistory {
  readonly #folder: string;
  readonly #database: DatabaseSync;
  readonly #insert: ReturnType<DatabaseSync['prepare']>;

  private constructor(folder: string, database: DatabaseSync) {
    this.#folder = folder;
    this.#database = database;
    this.#insert = database.prepare(
      `INSERT OR IGNORE INTO changes VALUES (NULL, ${Array(19).fill('?').join(', ')})`,
    );
  }

  static open(dataFolder: string): FileHistory {
    const folder = join(dataFolder, 'history');
    mkdirSync(folder, {recursive: true, mode: 0o700});
    const database = new DatabaseSync(join(dataFolder, 'history.db'), {timeout: 200});
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    database.exec(schema);
    return new FileHistory(folder, database);
  }

  /** The folder of a run's contents; made when it is not there. */
  folderOf(runId: string): string {
    const folder = join(this.#folder, runId);
    mkdirSync(folder, {recursive: true, mode: 0o700});
    return folder;
  }

  /** Under which name in the run's folder the content that an operation replaces is kept. */
  nameOf(step: string, operation: number): string {
    return `${step}-${operation}`;
  }

  add(changes: Iterable<FileChange>): void {
    this.#database.exec('BEGIN IMMEDIATE');
    let entries = 0;
    let bytes = 0;
    for (const {runId, step, operation, at, path, action, before, after, kept} of changes) {
      const left = 'kind' in after ? after : undefined;
      const {changes: added} = this.#insert.run(
        ...[runId, step, operation, at, path, action],
        ...(before === undefined ? Array(6).fill(null) : valuesOf(before)),
        ...(left === undefined ? [null, null, null, null, null, after.vector] : valuesOf(left)),
        kept ? 1 : 0,
      );
      // A commit that is finished anew after a crash tells what is listed already.
      if (added === 0) continue;
      entries += 1;
      bytes += kept ? (before?.size ?? 0) : 0;
    }
    this.#database.prepare('UPDATE totals SET entries = entries + ?, bytes = bytes + ?').run(entries, bytes);
    this.#database.exec('COMMIT');
  }

  /** Gives back what is kept in memory of the list. */
  shrink(): void {
    this.#database.exec('PRAGMA shrink_memory');
  }

  /** Makes what was added survive a power cut. */
  flushToDisk(): void {
    this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  }

  /** Removes contents that a commit kept but that are on no list, because it was taken back. */
  discard(runId: string, step: string): void {
    const folder = join(this.#folder, runId);
    if (!existsSync(folder)) return;
    const listed = this.#database.prepare(
      'SELECT 1 FROM changes WHERE run_id = ? AND step = ? AND operation = ? AND kept = 1',
    );
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(`${step}-`)) continue;
      const operation = Number.parseInt(name.slice(step.length + 1), 10);
      if (Number.isNaN(operation) || listed.get(runId, step, operation) === undefined)
        rmSync(join(folder, name), {force: true});
    }
    this.#removeIfEmpty(folder);
  }

  /** Newest first, in pages, so that other work can be done in between. */
  *entries(filter: {runId?: string; path?: string}): Generator<Change> {
    const conditions = [
      ...(filter.runId === undefined ? [] : ['run_id = :run']),
      ...(filter.path === undefined ? [] : ['path = :path']),
    ];
    const select = this.#database.prepare(
      `SELECT * FROM changes WHERE id < :before ${conditions.map(text => `AND ${text}`).join(' ')}
       ORDER BY id DESC LIMIT 500`,
    );
    select.setReadBigInts(true);
    const named = {
      ...(filter.runId === undefined ? {} : {run: filter.runId}),
      ...(filter.path === undefined ? {} : {path: filter.path}),
    };
    for (let before = Number.MAX_SAFE_INTEGER; ; ) {
      const page = select.all({...named, before});
      for (const row of page) yield toChange(row);
      const last = page.at(-1);
      if (last === undefined) return;
      before = Number(last.id);
    }
  }

  find(id: string): Change | undefined {
    const row = this.#row(id);
    return row === undefined ? undefined : toChange(row);
  }

  /** Where the content that was there before a change is kept; undefined when it is not. */
  contentOf(id: string): string | undefined {
    const row = this.#row(id);
    if (row === undefined || row.kept !== 1n) return undefined;
    const file = join(this.#folder, String(row.run_id), this.nameOf(String(row.step), Number(row.operation)));
    return lstatSync(file, {throwIfNoEntry: false}) === undefined ? undefined : file;
  }

  totals(): HistoryTotals {
    const totals = this.#database.prepare('SELECT entries, bytes FROM totals').get();
    const oldest = this.#database.prepare('SELECT at FROM changes ORDER BY id LIMIT 1').get();
    return {
      entries: Number(totals?.entries ?? 0),
      bytes: Number(totals?.bytes ?? 0),
      ...(oldest === undefined ? {} : {oldest: String(oldest.at)}),
    };
  }

  removeOldest(limit: number, mustStay: (entry: {runId: string; at: string}) => boolean): number {
    // The newest entry stays, so that its number is never given again.
    const rows = this.#database
      .prepare(
        `SELECT id, run_id, step, operation, at, before_size, kept FROM changes
         WHERE id < (SELECT max(id) FROM changes) ORDER BY id LIMIT ?`,
      )
      .all(limit);
    const stays = countUntil(rows, row => mustStay({runId: String(row.run_id), at: String(row.at)}));
    const removed = rows.slice(0, stays);
    if (removed.length === 0) return 0;
    // Contents first: an entry without content is no promise that cannot be kept, a content without entry stays for ever.
    const folders = new Set<string>();
    for (const row of removed) {
      const folder = join(this.#folder, String(row.run_id));
      folders.add(folder);
      if (row.kept === 1)
        rmSync(join(folder, this.nameOf(String(row.step), Number(row.operation))), {force: true});
    }
    const bytes = removed.reduce((sum, row) => sum + (row.kept === 1 ? Number(row.before_size) : 0), 0);
    this.#database.exec('BEGIN IMMEDIATE');
    this.#database.prepare('DELETE FROM changes WHERE id <= ?').run(removed.at(-1)!.id as number);
    this.#database
      .prepare('UPDATE totals SET entries = entries - ?, bytes = bytes - ?')
      .run(removed.length, bytes);
    this.#database.exec('COMMIT');
    for (const folder of folders) this.#removeIfEmpty(folder);
    return removed.length;
  }

  close(): void {
    this.#database.close();
  }

  #row(id: string): Record<string, SQLOutputValue> | undefined {
    if (!/^f[0-9]{1,15}$/.test(id)) return undefined;
    const select = this.#database.prepare('SELECT * FROM changes WHERE id = ?');
    select.setReadBigInts(true);
    return select.get(Number(id.slice(1)));
  }

  #removeIfEmpty(folder: string): void {
    try {
      rmdirSync(folder);
    } catch {
      // Something is kept there.
    }
  }
}

function valuesOf({kind, digest, size, mode, mtime, vector}: FileState): (string | number | bigint)[] {
  return [kind, digest, size, mode, mtime, vector];
}

function toChange(row: Record<string, SQLOutputValue>): Change {
  const path = String(row.path);
  const escaped = /\\x[0-9a-f]{2}/.test(path);
  const item: FileRef = {
    type: 'file',
    path,
    ...(escaped ? {rawPath: Buffer.from(textToBytes(path)).toString('base64')} : {}),
  };
  const record = (prefix: 'before' | 'after'): FileRecord | undefined =>
    row[`${prefix}_kind`] === null
      ? undefined
      : {
          ...item,
          kind: row[`${prefix}_kind`] as FileKind,
          digest: String(row[`${prefix}_digest`]),
          size: row[`${prefix}_kind`] === 'folder' ? 0 : Number(row[`${prefix}_size`]),
          mode: Number(row[`${prefix}_mode`]) & 0o777,
          mtime: String(row[`${prefix}_mtime`]),
          vector: String(row[`${prefix}_vector`]),
          deleted: false,
          seq: 0,
        };
  const before = record('before');
  const after = record('after') ?? {...tombstone(item, before), vector: String(row.after_vector)};
  // What only got other attributes is there with its content.
  const touched = before !== undefined && before.kind === after.kind && before.digest === after.digest;
  return {
    id: `f${row.id}`,
    runId: String(row.run_id),
    at: String(row.at),
    item,
    action: row.action as Change['action'],
    restorable: row.before_kind === 'folder' || row.kept === 1n || (touched && !after.deleted),
    ...(before === undefined ? {} : {before}),
    after,
  };
}

function tombstone(item: FileRef, before: FileRecord | undefined): FileRecord {
  const kind = before?.kind ?? 'file';
  return {...item, kind, digest: '', size: 0, mode: 0, mtime: '0', vector: '', deleted: true, seq: 0};
}
