import {finishPlan} from './finish-plan.js';
import type {Plan, Side} from './plan.js';
import {byType, type ReconcileInput} from './reconcile.js';
import {reconcileFiles} from './reconcile-files.js';
import {compareTables} from './reconcile-tables.js';
import {otherSide} from './take-over.js';

export type MirrorInput = Pick<
  ReconcileInput,
  'pairs' | 'replicas' | 'tables' | 'excluded' | 'occupied' | 'caseInsensitive'
> & {
  /** Whose content the other side gets. */
  readonly source: Side;
};

/**
 * The plan of an initial sync (E6): the destination's files in scope become equal to the source's, what the
 * source lacks is deleted, and every table is copied as a whole with its row versions, so that both databases
 * are of one lineage afterwards. Tables that the two sides do not have alike are skipped, each with its reason.
 */
export function mirrorPlan(input: MirrorInput): Plan {
  const {source, replicas} = input;
  const target = otherSide(source);
  const files = reconcileFiles({
    pairs: byType(input.pairs).files,
    rule: {kind: 'mirror', source},
    replicas: {local: replicas.local.files, remote: replicas.remote.files},
    occupied: input.occupied,
    ...(input.caseInsensitive === undefined ? {} : {caseInsensitive: input.caseInsensitive}),
  });
  const {keyed, keyless, skips} = compareTables(input.tables, target, input.excluded);
  const copies = [...keyed, ...keyless].map(
    table =>
      ({
        side: target,
        kind: 'update',
        item: {type: 'table', table},
        reason: 'copied as a whole',
        operations: [{side: target, operation: {op: 'copy-table', table, keyed: keyed.has(table)}}],
      }) as const,
  );
  return finishPlan([...files.actions, ...copies, ...skips], files.adoptions);
}
