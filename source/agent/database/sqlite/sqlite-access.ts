import {stat} from 'node:fs/promises';
import {OperatorError} from '../../../core/operator-error.js';
import {TimeSlice} from '../../../system/time-slice.js';
import type {DatabaseFrame} from '../database-frame.js';
import type {RowLocalizer} from '../row-localizer.js';
import {retryWhileBusy, SqliteConnection, withOperatorErrors} from './connection.js';
import {ownTransactions, type Transactions, Workspace} from './workspace.js';

type Opened = {
  /** Identity of the file, to notice one that was put in its place. */
  readonly file: string;
  readonly writer: Workspace;
  /** Small reads; a connection of its own, so that they never see half of what the writer does. */
  readonly reader: Workspace;
};

/** Connections to a SQLite database: one that writes, one for small reads, and one for each stream. */
export class SqliteAccess {
  readonly path: string;
  readonly #frame: DatabaseFrame;
  #opened: Opened | undefined;

  constructor(path: string, frame: DatabaseFrame) {
    this.path = path;
    this.#frame = frame;
  }

  /** The connections to the file that lies there now. @throws OperatorError DATABASE_UNAVAILABLE */
  async open(): Promise<Opened> {
    const status = await stat(this.path, {bigint: true}).catch((error: unknown) => {
      throw new OperatorError('DATABASE_UNAVAILABLE', `There is no database at ${this.path}.`, {
        hint: 'Correct the database URL of the site in agent.json, or put the file back.',
        cause: error,
      });
    });
    this.#frame.closing.throwIfAborted();
    const file = `${status.dev}:${status.ino}`;
    if (this.#opened?.file !== file) {
      this.close();
      this.#opened = {file, writer: this.workspace(), reader: this.workspace()};
    }
    return this.#opened!;
  }

  close(): void {
    this.#opened?.writer.connection.close();
    this.#opened?.reader.connection.close();
    this.#opened = undefined;
  }

  /** A connection of its own, or another view of one. @param localizer the replacements that values are written with */
  workspace(
    localizer: RowLocalizer = this.#frame.localizer,
    connection: SqliteConnection = new SqliteConnection(this.path),
  ): Workspace {
    return new Workspace(connection, this.#frame.accepts, this.#frame.localizeWith(localizer));
  }

  transactions(workspace: Workspace, signal?: AbortSignal): Transactions {
    return ownTransactions(workspace, {timeoutMs: this.#frame.lockTimeoutMs, signal});
  }

  /** What fails in `task` is named as what it is to the operator. */
  async named<T>(task: () => Promise<T>): Promise<T> {
    return await withOperatorErrors(this.path, task);
  }

  /** Waits while the site holds a lock. */
  async whenFree<T>(task: () => T): Promise<T> {
    return await retryWhileBusy(task, {timeoutMs: this.#frame.lockTimeoutMs});
  }

  /** One consistent read on the reading connection; undefined where the database is not what it has to be yet. */
  async read<T>(task: (workspace: Workspace) => T): Promise<{result: T} | undefined> {
    const {reader} = await this.open();
    const atOnce = () => {
      if (reader.versions.identity() === undefined) return undefined;
      if (reader.versions.replacements() !== this.#frame.localizer.signature) return undefined;
      reader.connection.exec('BEGIN');
      try {
        return {result: task(reader)};
      } finally {
        reader.connection.exec('COMMIT');
      }
    };
    return await this.named(() => this.whenFree(atOnce));
  }

  /** Streams what is read on a connection of its own; in one snapshot where that does not keep the site from writing. */
  async *stream<T>(
    read: (workspace: Workspace, isSnapshot: boolean) => Iterable<T> | AsyncIterable<T>,
  ): AsyncGenerator<T, void> {
    const workspace = this.workspace();
    const slice = new TimeSlice();
    try {
      const isSnapshot = await this.named(() => this.whenFree(() => beginSnapshot(workspace.connection)));
      for await (const item of read(workspace, isSnapshot)) {
        yield item;
        await slice.yieldIfDue();
      }
    } finally {
      workspace.connection.close();
    }
  }
}

/** Begins to read one snapshot. @returns false where that would keep the site from writing, and nothing was begun */
function beginSnapshot(connection: SqliteConnection): boolean {
  const isLogged = connection.get('PRAGMA journal_mode')?.[0] === 'wal';
  if (isLogged && !connection.inTransaction) connection.exec('BEGIN');
  connection.get('SELECT 1 FROM lockstep_meta');
  return isLogged;
}
