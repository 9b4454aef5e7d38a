import {OperatorError} from '../../../core/operator-error.js';
import type {OperationOutcome} from '../../../core/site-description.js';
import type {Position} from '../../../protocol/record-endpoints.js';
import type {DatabaseCommit, DatabaseParticipant, IndexedOperation} from '../../site/ports.js';
import type {Identity} from '../own-meta.js';
import {RowApplier} from '../row-applier.js';
import {rowChangeOf} from '../row-change.js';
import type {JournalEntry} from '../row-store.js';
import {settleForeignKeys} from '../settle-foreign-keys.js';
import {SqliteApplyJournal} from '../sqlite/apply-journal.js';
import {SqliteConnection} from '../sqlite/connection.js';
import type {MariadbConnection} from './connection.js';
import {drainLog} from './drain-log.js';
import {MariadbRowStore} from './mariadb-row-store.js';
import {readTriggers} from './schema.js';
import {asDatabaseError} from './server-error.js';
import {literal} from './sql-text.js';
import {nextIds, steerIds} from './steer-ids.js';
import {dropCopies, putBack, UndoLog} from './undo-log.js';
import {hasDirectTables, inOpenTransaction, type Workspace} from './workspace.js';

/** Run markers that are kept; recovery only ever asks for the newest. */
const keptMarkers = 1000;

/** Operations whose rows are asked for together. */
const batchOperations = 200;

export type CommitDependencies = {
  readonly commit: DatabaseCommit;
  /** A connection that holds the right to change our tables, with all that the site changed until now versioned. */
  open(): Promise<{workspace: Workspace; side: MariadbConnection}>;
  /** Number of the server, whose ids the database has to issue (E25). */
  serverNumber(): number | undefined;
  /** Told where the database stands after COMMIT. */
  committed(identity: Identity): void;
  release(): void;
};

/**
 * One commit of a run as one transaction on a connection of its own, held open from `prepare` until `apply`. Rows are
 * locked as they are looked at; everything else the site goes on changing, which the next drain sees. Tables without
 * transactions are written last, with what was there in the undo log.
 */
export function beginMariadbCommit(deps: CommitDependencies): DatabaseParticipant {
  const {commit} = deps;
  let opened: {workspace: Workspace; side: MariadbConnection} | undefined;
  let scratch: SqliteConnection | undefined;
  let committed = false;
  let positions: {before: Position; after: Position} | undefined;
  let identity: Identity | undefined;

  async function end(): Promise<void> {
    if (opened === undefined) return;
    const {workspace, side} = opened;
    opened = undefined;
    try {
      if (!committed) await takeBack(workspace, side);
      if (hasDirectTables(workspace.schema)) await dropCopies(side).catch(() => {});
    } finally {
      workspace.connection.close();
      side.close();
      scratch?.close();
      deps.release();
    }
  }

  async function carryOut(
    {workspace, side}: {workspace: Workspace; side: MariadbConnection},
    strict: boolean,
  ): Promise<OperationOutcome[]> {
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
    const first = (await versions.identity())!;
    // Journal and what waits for the end lie in a temporary file.
    scratch = new SqliteConnection('');
    scratch.exec('CREATE TABLE later (number INTEGER PRIMARY KEY, operation TEXT NOT NULL)');
    const store = new MariadbRowStore(workspace, {
      tables,
      journal: new SqliteApplyJournal(scratch),
      undo: new UndoLog(side, commit.runId, commit.step),
      side: beside,
      triggered: new Set(triggers.flatMap(({name, table}) => (/^lockstep_\d+_/.test(name) ? [] : [table]))),
      ids:
        deps.serverNumber() === undefined
          ? undefined
          : {number: deps.serverNumber()!, next: new Map(await nextIds(side, workspace.schema.shapes))},
      replica: first.replica,
    });
    const applier = new RowApplier(store, {
      strict,
      stagedRow: index => commit.stagedRow(index),
      stagedTable: table => commit.stagedTable(table),
      stagedImage: table => commit.stagedImage?.(table),
      history: entry => commit.history(entry),
    });
    let done = 0;
    let copies = false;
    const take = async (batch: readonly IndexedOperation[]) => {
      await store.prefetch(batch.flatMap(({operation}) => rowOf(operation) ?? []));
      for (const operation of batch) {
        await applier.take(operation);
        copies ||= operation.operation.op === 'copy-table' && operation.operation.keyed;
        done++;
      }
      commit.progress?.(done);
    };
    const isDirect = (operation: IndexedOperation['operation']) =>
      tables.get(tableOf(operation) ?? '')?.table.transactional === false;
    const later = scratch;
    for await (const batch of batches(commit.operations)) {
      const now = batch.filter(({operation}) => !isDirect(operation));
      for (const entry of batch)
        if (isDirect(entry.operation))
          later.run('INSERT INTO later(operation) VALUES (?)', JSON.stringify(entry));
      await take(now);
    }
    await applier.settle();
    await settleForeignKeys(store, applier);
    for (let after = 0n; ; ) {
      const page = later.all(
        'SELECT number, operation FROM later WHERE number > ? ORDER BY number LIMIT ?',
        after,
        BigInt(batchOperations),
      );
      if (page.length === 0) break;
      await take(page.map(([, operation]) => JSON.parse(String(operation)) as IndexedOperation));
      after = page.at(-1)![0] as bigint;
    }
    await applier.settle();
    for (const entry of store.journal.entries() as Iterable<JournalEntry>)
      await commit.history(rowChangeOf(entry));

    await connection.run(
      `INSERT IGNORE INTO lockstep_run (run, step) VALUES (${literal(commit.runId)}, ${literal(commit.step)})`,
    );
    if (hasDirectTables(workspace.schema)) await connection.run('DELETE FROM lockstep_undo');
    if (commit.lineage !== undefined) await versions.setLineage(commit.lineage);
    // A copied table's old versions leave no tombstones, so what others have seen of it says nothing any more.
    if (copies) await versions.renewEpoch();
    await versions.flush();
    identity = (await versions.identity())!;
    positions = {
      before: {epoch: first.epoch, seq: first.seq},
      after: {epoch: identity.epoch, seq: identity.seq},
    };
    return [...applier.outcomes.values()].sort((a, b) => a.index - b.index);
  }

  return {
    async prepare({strict}) {
      opened = await deps.open();
      // The files of the commit may take long between these rows and their COMMIT.
      opened.workspace.connection.stayAlive();
      opened.side.stayAlive();
      const {label, timeoutMs} = opened.side;
      try {
        return await carryOut(opened, strict);
      } catch (error) {
        await end();
        throw asDatabaseError(error, label, timeoutMs);
      }
    },
    async apply() {
      if (opened === undefined) throw new Error('apply without prepare');
      const {label, timeoutMs} = opened.side;
      try {
        await opened.workspace.connection.run('COMMIT');
      } catch (error) {
        throw asDatabaseError(error, label, timeoutMs);
      }
      committed = true;
      if (identity !== undefined) deps.committed(identity);
    },
    async undo() {
      if (committed) throw new OperatorError('INVALID_STATE', 'The database has been committed already.');
      await end();
    },
    async finish() {
      if (opened === undefined) return;
      const number = deps.serverNumber();
      try {
        // Tables with triggers of the site's, whose counters have followed the rows that arrived.
        if (number !== undefined) await steerIds(opened.side, opened.workspace.schema.shapes, number);
      } catch {
        // The next scan does it when the site holds a table for long.
      }
      try {
        const kept = await opened.side.query(
          `SELECT DISTINCT run FROM lockstep_run ORDER BY run DESC LIMIT 1 OFFSET ${keptMarkers}`,
        );
        if (kept[0] !== undefined)
          await opened.side.run(`DELETE FROM lockstep_run WHERE run <= ${literal(String(kept[0][0]))}`);
      } catch {
        // Housekeeping waits for another run.
      }
      await end();
    },
    positions() {
      if (positions === undefined) throw new Error('positions before prepare');
      return positions;
    },
  };
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

async function* batches(operations: AsyncIterable<IndexedOperation>): AsyncGenerator<IndexedOperation[]> {
  let batch: IndexedOperation[] = [];
  for await (const operation of operations) {
    batch.push(operation);
    if (batch.length < batchOperations) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function rowOf(operation: IndexedOperation['operation']) {
  const item = 'record' in operation ? operation.record : 'item' in operation ? operation.item : undefined;
  return item?.type === 'row' ? {type: 'row' as const, table: item.table, key: item.key} : undefined;
}

function tableOf(operation: IndexedOperation['operation']): string | undefined {
  if (operation.op === 'copy-table') return operation.table;
  const item = 'record' in operation ? operation.record : operation.item;
  return item.type === 'file' ? undefined : item.table;
}
