import {hash} from 'node:crypto';
import {OperatorError} from '../../../core/operator-error.js';
import {Mutex} from '../../../system/mutex.js';
import type {DatabaseFrame} from '../database-frame.js';
import {MariadbConnection} from './connection.js';
import {type ConnectionTarget, parseConnectionTarget} from './connection-target.js';
import {asDatabaseError} from './server-error.js';
import {literal} from './sql-text.js';
import {type Schema, Workspace} from './workspace.js';

/** Connections to a MariaDB or MySQL database: one for small reads, and one for each scan, commit and stream. */
export class MariadbAccess {
  /** The tables as the last scan or commit saw them. */
  schema: Schema | undefined;
  readonly #target: ConnectionTarget;
  readonly #frame: DatabaseFrame;
  readonly #reading = new Mutex();
  #reader: MariadbConnection | undefined;

  /** @throws OperatorError INVALID_CONFIGURATION */
  constructor(url: string, frame: DatabaseFrame) {
    this.#target = parseConnectionTarget(url);
    this.#frame = frame;
  }

  /** What is known of the tables, on a connection. The schema must be known. */
  workspace(connection: MariadbConnection): Workspace {
    return new Workspace(connection, this.schema!, this.#frame.localizeWith());
  }

  /** One consistent read. The schema must be known. */
  async read<T>(task: (workspace: Workspace) => Promise<T>): Promise<T> {
    return await this.onReader(async connection => {
      await connection.beginSnapshot();
      try {
        return await task(this.workspace(connection));
      } finally {
        if (connection.isOpen) await connection.run('COMMIT');
      }
    });
  }

  /** Streams what is read in one snapshot, on a connection of its own. The schema must be known. */
  async *stream<T>(read: (workspace: Workspace) => AsyncIterable<T>): AsyncGenerator<T, void> {
    const connection = await this.openSnapshot();
    try {
      yield* read(this.workspace(connection));
    } catch (error) {
      throw this.error(error);
    } finally {
      connection.close();
    }
  }

  async onReader<T>(task: (connection: MariadbConnection) => Promise<T>): Promise<T> {
    return await this.#reading.run(() =>
      this.named(async () => {
        if (this.#reader?.isOpen !== true) this.#reader = await this.connect();
        return await task(this.#reader);
      }),
    );
  }

  /** Reads nothing until `task` is done, and then on a connection of its own. */
  async withoutReader(task: () => Promise<void>): Promise<void> {
    await this.#reading.run(async () => {
      this.closeReader();
      await task();
    });
  }

  closeReader(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }

  async openSnapshot(): Promise<MariadbConnection> {
    const connection = await this.connect();
    await connection.beginSnapshot();
    return connection;
  }

  /** A connection that alone may change our tables, also among agents that share the database; until it is closed. */
  async connectAlone(signal: AbortSignal): Promise<MariadbConnection> {
    signal.throwIfAborted();
    const connection = await this.connect();
    const seconds = Math.max(1, Math.ceil(this.#frame.lockTimeoutMs / 1000));
    const name = `lockstep ${hash('sha256', this.#target.database, 'hex').slice(0, 40)}`;
    const [row] = await connection.query(`SELECT GET_LOCK(${literal(name)}, ${seconds})`);
    if (String(row?.[0]) === '1') return connection;
    connection.close();
    throw new OperatorError(
      'DATABASE_LOCKED',
      `Another agent has been at work in ${this.#target.label} for ${seconds} s.`,
      {
        hint: 'Run again when it has ended.',
      },
    );
  }

  async connect(): Promise<MariadbConnection> {
    this.#frame.closing.throwIfAborted();
    return await MariadbConnection.open(this.#target, this.#frame.lockTimeoutMs);
  }

  /** What fails in `task` is named as what it is to the operator. */
  async named<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      throw this.error(error);
    }
  }

  /** The error as what it is to the operator. */
  error(error: unknown): unknown {
    return asDatabaseError(error, this.#target.label, this.#frame.lockTimeoutMs);
  }
}
