import type {OperationOutcome} from '../../core/site-description.js';
import {TimeSlice} from '../../system/time-slice.js';
import {inBatches} from '../site/in-batches.js';
import type {DatabaseCommit, IndexedOperation} from '../site/ports.js';
import {operationRows} from './operation-rows.js';
import {RowApplier} from './row-applier.js';
import {rowChangeOf} from './row-change.js';
import type {RowStore} from './row-store.js';
import {settleForeignKeys} from './settle-foreign-keys.js';

/** Operations whose rows a store is told of at once. */
const operationsAtOnce = 200;

export type Operations = readonly IndexedOperation[];

/** Operations that a store carries out when all others are. */
export type LaterOperations = {
  /** Keeps those of a lot that wait. @returns the others */
  setAside(lot: Operations): Operations;
  lots(): Iterable<Operations>;
};

/**
 * Carries out what a commit brings, inside its transaction, and tells history of every row that changed.
 * @returns outcomes in the order of the operations, and whether a whole table with a key was replaced
 * @throws OperatorError STALE_PLAN when `strict` and the database is not what the plan saw
 */
export async function applyOperations(
  store: RowStore,
  commit: DatabaseCommit,
  {strict, later}: {strict: boolean; later?: LaterOperations},
): Promise<{outcomes: OperationOutcome[]; copies: boolean}> {
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
  const take = async (lot: Operations) => {
    await store.prefetch?.(operationRows(lot));
    for (const operation of lot) {
      await applier.take(operation);
      copies ||= operation.operation.op === 'copy-table' && operation.operation.keyed;
      done++;
      if (!slice.isOver) continue;
      commit.progress?.(done);
      await slice.yieldIfDue();
    }
  };
  for await (const lot of inBatches(commit.operations, operationsAtOnce))
    await take(later?.setAside(lot) ?? lot);
  await store.prefetch?.([]);
  await applier.settle();
  await settleForeignKeys(store, applier);
  if (later !== undefined) {
    for (const lot of later.lots()) await take(lot);
    await applier.settle();
  }
  for await (const entry of store.journal.entries()) {
    await commit.history(rowChangeOf(entry));
    if (slice.isOver) await slice.yieldIfDue();
  }
  commit.progress?.(done);
  const outcomes = [...applier.outcomes.values()].sort((a, b) => a.index - b.index);
  return {outcomes, copies};
}
