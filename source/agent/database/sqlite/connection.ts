import {DatabaseSync, type StatementSync} from 'node:sqlite';
import {setTimeout as delay} from 'node:timers/promises';
import type {ErrorCode} from '../../../core/error-codes.js';
import {OperatorError} from '../../../core/operator-error.js';

/** What SQLite takes and gives: bigint for integers, number for reals. */
export type SqliteValue = null | bigint | number | string | Uint8Array;
export type SqliteRow = SqliteValue[];

/**
 * A connection to the site's database with a cache of prepared statements. Integers come as bigint, rows as arrays
 * in the order of the selected columns. Foreign keys are off: the apply checks them itself, row by row, so that one
 * row can be skipped instead of all being refused.
 */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #functions = new Set<string>();
  #isUtf8: boolean | undefined;

  constructor(path: string) {
    try {
      this.#database = new DatabaseSync(path, {
        readBigInts: true,
        returnArrays: true,
        enableForeignKeyConstraints: false,
        // Waiting inside SQLite would stop the whole agent; `retryWhileBusy` waits outside.
        timeout: 10,
      });
    } catch (error) {
      throw new OperatorError('DATABASE_UNAVAILABLE', `Cannot open ${path}: ${messageOf(error)}.`, {
        cause: error,
      });
    }
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  run(sql: string, ...values: SqliteValue[]): bigint {
    return BigInt(this.#prepare(sql).run(...values).changes);
  }

  get(sql: string, ...values: SqliteValue[]): SqliteRow | undefined {
    return this.#prepare(sql).get(...values) as unknown as SqliteRow | undefined;
  }

  all(sql: string, ...values: SqliteValue[]): SqliteRow[] {
    return this.#prepare(sql).all(...values) as unknown as SqliteRow[];
  }

  /** Rows one by one; the statement is this iteration's own, so that iterations may be nested. */
  iterate(sql: string, ...values: SqliteValue[]): IterableIterator<SqliteRow> {
    return this.#database.prepare(sql).iterate(...values) as unknown as IterableIterator<SqliteRow>;
  }

  /** Whether text is stored as UTF-8, so that its bytes are what a cast to BLOB gives. */
  get isUtf8(): boolean {
    this.#isUtf8 ??= this.get('PRAGMA encoding')?.[0] === 'UTF-8';
    return this.#isUtf8;
  }

  /**
   * Selects type and value of each column (given as SQL), text as its bytes, for `exactValues`. Where text is stored as
   * UTF-16 there is no text that is not UTF-8, and it is selected as it is.
   */
  exactColumns(columns: readonly string[]): string {
    return columns
      .map(column =>
        this.isUtf8
          ? `typeof(${column}), CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`
          : `typeof(${column}), ${column}`,
      )
      .join(', ');
  }

  /** Makes a function of one argument that statements of this connection may call; nothing in the schema may. */
  define(name: string, compute: (value: SqliteValue) => SqliteValue): void {
    if (this.#functions.has(name)) return;
    this.#functions.add(name);
    this.#database.function(name, {deterministic: true, directOnly: true, useBigIntArguments: true}, compute);
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      if (this.#statements.size >= 500) this.#statements.clear();
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/**
 * Calls `task` until it does not fail because another connection holds a lock.
 * @throws OperatorError DATABASE_LOCKED after `timeoutMs`
 */
export async function retryWhileBusy<T>(
  task: () => T,
  options: {timeoutMs: number; signal?: AbortSignal | undefined},
): Promise<T> {
  const end = performance.now() + options.timeoutMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    options.signal?.throwIfAborted();
    try {
      return task();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() >= end)
        throw new OperatorError(
          'DATABASE_LOCKED',
          `The site's database stayed locked for ${Math.round(options.timeoutMs / 1000)} s.`,
          {hint: 'Look for a transaction that the site leaves open, then run again.', cause: error},
        );
      await delay(pauseMs, undefined, options.signal === undefined ? {} : {signal: options.signal});
    }
  }
}

/** By primary code, what is more than a database that cannot be used. */
const troubles: Readonly<Partial<Record<number, {code: ErrorCode; hint: string}>>> = {
  // SQLITE_IOERR, which a quota that is used up gives too
  10: {
    code: 'DATABASE_UNAVAILABLE',
    hint: 'Look at its disk: full, beyond a quota, or failing? Then run again.',
  },
  // SQLITE_FULL
  13: {code: 'NO_SPACE', hint: 'Free some space on its disk, then run again.'},
};

/** Names SQLite's own failures (disk full, not a database, read-only) as what they are to the operator. */
export async function withOperatorErrors<T>(path: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    const primary = primaryCode(error);
    // SQLITE_ERROR is a wrong statement, and so our own fault.
    if (primary === undefined || primary === 1) throw error;
    const {code, hint} = troubles[primary] ?? {code: 'DATABASE_UNAVAILABLE'};
    throw new OperatorError(code, `The database ${path} cannot be used: ${messageOf(error)}.`, {
      ...(hint === undefined ? {} : {hint}),
      cause: error,
    });
  }
}

/** SQLITE_BUSY or SQLITE_LOCKED, in any of their extended forms. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === 5 || code === 6;
}

/** What kind of constraint refused a statement; undefined for any other error. */
export function constraintOf(error: unknown): 'unique' | 'other' | undefined {
  if (primaryCode(error) !== 19) return undefined;
  const extended = (error as {errcode: number}).errcode;
  // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE, _ROWID
  return extended === 1555 || extended === 2067 || extended === 2579 ? 'unique' : 'other';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function primaryCode(error: unknown): number | undefined {
  const code = (error as {errcode?: unknown} | null)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

/** Quotes an identifier. Backticks, because a double-quoted name that does not exist would be taken for text. */
export function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** Quotes text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
