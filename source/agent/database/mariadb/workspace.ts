import type {TableLocalizer} from '../row-localizer.js';
import type {MariadbConnection} from './connection.js';
import type {MariadbTable} from './schema.js';
import {TableAccess} from './table-access.js';
import {VersionStore} from './version-store.js';

/** A table that takes part, with the number under which it is logged. */
export type WorkTable = {readonly id: number; readonly table: MariadbTable; readonly access: TableAccess};

/** What is known of the site's tables; asked of the server at every scan and commit. */
export type Schema = {
  /** Tables that take part, by name, in code point order. */
  readonly shapes: ReadonlyMap<string, MariadbTable>;
  /** All tables, excluded ones too. */
  readonly all: ReadonlyMap<string, MariadbTable>;
};

/** Whether any table that takes part has no transactions. */
export function hasDirectTables({shapes}: Schema): boolean {
  return [...shapes.values()].some(({transactional}) => !transactional);
}

/** What an operator should know of tables that a transaction cannot take back. */
export function tellDirectTables({shapes}: Schema): string[] {
  const direct = [...shapes.values()].filter(({transactional}) => !transactional);
  if (direct.length === 0) return [];
  const names = direct.map(({name, engine}) => `${name} (${engine})`).join(', ');
  return [
    `Tables without transactions: ${names}. A run writes them last, row by row, and puts back what it wrote if it fails; ENGINE=InnoDB would make them part of its one transaction.`,
  ];
}

/** How a table's values change on their way in and out (E28). */
export type Localize = (
  table: MariadbTable,
  shapes: ReadonlyMap<string, MariadbTable>,
) => TableLocalizer | undefined;

/** A connection with what is known of the tables behind it. */
export class Workspace {
  readonly connection: MariadbConnection;
  readonly versions: VersionStore;
  readonly schema: Schema;
  readonly #localize: Localize;
  #tables: ReadonlyMap<string, WorkTable> | undefined;

  constructor(connection: MariadbConnection, schema: Schema, localize: Localize) {
    this.connection = connection;
    this.#localize = localize;
    this.versions = new VersionStore(connection);
    this.schema = schema;
  }

  /** Tables that take part and are captured, in code point order of their names. */
  async tables(): Promise<ReadonlyMap<string, WorkTable>> {
    if (this.#tables !== undefined) return this.#tables;
    const ids = new Map(
      (await this.versions.tables()).flatMap(state =>
        state.active ? [[state.name, state.id] as const] : [],
      ),
    );
    const tables = new Map<string, WorkTable>();
    for (const [name, table] of this.schema.shapes) {
      const id = ids.get(name);
      if (id !== undefined) tables.set(name, {id, table, access: this.#accessTo(table)});
    }
    this.#tables = tables;
    return tables;
  }

  /** To be called when capture has changed. */
  forgetTables(): void {
    this.#tables = undefined;
  }

  /** The same tables on another connection. */
  on(connection: MariadbConnection): Workspace {
    const other = new Workspace(connection, this.schema, this.#localize);
    if (this.#tables !== undefined)
      other.#tables = new Map(
        [...this.#tables].map(([name, {id, table}]) => [name, {id, table, access: other.#accessTo(table)}]),
      );
    return other;
  }

  #accessTo(table: MariadbTable): TableAccess {
    return new TableAccess(this.connection, table, this.#localize(table, this.schema.shapes));
  }

  /**
   * One transaction of our own versions, in which every read sees the database as it is at its beginning. Small ones,
   * so that the site's writers get in between.
   */
  async write<T>(task: () => Promise<T>): Promise<T> {
    const {connection, versions} = this;
    await connection.beginSnapshot();
    try {
      await versions.begin();
      const result = await task();
      await versions.flush();
      await connection.run('COMMIT');
      return result;
    } catch (error) {
      if (connection.isOpen) await connection.run('ROLLBACK').catch(() => {});
      throw error;
    }
  }
}

/** How work on the versions reaches the database: in transactions of its own in a scan, in the open one in a commit. */
export type Write = <T>(task: () => Promise<T>) => Promise<T>;

export const inOpenTransaction: Write = async task => await task();
