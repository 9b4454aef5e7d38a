import {OperatorError} from '../../../core/operator-error.js';
import type {DatabaseScan} from '../../../core/site-description.js';
import type {DatabaseCommit, DatabaseParticipant, ScanOptions, SiteDatabase} from '../../site/ports.js';
import {DatabaseFrame, tellRenewal} from '../database-frame.js';
import type {SiteDatabaseOptions} from '../database-options.js';
import {isContinuation} from '../own-meta.js';
import {RowLocalizer} from '../row-localizer.js';
import {describeTables} from '../table-shape.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {beginPostgresCommit} from './commit.js';
import {PostgresAccess} from './postgres-access.js';
import {PostgresReads} from './postgres-reads.js';
import {relocaliseDatabase} from './relocalise-database.js';
import {mustSteer, skipIds, steerIds} from './steer-ids.js';
import {ownTransactions, Workspace, type Write} from './workspace.js';

/** Older ones do not write floats in the shortest exact text. */
const oldestServer = 120_000;

/**
 * The rows of a PostgreSQL database (DESIGN.md, "Rows"): the tables of the first schema in the connection's search
 * path, `public` unless the database says otherwise. Connects at first use, so that an agent starts while a database
 * is away. Scans and commits follow one another.
 */
export class PostgresDatabase extends PostgresReads implements SiteDatabase {
  readonly engine = 'postgres';

  /** @throws OperatorError INVALID_CONFIGURATION */
  constructor(url: string, options: SiteDatabaseOptions) {
    const frame = new DatabaseFrame(options);
    super(new PostgresAccess(url, frame), frame);
  }

  async scan(options: ScanOptions): Promise<DatabaseScan> {
    const {frame, access} = this;
    const signal = frame.endOf(options.signal);
    return await frame.writing.run(() =>
      access.use(async workspace => {
        const write = ownTransactions(workspace);
        const warnings = await this.#establish(workspace, write);
        await workspace.refresh();
        warnings.push(...frame.takeWarnings());
        warnings.push(...(await bringUpToDate(workspace, write, {...options, signal})));
        const number = frame.serverNumber;
        if (number !== undefined && (await mustSteer(workspace, number)))
          await write(() => steerIds(workspace, number));
        access.catalog = workspace.tables;
        const identity = (await workspace.versions.identity())!;
        frame.remember(identity);
        const states = await workspace.versions.tables();
        const tables = describeTables(workspace.shapes, states, frame.tableSettings);
        return {engine: this.engine, ...identity, tables, warnings};
      }),
    );
  }

  async skipIds(table: string, highest: bigint): Promise<void> {
    const number = this.frame.serverNumber;
    if (number === undefined) return;
    await this.frame.writing.run(() =>
      this.access.use(async workspace => {
        await workspace.refresh();
        await ownTransactions(workspace)(() => skipIds(workspace, table, highest, number));
      }),
    );
  }

  beginCommit(commit: DatabaseCommit): DatabaseParticipant {
    const {access} = this;
    let opened: Workspace | undefined;
    return this.frame.beginCommit(turn =>
      beginPostgresCommit({
        ...turn,
        commit,
        named: task => access.named(task),
        open: () =>
          turn.open(async () => {
            const workspace = await access.open();
            try {
              await access.named(() => this.#establish(workspace, ownTransactions(workspace)));
            } catch (error) {
              access.close(workspace.connection);
              throw error;
            }
            opened = workspace;
            return workspace;
          }),
        committed: identity => {
          access.catalog = opened?.tables ?? access.catalog;
          turn.committed(identity);
        },
        release: () => {
          if (opened !== undefined) access.forget(opened.connection);
          turn.release();
        },
      }),
    );
  }

  async wasCommitted(runId: string, step: string): Promise<boolean> {
    return await this.access.use(async ({connection, versions}) => {
      if ((await versions.identity()) === undefined) return false;
      const row = await connection.row('SELECT 1 FROM lockstep.run WHERE run = $1 AND step = $2', [
        runId,
        step,
      ]);
      return row !== undefined;
    });
  }

  async replaceContent(replace: () => Promise<void>): Promise<void> {
    const {access} = this;
    await this.frame.writing.run(async () => {
      await replace();
      // Its tables have other numbers now, even if they are the same.
      access.catalog = undefined;
      await access.use(async workspace => {
        await this.#establish(workspace, ownTransactions(workspace));
      });
    });
  }

  /** Ends a scan at its next statement and takes an unfinished commit back. */
  async close(): Promise<void> {
    await this.frame.close(() => this.access.end());
  }

  /** Makes our tables, notices a copied or restored database and changed replacements. @returns warnings */
  async #establish(workspace: Workspace, write: Write): Promise<string[]> {
    const {connection, versions} = workspace;
    const version = Number((await connection.row('SHOW server_version_num'))?.[0]);
    if (version < oldestServer)
      throw new OperatorError(
        'DATABASE_UNAVAILABLE',
        `${this.access.name} is of version ${Math.floor(version / 10_000)}; Lockstep needs PostgreSQL 12 or newer.`,
      );
    const {memory} = this.frame;
    const {signature} = this.frame.localizer;
    const present = await versions.known();
    if (isContinuation(present, memory) && present?.replacements === signature) return [];
    const {renewed} = await write(async () => {
      const established = await versions.establish(memory, signature);
      await versions.begin();
      return established;
    });
    const warnings = tellRenewal(renewed, memory);
    const known = await versions.known();
    if (known!.replacements !== signature)
      warnings.push(
        ...(await relocaliseDatabase(
          workspace,
          new Workspace(connection, this.access.setupWith(RowLocalizer.of(known!.replacements))),
          signature,
        )),
      );
    this.frame.remember((await versions.identity())!);
    return warnings;
  }
}
