import type {DatabaseScan} from '../../../core/site-description.js';
import type {DatabaseCommit, DatabaseParticipant, ScanOptions, SiteDatabase} from '../../site/ports.js';
import {DatabaseFrame, tellRenewal} from '../database-frame.js';
import type {SiteDatabaseOptions} from '../database-options.js';
import {RowLocalizer} from '../row-localizer.js';
import {describeTables} from '../table-shape.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {beginSqliteCommit} from './commit.js';
import {relocaliseDatabase} from './relocalise-database.js';
import {SqliteAccess} from './sqlite-access.js';
import {SqliteReads} from './sqlite-reads.js';
import {mustSteer, skipIds, steerIds} from './steer-ids.js';
import type {Transactions, Workspace} from './workspace.js';

/**
 * The rows of a SQLite database (DESIGN.md, "Rows"). Opened at first use, so that an agent starts while a database
 * is away. Scans and commits follow one another.
 */
export class SqliteDatabase extends SqliteReads implements SiteDatabase {
  readonly engine = 'sqlite';

  constructor(path: string, options: SiteDatabaseOptions) {
    const frame = new DatabaseFrame(options);
    super(new SqliteAccess(path, frame), frame);
  }

  async scan(options: ScanOptions): Promise<DatabaseScan> {
    const {frame, access} = this;
    const signal = frame.endOf(options.signal);
    return await this.#exclusively(async () => {
      const {writer} = await access.open();
      const transactions = access.transactions(writer, signal);
      const warnings = await this.#establish(writer, transactions);
      warnings.push(...frame.takeWarnings());
      warnings.push(...(await bringUpToDate(writer, transactions, {...options, signal})));
      const number = frame.serverNumber;
      if (number !== undefined && (await transactions.read(() => mustSteer(writer, number))))
        await transactions.write(() => steerIds(writer, number));
      return await transactions.read(() => {
        const identity = writer.versions.identity()!;
        frame.remember(identity);
        const tables = describeTables(writer.shapes(), writer.versions.tables(), frame.tableSettings);
        return {engine: this.engine, ...identity, tables, warnings};
      });
    });
  }

  async skipIds(table: string, highest: bigint): Promise<void> {
    await this.#exclusively(async () => {
      const {writer} = await this.access.open();
      const {write} = this.access.transactions(writer, this.frame.closing);
      await write(() => skipIds(writer, table, highest));
    });
  }

  beginCommit(commit: DatabaseCommit): DatabaseParticipant {
    const {access, frame} = this;
    return frame.beginCommit(turn =>
      beginSqliteCommit({
        ...turn,
        commit,
        named: task => access.named(task),
        whenFree: task => access.whenFree(task),
        open: () =>
          turn.open(async () => {
            const {writer} = await access.open();
            await this.#establish(writer, access.transactions(writer));
            return access.workspace();
          }),
      }),
    );
  }

  async wasCommitted(runId: string, step: string): Promise<boolean> {
    const {reader} = await this.access.open();
    return await this.access.whenFree(
      () =>
        reader.versions.identity() !== undefined &&
        reader.connection.get('SELECT 1 FROM lockstep_run WHERE run = ? AND step = ?', runId, step) !==
          undefined,
    );
  }

  async replaceContent(replace: () => Promise<void>): Promise<void> {
    const {access} = this;
    await this.#exclusively(async () => {
      access.close();
      await replace();
      access.close();
      const {writer} = await access.open();
      await this.#establish(writer, access.transactions(writer));
    });
  }

  /** Ends a scan at its next pause and takes an unfinished commit back. */
  async close(): Promise<void> {
    await this.frame.close(async () => this.access.close());
  }

  async #exclusively<T>(task: () => Promise<T>): Promise<T> {
    return await this.frame.writing.run(() => this.access.named(task));
  }

  /** Makes our tables, notices a copied or restored database and changed replacements. @returns warnings */
  async #establish(workspace: Workspace, {read, write}: Transactions): Promise<string[]> {
    const {versions} = workspace;
    const {memory} = this.frame;
    const {signature} = this.frame.localizer;
    if (await read(() => versions.isContinuationOf(memory) && versions.replacements() === signature))
      return [];
    const {renewed} = await write(() => {
      const established = versions.establish(memory, signature);
      versions.begin();
      return established;
    });
    const warnings = tellRenewal(renewed, memory);
    const known = versions.replacements();
    if (known !== signature)
      warnings.push(
        ...(await write(() =>
          relocaliseDatabase(
            workspace,
            this.access.workspace(RowLocalizer.of(known), workspace.connection),
            signature,
          ),
        )),
      );
    this.frame.remember(versions.identity()!);
    return warnings;
  }
}
