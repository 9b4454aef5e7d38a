import type {TableLocalizer} from '../row-localizer.js';
import type {PgConnection} from './connection.js';
import {advisoryLock} from './own-schema.js';
import {type PgTable, readTables} from './schema.js';
import {VersionStore} from './version-store.js';

/** A table that takes part, with the number under which it is logged. */
export type WorkTable = {readonly id: number; readonly table: PgTable};

/** Tables that take part and are captured, in code point order of their names. */
export type Catalog = ReadonlyMap<string, WorkTable>;

/** What of a database takes part, and how its values change on their way in and out (E28). */
export type Setup = {
  accepts(table: string): boolean;
  localize(table: PgTable, shapes: ReadonlyMap<string, PgTable>): TableLocalizer | undefined;
};

/** A session with what is known of the tables behind it. */
export class Workspace {
  readonly connection: PgConnection;
  readonly versions: VersionStore;
  readonly #setup: Setup;
  #shapes: ReadonlyMap<string, PgTable> = new Map();
  #all: ReadonlyMap<string, PgTable> = new Map();
  #tables: Catalog = new Map();

  constructor(connection: PgConnection, setup: Setup, known?: Catalog) {
    this.connection = connection;
    this.versions = new VersionStore(connection);
    this.#setup = setup;
    if (known !== undefined) {
      this.#tables = known;
      this.#shapes = new Map([...known].map(([name, {table}]) => [name, table]));
    }
  }

  /** Looks at the schema as it is now. */
  async refresh(): Promise<void> {
    const {taking, all} = await readTables(this.connection, this.#setup.accepts);
    this.#shapes = new Map(
      [...taking].map(([name, table]) => [name, {...table, localizer: this.#setup.localize(table, taking)}]),
    );
    this.#all = all;
    await this.refreshTables();
  }

  /** Looks again which of the tables are captured. */
  async refreshTables(): Promise<void> {
    const ids = new Map(
      (await this.versions.tables()).flatMap(state =>
        state.active ? [[state.name, state.id] as const] : [],
      ),
    );
    this.#tables = new Map(
      [...this.#shapes].flatMap(([name, table]) => {
        const id = ids.get(name);
        return id === undefined ? [] : [[name, {id, table}] as const];
      }),
    );
  }

  get shapes(): ReadonlyMap<string, PgTable> {
    return this.#shapes;
  }

  /** Also those that are excluded. */
  get allTables(): ReadonlyMap<string, PgTable> {
    return this.#all;
  }

  get tables(): Catalog {
    return this.#tables;
  }
}

/** Runs a piece of work that changes our tables in a transaction. */
export type Write = <T>(task: () => Promise<T>) => Promise<T>;

/** Each piece of work in a transaction of its own, one writer of ours at a time, whatever process it is in. */
export function ownTransactions({connection, versions}: Workspace): Write {
  return async task => {
    try {
      await beginWriting(connection);
      await versions.begin();
      const result = await task();
      await versions.flush();
      await connection.run('COMMIT');
      return result;
    } catch (error) {
      await connection.run('ROLLBACK').catch(() => {});
      throw error;
    }
  };
}

/** All work in the transaction that is open already. */
export const surroundingTransaction: Write = async task => await task();

/**
 * Every statement sees what was committed before it (READ COMMITTED): a lock that was waited for is followed by a look
 * at what its holder did.
 */
export async function beginWriting(connection: PgConnection): Promise<void> {
  await Promise.all([
    connection.run('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE'),
    connection.run(`SELECT pg_advisory_xact_lock(${advisoryLock})`),
    connection.run("SELECT set_config('lockstep.off', '1', true)"),
  ]);
}
