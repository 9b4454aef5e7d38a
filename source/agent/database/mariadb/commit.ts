import type {DatabaseCommit, DatabaseParticipant, IndexedOperation} from '../../site/ports.js';
import {applyOperations, type LaterOperations, type Operations} from '../apply-operations.js';
import {type CarriedOut, createParticipant, keptMarkers} from '../commit-participant.js';
import type {CommitTurn} from '../database-frame.js';
import {SqliteApplyJournal} from '../sqlite/apply-journal.js';
import {SqliteConnection} from '../sqlite/connection.js';
import type {MariadbConnection} from './connection.js';
import {drainLog} from './drain-log.js';
import {MariadbRowStore} from './mariadb-row-store.js';
import {readTriggers} from './schema.js';
import {literal} from './sql-text.js';
import {nextIds, steerIds} from './steer-ids.js';
import {dropCopies, putBack, UndoLog} from './undo-log.js';
import {hasDirectTables, inOpenTransaction, type Workspace} from './workspace.js';

/** Operations that are read back from their temporary table at once. */
const laterAtOnce = 200;

/** A connection that holds the right to change our tables, and one on which every statement is final. */
type Opened = {readonly workspace: Workspace; readonly side: MariadbConnection};

type Dependencies = Omit<CommitTurn, 'open'> & {
  readonly commit: DatabaseCommit;
  /** All that the site changed until now is versioned. */
  open(): Promise<Opened>;
  /** What fails in `task` is named as what it is to the operator. */
  named<T>(task: () => Promise<T>): Promise<T>;
};

/**
 * One commit of a run as one transaction on a connection of its own. Rows are locked as they are looked at; everything
 * else the site goes on changing, which the next drain sees. Tables without transactions are written last, with what
 * was there in the undo log.
 */
export function beginMariadbCommit(deps: Dependencies): DatabaseParticipant {
  return createParticipant<Opened>(
    {
      async open() {
        const opened = await deps.open();
        // The files of the commit may take long between these rows and their COMMIT.
        opened.workspace.connection.stayAlive();
        opened.side.stayAlive();
        return opened;
      },
      carryOut: (opened, strict) => deps.named(() => carryOut(opened, strict, deps)),
      async commit({workspace}) {
        await deps.named(() => workspace.connection.run('COMMIT'));
      },
      async tidyUp({workspace, side}) {
        const number = deps.serverNumber();
        try {
          // Tables with triggers of the site's, whose counters have followed the rows that arrived.
          if (number !== undefined) await steerIds(side, workspace.schema.shapes, number);
        } catch {
          // The next scan does it when the site holds a table for long.
        }
        try {
          const kept = await side.query(
            `SELECT DISTINCT run FROM lockstep_run ORDER BY run DESC LIMIT 1 OFFSET ${keptMarkers}`,
          );
          if (kept[0] !== undefined)
            await side.run(`DELETE FROM lockstep_run WHERE run <= ${literal(String(kept[0][0]))}`);
        } catch {
          // Housekeeping waits for another run.
        }
      },
      async close({workspace, side}, committed) {
        try {
          if (!committed) await takeBack(workspace, side);
          if (hasDirectTables(workspace.schema)) await dropCopies(side).catch(() => {});
        } finally {
          workspace.connection.close();
          side.close();
          deps.release();
        }
      },
    },
    deps,
  );
}

async function carryOut(
  {workspace, side}: Opened,
  strict: boolean,
  {commit, serverNumber}: Dependencies,
): Promise<CarriedOut> {
  const {connection, versions} = workspace;
  const own = await workspace.tables();
  const beside = workspace.on(side);
  const besideTables = await beside.tables();
  const tables = new Map(
    [...own].map(([name, target]) => [name, target.table.transactional ? target : besideTables.get(name)!]),
  );
  const triggers = await readTriggers(connection);
  await side.run('SET @lockstep_off = 1');
  await connection.runAll(['SET @lockstep_off = 1', 'START TRANSACTION']);
  await versions.begin();
  // What the site changed since it was brought up to date gets its version first, so that it is seen.
  await drainLog(workspace, inOpenTransaction);
  await versions.flush();
  const before = (await versions.identity())!;
  const number = serverNumber();
  // Journal and what waits for the end lie in a temporary file.
  const scratch = new SqliteConnection('');
  try {
    const store = new MariadbRowStore(workspace, {
      tables,
      journal: new SqliteApplyJournal(scratch),
      undo: new UndoLog(side, commit.runId, commit.step),
      side: beside,
      triggered: new Set(triggers.flatMap(({name, table}) => (/^lockstep_\d+_/.test(name) ? [] : [table]))),
      ids:
        number === undefined
          ? undefined
          : {number, next: new Map(await nextIds(side, workspace.schema.shapes))},
      replica: before.replica,
    });
    const later = new DirectOperations(scratch, table => tables.get(table)?.table.transactional === false);
    const {outcomes, copies} = await applyOperations(store, commit, {strict, later});
    await connection.run(
      `INSERT IGNORE INTO lockstep_run (run, step) VALUES (${literal(commit.runId)}, ${literal(commit.step)})`,
    );
    if (hasDirectTables(workspace.schema)) await connection.run('DELETE FROM lockstep_undo');
    if (commit.lineage !== undefined) await versions.setLineage(commit.lineage);
    // A copied table's old versions leave no tombstones, so what others have seen of it says nothing any more.
    if (copies) await versions.renewEpoch();
    await versions.flush();
    return {outcomes, before, after: (await versions.identity())!};
  } finally {
    scratch.close();
  }
}

/** Operations on tables without transactions, which come last; in a temporary file, because they may be many. */
class DirectOperations implements LaterOperations {
  readonly #scratch: SqliteConnection;
  readonly #isDirect: (table: string) => boolean;

  constructor(scratch: SqliteConnection, isDirect: (table: string) => boolean) {
    this.#scratch = scratch;
    this.#isDirect = isDirect;
    scratch.exec('CREATE TABLE later (number INTEGER PRIMARY KEY, operation TEXT NOT NULL)');
  }

  setAside(lot: Operations): Operations {
    return lot.filter(entry => {
      const table = tableOf(entry.operation);
      if (table === undefined || !this.#isDirect(table)) return true;
      this.#scratch.run('INSERT INTO later(operation) VALUES (?)', JSON.stringify(entry));
      return false;
    });
  }

  *lots(): Generator<Operations, void> {
    for (let after = 0n; ; ) {
      const page = this.#scratch.all(
        'SELECT number, operation FROM later WHERE number > ? ORDER BY number LIMIT ?',
        after,
        BigInt(laterAtOnce),
      );
      if (page.length === 0) return;
      yield page.map(([, operation]) => JSON.parse(String(operation)) as IndexedOperation);
      after = page.at(-1)![0] as bigint;
    }
  }
}

/** Ends the transaction without it, and puts back what it could not hold. */
async function takeBack(workspace: Workspace, side: MariadbConnection): Promise<void> {
  const {connection} = workspace;
  if (connection.isOpen) await connection.run('ROLLBACK').catch(() => connection.close());
  // When the server is gone, the next opening does it.
  if (!side.isOpen) return;
  await side.run('SET @lockstep_off = 1');
  await putBack(workspace.on(side));
}

function tableOf(operation: IndexedOperation['operation']): string | undefined {
  if (operation.op === 'copy-table') return operation.table;
  const item = 'record' in operation ? operation.record : operation.item;
  return item.type === 'file' ? undefined : item.table;
}
