import {OperatorError} from '../../../core/operator-error.js';
import type {OperationOutcome} from '../../../core/site-description.js';
import type {Position} from '../../../protocol/record-endpoints.js';
import {TimeSlice} from '../../../system/time-slice.js';
import type {DatabaseCommit, DatabaseParticipant, IndexedOperation} from '../../site/ports.js';
import {operationRows} from '../operation-rows.js';
import type {Identity} from '../own-meta.js';
import {RowApplier} from '../row-applier.js';
import {rowChangeOf} from '../row-change.js';
import {settleForeignKeys} from '../settle-foreign-keys.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {PostgresRowStore} from './postgres-row-store.js';
import {steerIds} from './steer-ids.js';
import {SuspendedRules} from './suspend-rules.js';
import {beginWriting, surroundingTransaction, type Workspace} from './workspace.js';

/** Run markers that are kept; recovery only ever asks for the newest. */
const keptMarkers = 1000;
/** Operations whose rows are fetched at once. */
const fetchedAhead = 200;

/**
 * One commit of a run as one PostgreSQL transaction, held open from `prepare` until `apply`. It locks the tables that
 * it names, and those that they refer to, against writing: the site may read them meanwhile, and goes on to write
 * when the commit is over.
 */
export function beginPostgresCommit(deps: {
  commit: DatabaseCommit;
  open(): Promise<Workspace>;
  /** Told what the operator should know. */
  warn(warnings: readonly string[]): void;
  /** Told where the database stands after COMMIT. */
  committed(identity: Identity): void;
  /** Number of the server, whose ids the database has to issue (E25). */
  serverNumber(): number | undefined;
  release(): void;
  named<T>(task: () => Promise<T>): Promise<T>;
}): DatabaseParticipant {
  const {commit} = deps;
  let workspace: Workspace | undefined;
  let committed = false;
  let before: Position | undefined;
  let after: Position | undefined;
  let identity: Identity | undefined;

  async function end(): Promise<void> {
    if (workspace === undefined) return;
    const {connection} = workspace;
    workspace = undefined;
    try {
      if (!committed) await connection.run('ROLLBACK');
      connection.release();
    } catch {
      // The server takes back what a connection that is closed has not committed.
      connection.release({close: true});
    } finally {
      deps.release();
    }
  }

  async function carryOut(opened: Workspace, strict: boolean): Promise<OperationOutcome[]> {
    const {connection, versions} = opened;
    await beginWriting(connection);
    await opened.refresh();
    await lockTables(opened, commit.tables);
    // As it is now that nobody alters the locked tables any more.
    await opened.refresh();
    await versions.begin();
    // What the site changed since the scan gets its version first, so that it is seen and not overwritten.
    deps.warn(await bringUpToDate(opened, surroundingTransaction, {}));
    await versions.flush();
    const {epoch, seq} = (await versions.identity())!;
    before = {epoch, seq};

    const rules = await SuspendedRules.begin(
      connection,
      [...commit.tables].flatMap(name => opened.shapes.get(name) ?? []),
    );
    const store = new PostgresRowStore(opened, rules);
    try {
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
      for await (const lot of lots(commit.operations)) {
        await store.prefetch(operationRows(lot));
        for (const operation of lot) {
          await applier.take(operation);
          copies ||= operation.operation.op === 'copy-table' && operation.operation.keyed;
          done++;
          if (!slice.isOver) continue;
          commit.progress?.(done);
          await slice.yieldIfDue();
        }
      }
      await store.prefetch([]);
      await applier.settle();
      await settleForeignKeys(store, applier);
      for (const entry of store.journal.entries()) {
        await commit.history(rowChangeOf(entry));
        if (slice.isOver) await slice.yieldIfDue();
      }
      commit.progress?.(done);

      await rules.restore();
      const number = deps.serverNumber();
      if (number !== undefined) await steerIds(opened, number);
      await connection.run('INSERT INTO lockstep.run(run, step) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        commit.runId,
        commit.step,
      ]);
      if (commit.lineage !== undefined) await versions.setLineage(commit.lineage);
      // A copied table's old versions leave no tombstones, so what others have seen of it says nothing any more.
      if (copies) await versions.renewEpoch();
      await versions.flush();
      identity = (await versions.identity())!;
      after = {epoch: identity.epoch, seq: identity.seq};
      return [...applier.outcomes.values()].sort((a, b) => a.index - b.index);
    } finally {
      store.close();
    }
  }

  return {
    async prepare({strict}) {
      workspace = await deps.open();
      try {
        const opened = workspace;
        return await deps.named(() => carryOut(opened, strict));
      } catch (error) {
        await end();
        throw error;
      }
    },
    async apply() {
      if (workspace === undefined) throw new Error('apply without prepare');
      const {connection} = workspace;
      await deps.named(() => connection.run('COMMIT'));
      committed = true;
      if (identity !== undefined) deps.committed(identity);
    },
    async undo() {
      if (committed) throw new OperatorError('INVALID_STATE', 'The database has been committed already.');
      await end();
    },
    async finish() {
      try {
        await workspace?.connection.run(
          'DELETE FROM lockstep.run WHERE run NOT IN (SELECT DISTINCT run FROM lockstep.run ORDER BY run DESC LIMIT $1)',
          [keptMarkers],
        );
      } catch {
        // Housekeeping waits for another run.
      }
      await end();
    },
    positions() {
      if (before === undefined || after === undefined) throw new Error('positions before prepare');
      return {before, after};
    },
  };
}

/**
 * Locks the tables that will be written to, and those to which they refer: a parent that the site deletes meanwhile
 * would leave an orphan. Whoever writes to one of them just now is waited for.
 */
async function lockTables(
  {connection, shapes, allTables}: Workspace,
  names: ReadonlySet<string>,
): Promise<void> {
  const locked = new Set<string>();
  for (const name of names) {
    const table = shapes.get(name);
    if (table === undefined) continue;
    locked.add(table.sql);
    for (const {table: parent} of table.foreignKeys) locked.add(allTables.get(parent)!.sql);
  }
  if (locked.size > 0)
    await connection.run(`LOCK TABLE ${[...locked].sort().join(', ')} IN SHARE ROW EXCLUSIVE MODE`);
}

async function* lots(operations: AsyncIterable<IndexedOperation>): AsyncGenerator<IndexedOperation[], void> {
  let lot: IndexedOperation[] = [];
  for await (const operation of operations) {
    lot.push(operation);
    if (lot.length < fetchedAhead) continue;
    yield lot;
    lot = [];
  }
  if (lot.length > 0) yield lot;
}
