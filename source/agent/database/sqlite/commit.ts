import type {DatabaseCommit, DatabaseParticipant} from '../../site/ports.js';
import {applyOperations} from '../apply-operations.js';
import {type CarriedOut, createParticipant, keptMarkers} from '../commit-participant.js';
import type {CommitTurn} from '../database-frame.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {SqliteRowStore} from './sqlite-row-store.js';
import {steerIds} from './steer-ids.js';
import {surroundingTransaction, type Workspace} from './workspace.js';

type Dependencies = Omit<CommitTurn, 'open'> & {
  readonly commit: DatabaseCommit;
  open(): Promise<Workspace>;
  /** What fails in `task` is named as what it is to the operator. */
  named<T>(task: () => Promise<T>): Promise<T>;
  /** Waits while the site holds a lock. */
  whenFree<T>(task: () => T): Promise<T>;
};

/**
 * One commit of a run as one SQLite transaction on a connection of its own. The write lock keeps the site from
 * changing anything in between.
 */
export function beginSqliteCommit(deps: Dependencies): DatabaseParticipant {
  return createParticipant<Workspace>(
    {
      open: () => deps.open(),
      carryOut: (workspace, strict) => deps.named(() => carryOut(workspace, strict, deps)),
      // A disk may turn out to be full only now.
      commit: ({connection}) => deps.named(() => deps.whenFree(() => connection.exec('COMMIT'))),
      async tidyUp({connection}) {
        try {
          connection.run(
            'DELETE FROM lockstep_run WHERE run NOT IN (SELECT DISTINCT run FROM lockstep_run ORDER BY run DESC LIMIT ?)',
            BigInt(keptMarkers),
          );
        } catch {
          // Housekeeping waits for another run when the site is writing just now.
        }
      },
      async close({connection}) {
        try {
          if (connection.inTransaction) connection.exec('ROLLBACK');
        } finally {
          connection.close();
          deps.release();
        }
      },
    },
    deps,
  );
}

async function carryOut(
  workspace: Workspace,
  strict: boolean,
  {commit, warn, serverNumber, whenFree}: Dependencies,
): Promise<CarriedOut> {
  const {connection, versions} = workspace;
  // Writing out pages before the end takes the lock that readers need; 32 MiB put that off for all but huge commits.
  connection.exec('PRAGMA cache_size = -32768');
  await whenFree(() => connection.exec('BEGIN IMMEDIATE'));
  versions.begin();
  // What the site changed since the scan gets its version first, so that it is seen and not overwritten.
  warn(await bringUpToDate(workspace, surroundingTransaction, {}));
  versions.flush();
  const before = versions.identity()!;

  connection.run('INSERT INTO lockstep_control(run) VALUES (?)', commit.runId);
  const store = new SqliteRowStore(workspace);
  const {outcomes, copies} = await applyOperations(store, commit, {strict});

  // Rows of a higher block may have come, and SQLite would go on after them.
  const number = serverNumber();
  if (number !== undefined) steerIds(workspace, number);
  store.restoreTriggers();
  connection.run('DELETE FROM lockstep_control');
  connection.run('INSERT OR IGNORE INTO lockstep_run(run, step) VALUES (?, ?)', commit.runId, commit.step);
  if (commit.lineage !== undefined) versions.setLineage(commit.lineage);
  // A copied table's old versions leave no tombstones, so what others have seen of it says nothing any more.
  if (copies) versions.renewEpoch();
  versions.flush();
  return {outcomes, before, after: versions.identity()!};
}
