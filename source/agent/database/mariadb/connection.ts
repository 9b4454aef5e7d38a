import {type EventEmitter, once} from 'node:events';
import {Readable, type Writable} from 'node:stream';
import {type Connection, createConnection} from 'mysql2';
import {OperatorError} from '../../../core/operator-error.js';
import {passed} from '../../memory.js';
import type {ConnectionTarget} from './connection-target.js';
import {asDatabaseError} from './server-error.js';

/** A row as the server prints it: the bytes of every column, NULL as null. */
export type Row = readonly (Buffer | null)[];
/** What a statement without rows did. */
export type Done = {readonly affectedRows: number};

/** How long a connection may take to come about, in milliseconds. */
const connectTimeoutMs = 10_000;
/** After so long without a statement the server takes the agent for dead, and lets go of what it had locked. */
const idleSeconds = 600;
/** How much longer than a lock a statement may take before the server counts as gone. Large tables are emptied in one. */
const answerTimeoutMs = 3_600_000;
/** Bytes of lines that are sent in one packet. */
const lineBytes = 64 * 1024;

/**
 * A connection whose session gives exact values: everything in UTC and utf8mb4, strict, an id of 0 stays 0, invalid
 * and zero dates are allowed because the site may have them. Foreign keys are not enforced: the apply checks them
 * itself, row by row, so that one row can be skipped instead of all being refused; nothing cascades either.
 */
export class MariadbConnection {
  readonly isMariadb: boolean;
  /** Bytes that a statement or a row may have. */
  readonly packetBytes: number;
  readonly label: string;
  readonly timeoutMs: number;
  readonly #connection: Connection;
  #isOpen = true;

  private constructor(connection: Connection, target: ConnectionTarget, timeoutMs: number, facts: Row) {
    this.#connection = connection;
    this.label = target.label;
    this.timeoutMs = timeoutMs;
    this.isMariadb = /mariadb/i.test(String(facts[0]));
    this.packetBytes = Number(facts[1]);
    connection.on('error', () => {
      this.#isOpen = false;
    });
    connection.on('end', () => {
      this.#isOpen = false;
    });
  }

  /**
   * @param timeoutMs how long to wait for a lock that the site holds
   * @throws OperatorError DATABASE_UNAVAILABLE
   */
  static async open(target: ConnectionTarget, timeoutMs: number): Promise<MariadbConnection> {
    const connection = createConnection({
      ...(target.socketPath === undefined
        ? {host: target.host, port: target.port}
        : {socketPath: target.socketPath}),
      user: target.user,
      password: target.password,
      database: target.database,
      charset: 'utf8mb4_general_ci',
      connectTimeout: connectTimeoutMs,
      multipleStatements: true,
      // Rows matched, not rows changed.
      flags: ['FOUND_ROWS'],
      typeCast: false,
      // Statements are whole; nothing in them is a placeholder.
      queryFormat: sql => sql,
      rowsAsArray: true,
      enableKeepAlive: true,
      ...(target.tls ? {ssl: {}} : {}),
    });
    const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
    try {
      await new Promise<void>((resolve, reject) => {
        connection.once('error', reject);
        connection.connect(error => (error ? reject(error) : resolve()));
      });
      const results = await send<unknown[]>(
        connection,
        `SET NAMES utf8mb4;
         SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION',
           foreign_key_checks = 0, unique_checks = 1, autocommit = 1, sql_auto_is_null = 0, sql_safe_updates = 0,
           innodb_lock_wait_timeout = ${seconds}, lock_wait_timeout = ${seconds},
           net_write_timeout = 3600, net_read_timeout = 3600, wait_timeout = ${idleSeconds};
         SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
         SELECT VERSION(), @@max_allowed_packet`,
        connectTimeoutMs,
      );
      const facts = (results.at(-1) as Row[])[0]!;
      checkVersion(String(facts[0]), target.label);
      // What an administrator limits for the site's own requests is too short for whole tables and long commits.
      const limits = /mariadb/i.test(String(facts[0]))
        ? 'max_statement_time = 0, idle_transaction_timeout = 0, idle_write_transaction_timeout = 0, idle_readonly_transaction_timeout = 0'
        : 'max_execution_time = 0';
      await send(connection, `SET SESSION ${limits}`, connectTimeoutMs);
      connection.removeAllListeners('error');
      return new MariadbConnection(connection, target, timeoutMs, facts);
    } catch (error) {
      connection.on('error', () => {});
      connection.destroy();
      throw asDatabaseError(error, target.label, timeoutMs);
    }
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The rows of one statement. */
  async query(sql: string): Promise<readonly Row[]> {
    return (await this.#send<unknown>(sql)) as Row[];
  }

  /** One statement without rows. */
  async run(sql: string): Promise<Done> {
    return await this.#send<Done>(sql);
  }

  /** Several statements in one message: what each gives. None after one that fails is carried out. */
  async runAll(statements: readonly string[]): Promise<readonly (readonly Row[] | Done)[]> {
    if (statements.length === 1) return [await this.#send<readonly Row[] | Done>(statements[0]!)];
    return await this.#send(statements.join(';'));
  }

  /** Rows one by one, as fast as they are taken. Nothing else can be asked meanwhile; ends the connection when left early. */
  async *stream(sql: string): AsyncGenerator<Row> {
    let finished = false;
    const stream = this.#connection.query({sql}).stream({highWaterMark: 256});
    try {
      for await (const row of stream) yield row as Row;
      finished = true;
    } catch (error) {
      throw this.#asError(error);
    } finally {
      if (!finished) this.close();
    }
  }

  /** The first column of a statement's rows, joined to pieces of about `size` bytes. Otherwise as `stream`. */
  async *bytes(sql: string, size: number): AsyncGenerator<Buffer> {
    const connection = this.#connection;
    const pieces: Buffer[] = [];
    let parts: Buffer[] = [];
    let gathered = 0;
    let outcome: {error?: unknown} | undefined;
    let wake = () => {};
    // Events, because a stream of objects costs more for each row than the server needs to make it.
    const query = connection.query({sql}) as unknown as EventEmitter;
    query.on('result', ([value]: Row) => {
      if (value === null || value === undefined) return;
      parts.push(value);
      gathered += value.length;
      if (gathered < size) return;
      pieces.push(Buffer.concat(parts));
      passed(2 * gathered);
      parts = [];
      gathered = 0;
      connection.pause();
      wake();
    });
    query.on('error', error => {
      outcome = {error};
      wake();
    });
    query.on('end', () => {
      outcome ??= {};
      wake();
    });
    try {
      for (;;) {
        const piece = pieces.shift();
        if (piece !== undefined) yield piece;
        else if (outcome !== undefined) break;
        else {
          const woken = new Promise<void>(resolve => {
            wake = resolve;
          });
          connection.resume();
          await woken;
        }
      }
      if (outcome.error !== undefined) throw this.#asError(outcome.error);
      if (gathered > 0) yield Buffer.concat(parts);
    } finally {
      if (outcome === undefined) this.close();
    }
  }

  /** Sends lines for `LOAD DATA LOCAL INFILE`. */
  async load(sql: string, pieces: Iterable<Buffer>): Promise<Done> {
    const lines = this.#asTaken(pieces);
    try {
      return await send<Done>(this.#connection, sql, this.timeoutMs + answerTimeoutMs, () =>
        Readable.from(lines, {objectMode: false}),
      );
    } catch (error) {
      throw this.#asError(error);
    }
  }

  /** No faster than the server takes them: what it has not taken yet is kept in memory. */
  async *#asTaken(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
    const {stream: socket} = this.#connection as unknown as {stream: Writable};
    for (const piece of pieces)
      for (let from = 0; from < piece.length; from += lineBytes) {
        if (socket.writableNeedDrain)
          await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
        if (socket.destroyed) return;
        // Each is copied into a packet.
        passed(2 * lineBytes);
        yield piece.subarray(from, from + lineBytes);
      }
  }

  /** A transaction that sees the database as it is at its beginning. */
  async beginSnapshot(): Promise<void> {
    await this.runAll([
      'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
      'START TRANSACTION WITH CONSISTENT SNAPSHOT',
    ]);
  }

  /** Keeps the server from taking a connection for dead on which nothing happens for long, until it is closed. */
  stayAlive(): void {
    const timer = setInterval(
      () => {
        if (this.#isOpen) this.run('DO 1').catch(() => {});
        else clearInterval(timer);
      },
      (idleSeconds * 1000) / 10,
    );
    timer.unref();
  }

  /** Ends the connection at once; the server takes back what is not committed. */
  close(): void {
    this.#isOpen = false;
    this.#connection.removeAllListeners('error');
    this.#connection.on('error', () => {});
    this.#connection.destroy();
  }

  async #send<T>(sql: string): Promise<T> {
    if (Buffer.byteLength(sql) > this.packetBytes - 1024)
      throw Object.assign(new Error(`it is larger than max_allowed_packet (${this.packetBytes} bytes)`), {
        errno: 1406,
        code: 'ER_DATA_TOO_LONG',
        sqlState: '22001',
      });
    try {
      return await send<T>(this.#connection, sql, this.timeoutMs + answerTimeoutMs);
    } catch (error) {
      if ((error as {fatal?: boolean}).fatal === true) this.close();
      throw this.#asError(error);
    }
  }

  /** Errors of statements stay as they are, for whoever knows what they mean. */
  #asError(error: unknown): unknown {
    return this.#isOpen ? error : asDatabaseError(error, this.label, this.timeoutMs);
  }
}

async function send<T>(
  connection: Connection,
  sql: string,
  timeout: number,
  infileStreamFactory?: () => Readable,
): Promise<T> {
  const options = {sql, timeout, ...(infileStreamFactory === undefined ? {} : {infileStreamFactory})};
  return await new Promise<T>((resolve, reject) => {
    connection.query(options, (error, result) => (error ? reject(error) : resolve(result as T)));
  });
}

/** Older ones lack what capture is made of: several triggers for one event, window over cascades, exact JSON. */
function checkVersion(version: string, label: string): void {
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version.replace(/^5\.5\.5-/, '')) ?? [])
    .slice(1)
    .map(Number);
  const isMariadb = /mariadb/i.test(version);
  if (isMariadb ? major > 10 || (major === 10 && minor >= 3) : major >= 8) return;
  throw new OperatorError('DATABASE_UNAVAILABLE', `The server of ${label} is too old: ${version}.`, {
    hint: 'Lockstep needs MariaDB 10.3 or MySQL 8.0, or newer.',
  });
}
