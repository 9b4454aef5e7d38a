import type {TableLocalizer} from '../row-localizer.js';
import {retryWhileBusy, type SqliteConnection} from './connection.js';
import {readTables, type SqliteTable} from './schema.js';
import {TableAccess} from './table-access.js';
import {VersionStore} from './version-store.js';

/** A table that takes part, with the number under which it is logged. */
export type WorkTable = {readonly id: bigint; readonly table: SqliteTable; readonly access: TableAccess};

/** How a table's values change on their way in and out (E28). */
export type Localize = (
  table: SqliteTable,
  shapes: ReadonlyMap<string, SqliteTable>,
) => TableLocalizer | undefined;

/** A connection with what is known of the tables behind it. */
export class Workspace {
  readonly connection: SqliteConnection;
  readonly versions: VersionStore;
  readonly #accepts: (table: string) => boolean;
  readonly #localize: Localize;
  #tables = new Map<string, WorkTable>();
  #shapes = new Map<string, SqliteTable>();
  #schemaVersion: unknown;

  constructor(
    connection: SqliteConnection,
    accepts: (table: string) => boolean,
    localize: Localize = () => undefined,
  ) {
    this.connection = connection;
    this.versions = new VersionStore(connection);
    this.#accepts = accepts;
    this.#localize = localize;
  }

  /** Tables that take part, by name, as the schema is now. */
  shapes(): ReadonlyMap<string, SqliteTable> {
    const current = this.connection.get('PRAGMA schema_version')?.[0];
    if (current !== this.#schemaVersion) {
      this.#shapes = readTables(this.connection, this.#accepts);
      this.#schemaVersion = current;
    }
    return this.#shapes;
  }

  /** Tables that take part and are captured, in code point order of their names. */
  tables(): ReadonlyMap<string, WorkTable> {
    const shapes = this.shapes();
    const ids = new Map(
      this.versions.tables().flatMap(state => (state.active ? [[state.name, state.id] as const] : [])),
    );
    const tables = new Map<string, WorkTable>();
    for (const [name, table] of shapes) {
      const id = ids.get(name);
      if (id === undefined) continue;
      const known = this.#tables.get(name);
      tables.set(
        name,
        known?.id === id && known.table === table
          ? known
          : {id, table, access: new TableAccess(this.connection, table, this.#localize(table, shapes))},
      );
    }
    this.#tables = tables;
    return tables;
  }
}

/** How work reaches the database: in transactions of its own in a scan, in the surrounding one in a commit. */
export type Transactions = {
  /** Reads at once; waits while the site holds a lock. */
  read<T>(task: () => T): Promise<T>;
  write<T>(task: () => T | Promise<T>): Promise<T>;
};

export type Write = Transactions['write'];

/** Every piece of work in a transaction of its own, so that the site's writers get in between. */
export function ownTransactions(
  workspace: Workspace,
  options: {timeoutMs: number; signal?: AbortSignal | undefined},
): Transactions {
  const {connection, versions} = workspace;
  return {
    read: task => retryWhileBusy(task, options),
    async write(task) {
      await retryWhileBusy(() => connection.exec('BEGIN IMMEDIATE'), options);
      try {
        versions.begin();
        const result = await task();
        versions.flush();
        await retryWhileBusy(() => connection.exec('COMMIT'), {timeoutMs: options.timeoutMs});
        return result;
      } catch (error) {
        if (connection.inTransaction) connection.exec('ROLLBACK');
        throw error;
      }
    },
  };
}

/** All work in the transaction that is open already. */
export const surroundingTransaction: Transactions = {
  read: async task => task(),
  write: async task => await task(),
};
