import type pg from 'pg';
import {OperatorError} from '../../../core/operator-error.js';
import type {DatabaseFrame} from '../database-frame.js';
import type {RowLocalizer} from '../row-localizer.js';
import {createPool, PgConnection} from './connection.js';
import {withOperatorErrors} from './errors.js';
import {type Catalog, type Setup, Workspace} from './workspace.js';

/** Connections to a PostgreSQL database, leased from a pool for each piece of work. */
export class PostgresAccess {
  /** The database as messages name it, without its password. */
  readonly name: string;
  /** The tables as the last scan or commit saw them; unknown until one has established who the database is. */
  catalog: Catalog | undefined;
  readonly #frame: DatabaseFrame;
  readonly #setup: Setup;
  readonly #pool: pg.Pool;
  readonly #open = new Set<PgConnection>();

  /** @throws OperatorError INVALID_CONFIGURATION */
  constructor(url: string, frame: DatabaseFrame) {
    if (!URL.canParse(url) || new URL(url).pathname.length < 2)
      throw new OperatorError('INVALID_CONFIGURATION', 'A postgres: URL needs the name of the database.', {
        hint: 'It is written postgres://user:pass@host:port/name.',
      });
    this.name = nameOf(url);
    this.#frame = frame;
    this.#setup = this.setupWith(frame.localizer);
    this.#pool = createPool({url, lockTimeoutMs: frame.lockTimeoutMs});
  }

  /** What takes part, with values as these replacements write them. */
  setupWith(localizer: RowLocalizer): Setup {
    return {accepts: this.#frame.accepts, localize: this.#frame.localizeWith(localizer)};
  }

  /** What fails in `task` is named as what it is to the operator. */
  async named<T>(task: () => Promise<T>): Promise<T> {
    return await withOperatorErrors({name: this.name, lockTimeoutMs: this.#frame.lockTimeoutMs}, task);
  }

  /** A connection for a piece of work. */
  async use<T>(task: (workspace: Workspace) => Promise<T>): Promise<T> {
    return await this.named(async () => {
      const workspace = await this.open();
      try {
        const result = await task(workspace);
        this.#release(workspace.connection);
        return result;
      } catch (error) {
        this.#release(workspace.connection, true);
        throw error;
      }
    });
  }

  /** One consistent read. */
  async read<T>(task: (workspace: Workspace) => Promise<T>): Promise<T> {
    return await this.use(async workspace => {
      const {connection} = workspace;
      await connection.run(beginSnapshot);
      try {
        return await task(workspace);
      } finally {
        await connection.run('COMMIT');
      }
    });
  }

  /** Streams what is read in one snapshot, on a connection of its own. */
  async *stream<T>(read: (workspace: Workspace) => AsyncIterable<T>): AsyncGenerator<T, void> {
    const workspace = await this.named(() => this.open());
    const {connection} = workspace;
    let isWhole = false;
    try {
      await connection.run(beginSnapshot);
      const items = read(workspace)[Symbol.asyncIterator]();
      for (;;) {
        const next = await this.named(() => items.next());
        if (next.done === true) break;
        yield next.value;
      }
      await connection.run('COMMIT');
      isWhole = true;
    } finally {
      this.#release(connection, !isWhole);
    }
  }

  /** A connection whose user ends it by `close`, or gives it back and says so by `forget`. */
  async open(): Promise<Workspace> {
    const {closing} = this.#frame;
    closing.throwIfAborted();
    const connection = await PgConnection.lease(this.#pool);
    this.#open.add(connection);
    if (closing.aborted) {
      this.#release(connection, true);
      closing.throwIfAborted();
    }
    return new Workspace(connection, this.#setup, this.catalog);
  }

  close(connection: PgConnection): void {
    this.#release(connection, true);
  }

  /** The connection was given back by whoever used it. */
  forget(connection: PgConnection): void {
    this.#open.delete(connection);
  }

  async end(): Promise<void> {
    // Streams that nobody reads to their end would keep the pool from ending.
    for (const connection of this.#open) this.#release(connection, true);
    await this.#pool.end();
  }

  #release(connection: PgConnection, close = false): void {
    this.#open.delete(connection);
    connection.release({close});
  }
}

const beginSnapshot = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

function nameOf(url: string): string {
  const {hostname, port, pathname, username} = new URL(url);
  return `The PostgreSQL database ${decodeURIComponent(username)}@${hostname}:${port || '5432'}${decodeURIComponent(pathname)}`;
}
