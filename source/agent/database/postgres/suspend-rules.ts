import {rowTrigger} from './capture.js';
import {type PgConnection, quote} from './connection.js';
import {sqlState} from './errors.js';
import type {PgTable} from './schema.js';

type Trigger = {readonly name: string; readonly enable: string};
type ForeignKey = {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
  readonly deferred: boolean;
};

/**
 * Keeps the site's own triggers and the database's foreign keys out of a commit, inside its transaction: what the
 * triggers would do has been done where the rows come from, and references are checked at the end, row by row, so that
 * one row can be skipped instead of all being refused (settle-foreign-keys.ts).
 *
 * A user who may say so sets `session_replication_role`, which costs nothing. Else the table's owner switches its
 * triggers off one by one and back on; foreign keys that only check are deferred, and those with an action of their
 * own (CASCADE, SET NULL, RESTRICT, which PostgreSQL never defers) are dropped and made again, which looks at every
 * row of the child once.
 */
export class SuspendedRules {
  readonly #connection: PgConnection;
  readonly #isReplica: boolean;
  readonly #seen = new Set<string>();
  readonly #triggers = new Map<string, {sql: string; triggers: Trigger[]}>();
  readonly #keys = new Map<string, ForeignKey>();

  private constructor(connection: PgConnection, isReplica: boolean) {
    this.#connection = connection;
    this.#isReplica = isReplica;
  }

  /** @param tables that may be written to */
  static async begin(connection: PgConnection, tables: readonly PgTable[]): Promise<SuspendedRules> {
    // A constraint that is checked at COMMIT would refuse the whole instead of a row.
    await connection.run('SET CONSTRAINTS ALL IMMEDIATE');
    // Unique constraints that are deferrable are checked by triggers of the server's own, which a replica does without.
    const [hasDeferrable] = (await connection.row(
      `SELECT count(*) FROM pg_constraint WHERE conrelid = ANY($1::oid[]) AND contype IN ('p', 'u', 'x') AND condeferrable`,
      [tables.map(({oid}) => oid)],
    ))!;
    if (hasDeferrable !== '0') return new SuspendedRules(connection, false);
    const result = await connection.attempt('SET LOCAL session_replication_role = replica', []);
    if ('error' in result && sqlState(result.error) !== '42501') throw result.error;
    return new SuspendedRules(connection, !('error' in result));
  }

  /** To be called before a table is written to for the first time. */
  async suspend(table: PgTable): Promise<void> {
    if (this.#seen.has(table.oid)) return;
    this.#seen.add(table.oid);
    await this.#switchOff(table);
    if (!this.#isReplica) await this.#suspendKeys(table);
  }

  /**
   * Also keeps our own trigger out, which is silent in a commit but called for every row all the same. Where the user may
   * not say so it stays.
   */
  async suspendCapture(table: PgTable): Promise<void> {
    const name = quote(rowTrigger);
    const result = await this.#connection.attempt(`ALTER TABLE ${table.sql} DISABLE TRIGGER ${name}`, []);
    if ('error' in result) return;
    const known = this.#triggers.get(table.oid)?.triggers ?? [];
    this.#triggers.set(table.oid, {sql: table.sql, triggers: [...known, {name, enable: 'ENABLE ALWAYS'}]});
  }

  async #switchOff(table: PgTable): Promise<void> {
    const firing = this.#isReplica ? "'A', 'R'" : "'O', 'A'";
    const rows = await this.#connection.rows(
      `SELECT t.tgname, t.tgenabled FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE t.tgrelid = $1 AND NOT t.tgisinternal AND t.tgenabled IN (${firing}) AND n.nspname <> 'lockstep'`,
      [table.oid],
    );
    if (rows.length === 0) return;
    const enable: Readonly<Record<string, string>> = {O: 'ENABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA'};
    const triggers = rows.map(([name, state]) => ({name: quote(name!), enable: enable[state!]!}));
    this.#triggers.set(table.oid, {sql: table.sql, triggers});
    await this.#connection.run(
      `ALTER TABLE ${table.sql} ${triggers.map(({name}) => `DISABLE TRIGGER ${name}`).join(', ')}`,
    );
  }

  /** Foreign keys of the table and to it. */
  async #suspendKeys(table: PgTable): Promise<void> {
    const rows = await this.#connection.rows(
      `SELECT k.oid, k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid), k.confdeltype IN ('a') AND k.confupdtype IN ('a'), k.condeferrable, k.condeferred,
         (SELECT quote_ident(n.nspname) FROM pg_namespace n WHERE n.oid = k.connamespace)
       FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.conrelid = $1 OR k.confrelid = $1) ORDER BY k.oid`,
      [table.oid],
    );
    for (const [
      oid,
      child,
      name,
      definition,
      checksOnly,
      isDeferrable,
      isDeferred,
      schema,
    ] of rows as string[][]) {
      if (this.#keys.has(oid!)) continue;
      const deferred = checksOnly === 't';
      this.#keys.set(oid!, {table: child!, name: quote(name!), definition: definition!, deferred});
      if (!deferred) {
        await this.#connection.run(`ALTER TABLE ${child} DROP CONSTRAINT ${quote(name!)}`);
        continue;
      }
      if (isDeferrable === 'f' || isDeferred === 'f')
        await this.#connection.run(
          `ALTER TABLE ${child} ALTER CONSTRAINT ${quote(name!)} DEFERRABLE INITIALLY DEFERRED`,
        );
      // By name: deferrable unique constraints stay immediate.
      await this.#connection.run(`SET CONSTRAINTS ${schema}.${quote(name!)} DEFERRED`);
    }
  }

  /** Everything as it was, with what was deferred checked. */
  async restore(): Promise<void> {
    if (this.#keys.size > 0) await this.#connection.run('SET CONSTRAINTS ALL IMMEDIATE');
    for (const {table, name, definition, deferred} of this.#keys.values())
      if (deferred) {
        const declared = /\bDEFERRABLE( INITIALLY DEFERRED)?/.exec(definition);
        const mode =
          declared === null ? 'NOT DEFERRABLE' : `DEFERRABLE ${declared[1] ?? 'INITIALLY IMMEDIATE'}`;
        await this.#connection.run(`ALTER TABLE ${table} ALTER CONSTRAINT ${name} ${mode}`);
      } else await this.#connection.run(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`);
    for (const {sql, triggers} of this.#triggers.values())
      await this.#connection.run(
        `ALTER TABLE ${sql} ${triggers.map(({name, enable}) => `${enable} TRIGGER ${name}`).join(', ')}`,
      );
    if (this.#isReplica) await this.#connection.run('SET LOCAL session_replication_role = origin');
  }
}
