import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {DatabaseSync, type StatementSync} from 'node:sqlite';
import {zstdDecompressSync} from 'node:zlib';
import type {RowRef} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import {digestRow} from '../database/row-digest.js';
import type {ImagePart, StagedImage, TableImage} from '../database/table-image.js';
import {passed} from '../memory.js';
import {asSpaceError} from './no-space.js';
import type {StagedRow} from './ports.js';

/**
 * Rows that have been brought for a run, in a small database in the agent's data folder: their number is not
 * bounded by memory, and what is there after a crash is whole.
 */
export class StagedRows {
  readonly #folder: string;
  readonly #database: DatabaseSync;
  readonly #findRow: StatementSync;
  readonly #addRow: StatementSync;
  readonly #addTableRow: StatementSync;

  /** @param folder the run's folder in the agent's data; made when missing. */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, {recursive: true});
    this.#database = new DatabaseSync(join(folder, 'rows.db'));
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS staged (id TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS table_row (number INTEGER PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL);
      CREATE INDEX IF NOT EXISTS table_row_name ON table_row (name, number);
      CREATE TABLE IF NOT EXISTS image (name TEXT PRIMARY KEY, description TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS image_piece (
        number INTEGER PRIMARY KEY, name TEXT NOT NULL, part TEXT NOT NULL, size INTEGER NOT NULL,
        zstd INTEGER NOT NULL, body BLOB NOT NULL);
      CREATE INDEX IF NOT EXISTS image_piece_name ON image_piece (name, part, number);
      CREATE TABLE IF NOT EXISTS whole_table (name TEXT PRIMARY KEY) WITHOUT ROWID;
    `);
    this.#findRow = this.#database.prepare('SELECT content FROM staged WHERE id = ?');
    this.#addRow = this.#database.prepare('INSERT OR REPLACE INTO staged VALUES (?, ?)');
    this.#addTableRow = this.#database.prepare('INSERT INTO table_row (name, content) VALUES (?, ?)');
  }

  has(ref: RowRef, digest: string): boolean {
    return this.#findRow.get(idOf(ref, digest)) !== undefined;
  }

  find(ref: RowRef, digest: string): StagedRow | undefined {
    const found = this.#findRow.get(idOf(ref, digest));
    return found === undefined ? undefined : JSON.parse(String(found.content));
  }

  /** @throws OperatorError CONTENT_MISMATCH when a row is not what its digest says. Nothing of the lot is kept then. */
  add(rows: readonly StagedRow[]): void {
    this.#transaction(() => {
      for (const row of rows) {
        checkRow(row);
        this.#addRow.run(
          idOf({type: 'row', table: row.table, key: row.key}, row.digest),
          JSON.stringify(row),
        );
      }
    });
  }

  hasTable(name: string): boolean {
    return this.#database.prepare('SELECT 1 FROM whole_table WHERE name = ?').get(name) !== undefined;
  }

  /** Forgets what an interrupted transfer brought of a table. */
  beginTable(name: string, image?: TableImage): void {
    this.#transaction(() => {
      for (const table of ['table_row', 'image_piece', 'image'])
        this.#database.prepare(`DELETE FROM ${table} WHERE name = ?`).run(name);
      if (image !== undefined)
        this.#database.prepare('INSERT INTO image VALUES (?, ?)').run(name, JSON.stringify(image));
      this.#database.prepare('DELETE FROM whole_table WHERE name = ?').run(name);
    });
  }

  /** @throws OperatorError CONTENT_MISMATCH as `add`. */
  addToTable(name: string, rows: readonly StagedRow[]): void {
    this.#transaction(() => {
      for (const row of rows) {
        if (row.table !== name)
          throw new OperatorError('BAD_REQUEST', `A row of ${row.table} was sent among those of ${name}.`);
        checkRow(row);
        this.#addTableRow.run(name, JSON.stringify(row));
      }
    });
  }

  /** A piece of a table's image as it came, compressed or not; `size` in bytes when it is not. */
  addPiece(
    name: string,
    {part, size, zstd, body}: {part: ImagePart; size: number; zstd: boolean; body: Buffer},
  ): void {
    this.#transaction(() => {
      this.#database
        .prepare('INSERT INTO image_piece (name, part, size, zstd, body) VALUES (?, ?, ?, ?, ?)')
        .run(name, part, size, zstd ? 1 : 0, body);
    });
  }

  /** The image that came of a table; undefined when its rows did. */
  image(name: string): StagedImage | undefined {
    const found = this.#database.prepare('SELECT description FROM image WHERE name = ?').get(name);
    if (found === undefined) return undefined;
    return {
      ...(JSON.parse(String(found.description)) as TableImage),
      pieces: part => this.#pieces(name, part),
    };
  }

  *#pieces(name: string, part: ImagePart): Generator<Buffer, void> {
    const next = this.#database.prepare(
      `SELECT number, size, zstd, body FROM image_piece WHERE name = ? AND part = ? AND number > ?
       ORDER BY number LIMIT 1`,
    );
    for (let last = 0; ; ) {
      const row = next.get(name, part, last);
      if (row === undefined) return;
      const body = Buffer.from(row.body as Uint8Array);
      passed(Number(row.size) + body.length);
      yield row.zstd === 1
        ? zstdDecompressSync(body, {maxOutputLength: Math.max(Number(row.size), 1)})
        : body;
      last = Number(row.number);
    }
  }

  completeTable(name: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO whole_table VALUES (?)').run(name);
  }

  /** The rows of a table in the order in which they came. */
  async *table(name: string): AsyncGenerator<StagedRow, void> {
    const next = this.#database.prepare(
      'SELECT number, content FROM table_row WHERE name = ? AND number > ? ORDER BY number LIMIT 500',
    );
    for (let last = 0; ; ) {
      const rows = next.all(name, last);
      if (rows.length === 0) return;
      for (const {content} of rows) yield JSON.parse(String(content));
      last = Number(rows.at(-1)!.number);
    }
  }

  close(): void {
    this.#database.close();
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      // A full disk has rolled back already.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw asSpaceError(error, this.#folder);
    }
  }
}

function checkRow(row: StagedRow): void {
  if (digestRow(row.row) !== row.digest)
    throw new OperatorError(
      'CONTENT_MISMATCH',
      `Row ${row.table}:${row.key.join(',')} is not what its digest says.`,
    );
}

function idOf(ref: RowRef, digest: string): string {
  return JSON.stringify([ref.table, ref.key, digest]);
}
