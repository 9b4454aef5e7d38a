import {OperatorError} from '../../../core/operator-error.js';
import type {OperationOutcome} from '../../../core/site-description.js';
import type {Position} from '../../../protocol/record-endpoints.js';
import {TimeSlice} from '../../../system/time-slice.js';
import type {DatabaseCommit, DatabaseParticipant} from '../../site/ports.js';
import type {Identity} from '../own-meta.js';
import {RowApplier} from '../row-applier.js';
import {rowChangeOf} from '../row-change.js';
import {settleForeignKeys} from '../settle-foreign-keys.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {retryWhileBusy, withOperatorErrors} from './connection.js';
import {SqliteRowStore} from './sqlite-row-store.js';
import {steerIds} from './steer-ids.js';
import {surroundingTransaction, type Workspace} from './workspace.js';

/** Run markers that are kept; recovery only ever asks for the newest. */
const keptMarkers = 1000;

/**
 * One commit of a run as one SQLite transaction on a connection of its own, held open from `prepare` until `apply`.
 * The write lock keeps the site from changing anything in between.
 */
export function beginSqliteCommit(deps: {
  commit: DatabaseCommit;
  readonly path: string;
  open(): Promise<Workspace>;
  /** Told what the operator should know. */
  warn(warnings: readonly string[]): void;
  /** Told where the database stands after COMMIT. */
  committed(identity: Identity): void;
  /** Number of the server, whose ids the database has to issue (E25). */
  serverNumber(): number | undefined;
  release(): void;
  timeoutMs: number;
}): DatabaseParticipant {
  const {commit, timeoutMs} = deps;
  let workspace: Workspace | undefined;
  let committed = false;
  let before: Position | undefined;
  let after: Position | undefined;
  let identity: Identity | undefined;

  function end(): void {
    if (workspace === undefined) return;
    const {connection} = workspace;
    workspace = undefined;
    try {
      if (connection.inTransaction) connection.exec('ROLLBACK');
    } finally {
      connection.close();
      deps.release();
    }
  }

  async function carryOut(opened: Workspace, strict: boolean): Promise<OperationOutcome[]> {
    const {connection, versions} = opened;
    // Writing out pages before the end takes the lock that readers need; 32 MiB put that off for all but huge commits.
    connection.exec('PRAGMA cache_size = -32768');
    await retryWhileBusy(() => connection.exec('BEGIN IMMEDIATE'), {timeoutMs});
    versions.begin();
    // What the site changed since the scan gets its version first, so that it is seen and not overwritten.
    deps.warn(await bringUpToDate(opened, surroundingTransaction, {}));
    versions.flush();
    const {epoch, seq} = versions.identity()!;
    before = {epoch, seq};

    connection.run('INSERT INTO lockstep_control(run) VALUES (?)', commit.runId);
    const store = new SqliteRowStore(opened);
    const applier = new RowApplier(store, {
      strict,
      stagedRow: index => commit.stagedRow(index),
      stagedTable: table => commit.stagedTable(table),
      stagedImage: table => commit.stagedImage?.(table),
      history: entry => commit.history(entry),
    });
    const slice = new TimeSlice();
    let done = 0;
    let copies = false;
    for await (const operation of commit.operations) {
      await applier.take(operation);
      copies ||= operation.operation.op === 'copy-table' && operation.operation.keyed;
      done++;
      if (slice.isOver) {
        commit.progress?.(done);
        await slice.yieldIfDue();
      }
    }
    await applier.settle();
    await settleForeignKeys(store, applier);
    for (const entry of store.journal.entries()) {
      await commit.history(rowChangeOf(entry));
      if (slice.isOver) await slice.yieldIfDue();
    }
    commit.progress?.(done);

    // Rows of a higher block may have come, and SQLite would go on after them.
    const number = deps.serverNumber();
    if (number !== undefined) steerIds(opened, number);
    store.restoreTriggers();
    connection.run('DELETE FROM lockstep_control');
    connection.run('INSERT OR IGNORE INTO lockstep_run(run, step) VALUES (?, ?)', commit.runId, commit.step);
    if (commit.lineage !== undefined) versions.setLineage(commit.lineage);
    // A copied table's old versions leave no tombstones, so what others have seen of it says nothing any more.
    if (copies) versions.renewEpoch();
    versions.flush();
    identity = versions.identity()!;
    after = {epoch: identity.epoch, seq: identity.seq};
    return [...applier.outcomes.values()].sort((a, b) => a.index - b.index);
  }

  return {
    async prepare({strict}) {
      workspace = await deps.open();
      try {
        const opened = workspace;
        return await withOperatorErrors(deps.path, () => carryOut(opened, strict));
      } catch (error) {
        end();
        throw error;
      }
    },
    async apply() {
      if (workspace === undefined) throw new Error('apply without prepare');
      const {connection} = workspace;
      // A disk may turn out to be full only now.
      await withOperatorErrors(deps.path, () => retryWhileBusy(() => connection.exec('COMMIT'), {timeoutMs}));
      committed = true;
      if (identity !== undefined) deps.committed(identity);
    },
    async undo() {
      if (committed) throw new OperatorError('INVALID_STATE', 'The database has been committed already.');
      end();
    },
    async finish() {
      if (workspace === undefined) return;
      try {
        workspace.connection.run(
          'DELETE FROM lockstep_run WHERE run NOT IN (SELECT DISTINCT run FROM lockstep_run ORDER BY run DESC LIMIT ?)',
          BigInt(keptMarkers),
        );
      } catch {
        // Housekeeping waits for another run when the site is writing just now.
      }
      end();
    },
    positions() {
      if (before === undefined || after === undefined) throw new Error('positions before prepare');
      return {before, after};
    },
  };
}
