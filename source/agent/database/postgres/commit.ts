import type {DatabaseCommit, DatabaseParticipant} from '../../site/ports.js';
import {applyOperations} from '../apply-operations.js';
import {type CarriedOut, createParticipant, keptMarkers} from '../commit-participant.js';
import type {CommitTurn} from '../database-frame.js';
import {bringUpToDate} from './bring-up-to-date.js';
import {PostgresRowStore} from './postgres-row-store.js';
import {steerIds} from './steer-ids.js';
import {SuspendedRules} from './suspend-rules.js';
import {beginWriting, surroundingTransaction, type Workspace} from './workspace.js';

type Dependencies = Omit<CommitTurn, 'open'> & {
  readonly commit: DatabaseCommit;
  open(): Promise<Workspace>;
  /** What fails in `task` is named as what it is to the operator. */
  named<T>(task: () => Promise<T>): Promise<T>;
};

/**
 * One commit of a run as one PostgreSQL transaction. It locks the tables that it names, and those that they refer to,
 * against writing: the site may read them meanwhile, and goes on to write when the commit is over.
 */
export function beginPostgresCommit(deps: Dependencies): DatabaseParticipant {
  return createParticipant<Workspace>(
    {
      open: () => deps.open(),
      carryOut: (workspace, strict) => deps.named(() => carryOut(workspace, strict, deps)),
      async commit({connection}) {
        await deps.named(() => connection.run('COMMIT'));
      },
      async tidyUp({connection}) {
        try {
          await connection.run(
            'DELETE FROM lockstep.run WHERE run NOT IN (SELECT DISTINCT run FROM lockstep.run ORDER BY run DESC LIMIT $1)',
            [keptMarkers],
          );
        } catch {
          // Housekeeping waits for another run.
        }
      },
      async close({connection}, committed) {
        try {
          if (!committed) await connection.run('ROLLBACK');
          connection.release();
        } catch {
          // The server takes back what a connection that is closed has not committed.
          connection.release({close: true});
        } finally {
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
  {commit, warn, serverNumber}: Dependencies,
): Promise<CarriedOut> {
  const {connection, versions} = workspace;
  await beginWriting(connection);
  await workspace.refresh();
  await lockTables(workspace, commit.tables);
  // As it is now that nobody alters the locked tables any more.
  await workspace.refresh();
  await versions.begin();
  // What the site changed since the scan gets its version first, so that it is seen and not overwritten.
  warn(await bringUpToDate(workspace, surroundingTransaction, {}));
  await versions.flush();
  const before = (await versions.identity())!;

  const rules = await SuspendedRules.begin(
    connection,
    [...commit.tables].flatMap(name => workspace.shapes.get(name) ?? []),
  );
  const store = new PostgresRowStore(workspace, rules);
  try {
    const {outcomes, copies} = await applyOperations(store, commit, {strict});
    await rules.restore();
    const number = serverNumber();
    if (number !== undefined) await steerIds(workspace, number);
    await connection.run('INSERT INTO lockstep.run(run, step) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      commit.runId,
      commit.step,
    ]);
    if (commit.lineage !== undefined) await versions.setLineage(commit.lineage);
    // A copied table's old versions leave no tombstones, so what others have seen of it says nothing any more.
    if (copies) await versions.renewEpoch();
    await versions.flush();
    return {outcomes, before, after: (await versions.identity())!};
  } finally {
    store.close();
  }
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
