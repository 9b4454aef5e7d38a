import type {DatabaseScan} from '../../../core/site-description.js';
import type {
  DatabaseCommit,
  DatabaseParticipant,
  Progress,
  ScanOptions,
  SiteDatabase,
} from '../../site/ports.js';
import {DatabaseFrame, tellRenewal} from '../database-frame.js';
import type {SiteDatabaseOptions} from '../database-options.js';
import {RowLocalizer} from '../row-localizer.js';
import {describeTables} from '../table-shape.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {beginMariadbCommit} from './commit.js';
import type {MariadbConnection} from './connection.js';
import {MariadbAccess} from './mariadb-access.js';
import {MariadbReads} from './mariadb-reads.js';
import {relocaliseDatabase} from './relocalise-database.js';
import {readTables} from './schema.js';
import {literal} from './sql-text.js';
import {skipIds, steerIds} from './steer-ids.js';
import {dropCopies, putBack} from './undo-log.js';
import {hasDirectTables, tellDirectTables, Workspace} from './workspace.js';

/**
 * The rows of a MariaDB or MySQL database (DESIGN.md, "Rows"). Connects at first use, so that an agent starts while a
 * database is away. Scans and commits follow one another, also those of another agent at the same database.
 */
export class MariadbDatabase extends MariadbReads implements SiteDatabase {
  readonly engine = 'mysql';

  /** @throws OperatorError INVALID_CONFIGURATION */
  constructor(url: string, options: SiteDatabaseOptions) {
    const frame = new DatabaseFrame(options);
    super(new MariadbAccess(url, frame), frame);
  }

  async scan(options: ScanOptions): Promise<DatabaseScan> {
    const {frame} = this;
    const signal = frame.endOf(options.signal);
    return await this.#alone(signal, async connection => {
      const warnings = frame.takeWarnings();
      const workspace = await this.#bringUpToDate(connection, {...options, signal}, warnings);
      const {versions, schema} = workspace;
      const number = frame.serverNumber;
      if (number !== undefined) await steerIds(connection, schema.shapes, number, signal);
      const identity = (await versions.identity())!;
      frame.remember(identity);
      return {
        engine: this.engine,
        ...identity,
        tables: describeTables(schema.shapes, await versions.tables(), frame.tableSettings),
        warnings: [...warnings, ...tellDirectTables(schema)],
      };
    });
  }

  async skipIds(table: string, highest: bigint): Promise<void> {
    const {access, frame} = this;
    await frame.writing.run(() =>
      access.named(async () => {
        const connection = await access.connect();
        try {
          await skipIds(connection, access.schema?.shapes ?? new Map(), table, highest, frame.closing);
        } finally {
          connection.close();
        }
      }),
    );
  }

  beginCommit(commit: DatabaseCommit): DatabaseParticipant {
    const {access, frame} = this;
    return frame.beginCommit(turn =>
      beginMariadbCommit({
        ...turn,
        commit,
        named: task => access.named(task),
        open: () =>
          turn.open(() =>
            access.named(async () => {
              const signal = frame.closing;
              const connection = await access.connectAlone(signal);
              const warnings: string[] = [];
              try {
                // Statements on the schema would end the commit's transaction, so they come before it.
                const workspace = await this.#bringUpToDate(connection, {signal}, warnings);
                return {workspace, side: await access.connect()};
              } catch (error) {
                connection.close();
                throw error;
              } finally {
                turn.warn(warnings);
              }
            }),
          ),
      }),
    );
  }

  async wasCommitted(runId: string, step: string): Promise<boolean> {
    const of = `WHERE run = ${literal(runId)} AND step = ${literal(step)}`;
    const found = await this.access.onReader(async connection => {
      const tables = await connection.query(
        "SELECT LOWER(TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('lockstep_run', 'lockstep_undo')",
      );
      const has = async (table: string) =>
        tables.some(([name]) => String(name) === table) &&
        (await connection.query(`SELECT 1 FROM ${table} ${of} LIMIT 1`)).length > 0;
      return {marker: await has('lockstep_run'), halfDone: await has('lockstep_undo')};
    });
    // Recovery asks, and a commit of ours that is still open puts its own back.
    if (!found.marker && found.halfDone && !this.frame.isCommitting) await this.scan({});
    return found.marker;
  }

  async replaceContent(replace: () => Promise<void>): Promise<void> {
    const {access} = this;
    const signal = this.frame.closing;
    // Holds off another agent at the same database, too.
    await this.#alone(signal, async connection => {
      await access.withoutReader(async () => {
        await replace();
        access.schema = undefined;
      });
      await this.#bringUpToDate(connection, {signal}, []);
    });
  }

  /** Ends a scan at its next pause and takes an unfinished commit back. */
  async close(): Promise<void> {
    await this.frame.close(async () => this.access.closeReader());
  }

  /** Work on a connection that alone may change our tables. */
  async #alone<T>(signal: AbortSignal, task: (connection: MariadbConnection) => Promise<T>): Promise<T> {
    const {access} = this;
    return await this.frame.writing.run(() =>
      access.named(async () => {
        const connection = await access.connectAlone(signal);
        try {
          return await task(connection);
        } finally {
          connection.close();
        }
      }),
    );
  }

  /** Our tables, the identity, capture and all versions as the site is now. */
  async #bringUpToDate(
    connection: MariadbConnection,
    options: {signal: AbortSignal; progress?: Progress; verify?: boolean},
    warnings: string[],
  ): Promise<Workspace> {
    const {access, frame} = this;
    const {signature} = frame.localizer;
    const schema = await readTables(connection, frame.accepts);
    access.schema = schema;
    const workspace = access.workspace(connection);
    const {versions} = workspace;
    await versions.createTables(hasDirectTables(schema));
    const {memory} = frame;
    if (!(await versions.isContinuationOf(memory))) {
      const {identity, renewed} = await versions.establish(memory, signature);
      frame.remember(identity);
      warnings.push(...tellRenewal(renewed, memory));
    }
    await this.#putBack(workspace);
    const openSnapshot = () => access.openSnapshot();
    const written = await versions.replacements();
    if (written !== signature) {
      const before = new Workspace(connection, schema, frame.localizeWith(RowLocalizer.of(written)));
      await bringUpToDate(before, {...options, openSnapshot});
      warnings.push(...(await relocaliseDatabase(workspace, before, signature, openSnapshot)));
    }
    warnings.push(...(await bringUpToDate(workspace, {...options, openSnapshot})));
    return workspace;
  }

  /** What a commit that never came to its end left in tables without transactions. */
  async #putBack(workspace: Workspace): Promise<void> {
    const {connection} = workspace;
    if (!hasDirectTables(workspace.schema)) return;
    if ((await connection.query('SELECT 1 FROM lockstep_undo LIMIT 1')).length === 0) return;
    await connection.run('SET @lockstep_off = 1');
    await putBack(workspace);
    await connection.run('SET @lockstep_off = NULL');
    await dropCopies(connection);
  }
}
