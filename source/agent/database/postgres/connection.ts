import {setMaxListeners} from 'node:events';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import pg from 'pg';
import {from as copyFrom, to as copyTo} from 'pg-copy-streams';
import {sqlState} from './errors.js';

/** A column value as PostgreSQL writes it: its exact text, nothing parsed. */
export type PgValue = string | null;
export type PgRow = PgValue[];
export type PgParameter = PgValue | number | boolean | readonly PgValue[] | readonly number[];

/**
 * How a session of ours writes and reads values, so that the same value is always the same text: dates as ISO 8601 in
 * UTC, floats in the shortest text that reads back as the same number, money without a national format. Row security
 * that would hide rows is an error instead of a change.
 */
const sessionSettings: Readonly<Record<string, string>> = {
  datestyle: 'ISO,YMD',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
  standard_conforming_strings: 'on',
  row_security: 'off',
  client_min_messages: 'warning',
  default_transaction_isolation: 'read\\ committed',
  default_transaction_read_only: 'off',
  // A commit waits with its transaction open while files are moved; a dead agent's connection ends by itself.
  idle_in_transaction_session_timeout: '0',
  statement_timeout: '0',
  // We read in pages, in the order of an index. A planner that knows nothing of a table yet would read and sort all of it
  // for every page.
  enable_sort: 'off',
  // What has to be sorted all the same looks so dear then that it would be compiled first.
  jit: 'off',
  enable_bitmapscan: 'off',
};

export type PoolOptions = {readonly url: string; readonly lockTimeoutMs: number};

/** How many connections an agent has to one database at most. */
const maxConnections = 8;

/** Connections to one database, made when needed. */
export function createPool({url, lockTimeoutMs}: PoolOptions): pg.Pool {
  const settings = {...sessionSettings, lock_timeout: String(lockTimeoutMs)};
  const options = Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
  const own = new URL(url).searchParams.get('options');
  const pool = new pg.Pool({
    connectionString: withoutOptions(url),
    options: own === null ? options : `${own} ${options}`,
    application_name: 'lockstep',
    // Several statements may be under way at once, so that a row costs one round trip and not three.
    pipeline: true,
    max: maxConnections,
    idleTimeoutMillis: 5000,
    connectionTimeoutMillis: 15_000,
    keepAlive: true,
    allowExitOnIdle: true,
  });
  // A connection that breaks while nobody uses it is replaced when one is needed.
  pool.on('error', () => {});
  return pool;
}

/** Values of the URL's query win over what a driver is told besides, so ours must not be there twice. */
function withoutOptions(url: string): string {
  const parsed = new URL(url);
  parsed.searchParams.delete('options');
  return parsed.href;
}

/** One session: rows as arrays of exact text. Statements that are not awaited follow one another in one round trip. */
export class PgConnection {
  readonly #client: pg.PoolClient;
  #broken = false;
  #released = false;
  #releasing: Promise<unknown> = Promise.resolve();

  private constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  static async lease(pool: pg.Pool): Promise<PgConnection> {
    const connection = new PgConnection(await pool.connect());
    const client = connection.#client;
    setMaxListeners(0, client);
    client.on('error', connection.#noteBroken);
    return connection;
  }

  async rows(sql: string, values: readonly PgParameter[] = []): Promise<PgRow[]> {
    const result = (await this.#client.query({
      text: sql,
      rowMode: 'array',
      types: asText,
      ...(values.length === 0 ? {} : {values: values as unknown[]}),
    })) as unknown as pg.QueryArrayResult<PgRow>;
    return result.rows;
  }

  async row(sql: string, values: readonly PgParameter[] = []): Promise<PgRow | undefined> {
    return (await this.rows(sql, values))[0];
  }

  /** Statements without parameters, or one with. @returns rows that the (last) one changed */
  async run(sql: string, values: readonly PgParameter[] = []): Promise<number> {
    const result = (await (values.length === 0
      ? this.#client.query(sql)
      : this.#client.query(sql, values as unknown[]))) as unknown as pg.QueryResult | pg.QueryResult[];
    return (Array.isArray(result) ? result.at(-1) : result)?.rowCount ?? 0;
  }

  /**
   * A statement that may be refused without harm to the transaction, by the server or because `accepts` does not like
   * its rows; then everything is as before. One round trip as long as it goes well.
   */
  async attempt(
    sql: string,
    values: readonly PgParameter[],
    accepts: (rows: readonly PgRow[]) => boolean = () => true,
  ): Promise<{rows: PgRow[]} | {error: unknown}> {
    const [, result] = await Promise.allSettled([this.run('SAVEPOINT attempt'), this.rows(sql, values)]);
    if (result.status === 'fulfilled' && accepts(result.value)) {
      // Not waited for: what follows is answered after it.
      this.#releasing = this.run('RELEASE SAVEPOINT attempt').catch(() => {});
      return {rows: result.value};
    }
    // Without a state it is not the server that refused: the connection is gone.
    if (result.status === 'rejected' && sqlState(result.reason) === undefined) throw result.reason;
    await this.run('ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt');
    return result.status === 'fulfilled' ? {rows: result.value} : {error: result.reason};
  }

  /** Sends rows in COPY's text format. */
  async copy(sql: string, lines: Iterable<string | Uint8Array>): Promise<void> {
    // COPY answers in between, which statements that are sent ahead do not expect; nothing else is under way here.
    await this.#releasing;
    const client = this.#client as unknown as {pipeline: boolean};
    client.pipeline = false;
    try {
      await pipeline(Readable.from(lines, {objectMode: false}), this.#client.query(copyFrom(sql)));
    } finally {
      client.pipeline = true;
    }
  }

  /** What `COPY … TO STDOUT` sends, cut anywhere. Nothing else may be asked until it is read to its end. */
  async *copyOut(sql: string): AsyncGenerator<Buffer, void> {
    await this.#releasing;
    const client = this.#client as unknown as {pipeline: boolean};
    client.pipeline = false;
    try {
      yield* this.#client.query(copyTo(sql)) as AsyncIterable<Buffer>;
    } finally {
      client.pipeline = true;
    }
  }

  /** Gives the connection back. One that may be in a transaction or is broken is closed instead. */
  release(options: {close?: boolean} = {}): void {
    if (this.#released) return;
    this.#released = true;
    this.#client.off('error', this.#noteBroken);
    this.#client.release(this.#broken || options.close === true);
  }

  readonly #noteBroken = () => {
    this.#broken = true;
  };
}

const asText = {getTypeParser: () => (value: unknown) => value} as unknown as pg.CustomTypesConfig;

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return text.includes('\\')
    ? ` E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`;
}
