import {closeSync, existsSync, fsyncSync, openSync, rmSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {DatabaseSync, type SQLOutputValue} from 'node:sqlite';
import type {FileKind} from '../../core/item.js';
import {type PackedOutcomes, packOutcomes} from '../../core/outcome-runs.js';
import type {OperationOutcome} from '../../core/site-description.js';

/**
 * What one operation comes to on the disk. `write` puts a prepared file or link into place, `folder` makes one, `parent`
 * makes one that nobody named but something below needs, `record` only changes the index, `none` does nothing.
 */
export type StepAction = 'write' | 'folder' | 'parent' | 'delete' | 'touch' | 'record' | 'none';

/** A state of an item on the disk. Times in nanoseconds; `mode` is all of `st_mode`. */
export type DiskState = {kind: FileKind; digest: string; size: number; mode: number; mtime: bigint};

/** One operation of a commit as it is written down before anything visible happens. */
export type Step = {
  operation: number;
  path: string;
  action: StepAction;
  outcome: OperationOutcome['outcome'];
  error: string | undefined;
  vector: string;
  /** What shall be there; undefined for a deletion. */
  after: DiskState | undefined;
  /**
   * What was there when it was checked; undefined when nothing. `ctime` is 0 where it may change without an
   * edit: another name of the same file takes part too.
   */
  before: (DiskState & {ctime: bigint; inode: bigint; uid: number; gid: number; vector: string}) | undefined;
  /** Absolute path of the prepared file or link, and its inode: whoever has that inode is what was prepared. */
  ready: string | undefined;
  readyInode: bigint;
  /** Absolute path at which what was there before is kept. */
  kept: string | undefined;
};

const schema = `
  CREATE TABLE steps (
    operation INTEGER NOT NULL, path TEXT PRIMARY KEY, action TEXT NOT NULL, outcome TEXT NOT NULL,
    error TEXT, vector TEXT NOT NULL, after TEXT, before TEXT, ready TEXT, ready_inode TEXT NOT NULL, kept TEXT
  ) WITHOUT ROWID;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
`;

/**
 * The notes of one commit, in a SQLite file that is complete and on the disk before the first visible change, and
 * is never written again: recovery compares it with the disk (X3). A database rather than a list, because a commit
 * may have more steps than fit into memory and walks them in several orders.
 */
export class CommitNotes {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #insert: ReturnType<DatabaseSync['prepare']>;
  readonly #update: ReturnType<DatabaseSync['prepare']>;
  readonly #byPath: ReturnType<DatabaseSync['prepare']>;
  readonly #comingBelow: ReturnType<DatabaseSync['prepare']>;

  private constructor(file: string, database: DatabaseSync) {
    this.#file = file;
    this.#database = database;
    this.#insert = database.prepare('INSERT INTO steps VALUES (?,?,?,?,?,?,?,?,?,?,?)');
    this.#update = database.prepare(
      `UPDATE steps SET action = ?, outcome = ?, error = ?, before = ?, ready = ?, ready_inode = ?, kept = ?
       WHERE path = ?`,
    );
    this.#byPath = database.prepare(`SELECT ${columns} FROM steps WHERE path = ?`);
    this.#byPath.setReturnArrays(true);
    this.#comingBelow = database.prepare(
      `SELECT 1 FROM steps WHERE path > ? AND path < ? AND action IN ('write', 'folder') LIMIT 1`,
    );
  }

  /** Starts new notes in `folder`, in place of any that are there. */
  static begin(folder: string): CommitNotes {
    CommitNotes.remove(folder);
    const file = join(folder, fileName);
    const database = new DatabaseSync(file);
    // Nothing depends on these notes until `seal` has brought them to the disk as a whole.
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;');
    database.exec(schema);
    database.exec('BEGIN');
    return new CommitNotes(file, database);
  }

  /** Opens sealed notes; undefined when there are none, which means that nothing visible had happened. */
  static open(folder: string): CommitNotes | undefined {
    const file = join(folder, fileName);
    if (!existsSync(file)) return undefined;
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(file);
      const sealed = database.prepare(`SELECT value FROM meta WHERE name = 'sealed'`).get();
      if (sealed !== undefined) return new CommitNotes(file, database);
    } catch {
      // Half-written notes were never relied upon.
    }
    database?.close();
    return undefined;
  }

  static remove(folder: string): void {
    for (const suffix of ['', '-journal']) rmSync(join(folder, `${fileName}${suffix}`), {force: true});
  }

  add(step: Step): void {
    this.#insert.run(
      step.operation,
      step.path,
      step.action,
      step.outcome,
      step.error ?? null,
      step.vector,
      toText(step.after),
      toText(step.before),
      step.ready ?? null,
      String(step.readyInode),
      step.kept ?? null,
    );
  }

  change(step: Step): void {
    this.#update.run(
      step.action,
      step.outcome,
      step.error ?? null,
      toText(step.before),
      step.ready ?? null,
      String(step.readyInode),
      step.kept ?? null,
      step.path,
    );
  }

  at(path: string): Step | undefined {
    const row = this.#byPath.get(path) as SQLOutputValue[] | undefined;
    return row === undefined ? undefined : toStep(row);
  }

  /** Whether anything is to be put somewhere below the folder. */
  hasComingBelow(folder: string): boolean {
    return this.#comingBelow.get(`${folder}/`, `${folder}0`) !== undefined;
  }

  /** Steps of some actions by path; descending means what is in a folder before the folder. A page at a time. */
  steps(actions: readonly StepAction[], order: 'ascending' | 'descending'): Generator<Step> {
    return this.#pages(order, `action IN (${actions.map(() => '?').join(',')})`, actions);
  }

  /** Steps that remove a folder or put something else in its place, from the bottom up. */
  endingFolders(): Generator<Step> {
    return this.#pages('descending', `action IN ('delete', 'write') AND before LIKE 'folder %'`, []);
  }

  *#pages(
    order: 'ascending' | 'descending',
    condition: string,
    values: readonly StepAction[],
  ): Generator<Step> {
    const down = order === 'descending';
    const select = this.#database.prepare(
      `SELECT ${columns} FROM steps WHERE path ${down ? '<' : '>'} ? AND ${condition}
       ORDER BY path ${down ? 'DESC' : 'ASC'} LIMIT ${pageRows}`,
    );
    select.setReturnArrays(true);
    let from = down ? lastPath : '';
    for (;;) {
      const page = select.all(from, ...values) as unknown as SQLOutputValue[][];
      for (const row of page) yield toStep(row);
      if (page.length < pageRows) return;
      from = String(page.at(-1)![1]);
    }
  }

  /** One per operation, in order. */
  outcomes(): PackedOutcomes {
    return [...packOutcomes(this.#outcomes())];
  }

  *#outcomes(): Generator<OperationOutcome, void> {
    const select = this.#database.prepare(
      'SELECT operation, outcome, error FROM steps WHERE operation >= 0 ORDER BY operation',
    );
    for (const row of select.iterate()) {
      const outcome = row.outcome as OperationOutcome['outcome'];
      yield {
        index: Number(row.operation),
        outcome,
        ...(row.error === null ? {} : {error: String(row.error)}),
      };
    }
  }

  setMeta(name: string, value: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(name, value);
  }

  meta(name: string): string | undefined {
    const row = this.#database.prepare('SELECT value FROM meta WHERE name = ?').get(name);
    return row === undefined ? undefined : String(row.value);
  }

  /** From here on the notes are what recovery goes by. They are on the disk when this returns. */
  seal(): void {
    this.setMeta('sealed', 'yes');
    this.#database.exec('COMMIT');
    for (const path of [this.#file, dirname(this.#file)]) {
      const fd = openSync(path, 'r');
      fsyncSync(fd);
      closeSync(fd);
    }
  }

  close(): void {
    this.#database.close();
  }
}

const fileName = 'files.db';
const pageRows = 200;
/** Sorts after every path: no UTF-8 text has this code point followed by anything. */
const lastPath = '\u{10ffff}'.repeat(8);

/** A state as one text, cheaper to read back than JSON: a commit may have a million of them. */
function toText(state: Step['before'] | Step['after']): string | null {
  if (state === undefined) return null;
  const {kind, digest, size, mode, mtime} = state;
  const text = `${kind} ${digest} ${size} ${mode} ${mtime}`;
  if (!('ctime' in state)) return text;
  const {ctime, inode, uid, gid, vector} = state;
  return `${text} ${ctime} ${inode} ${uid} ${gid} ${vector}`;
}

function toAfter(text: string): DiskState {
  const [kind, digest, size, mode, mtime] = text.split(' ', 5) as [FileKind, ...string[]];
  return {kind, digest: digest!, size: Number(size), mode: Number(mode), mtime: BigInt(mtime!)};
}

function toBefore(text: string): NonNullable<Step['before']> {
  const [ctime, inode, uid, gid, ...vector] = text.split(' ').slice(5);
  return {
    ...toAfter(text),
    ctime: BigInt(ctime!),
    inode: BigInt(inode!),
    uid: Number(uid),
    gid: Number(gid),
    vector: vector.join(' '),
  };
}

/** The columns of a step, in the order that `toStep` reads them. */
const columns = 'operation, path, action, outcome, error, vector, after, before, ready, ready_inode, kept';

function toStep(row: SQLOutputValue[]): Step {
  const [operation, path, action, outcome, error, vector, after, before, ready, readyInode, kept] = row;
  return {
    operation: operation as number,
    path: path as string,
    action: action as StepAction,
    outcome: outcome as Step['outcome'],
    error: error === null ? undefined : (error as string),
    vector: vector as string,
    after: after === null ? undefined : toAfter(after as string),
    before: before === null ? undefined : toBefore(before as string),
    ready: ready === null ? undefined : (ready as string),
    readyInode: readyInode === '0' ? 0n : BigInt(readyInode as string),
    kept: kept === null ? undefined : (kept as string),
  };
}
