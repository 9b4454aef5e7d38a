import {type ItemRef, refOf} from '../../core/item.js';
import type {Action, Operation, Plan, Side} from '../../core/plan.js';
import type {RunItem, RunPhase, RunSummary} from '../../core/run-event.js';
import type {OperationOutcome} from '../../core/site-description.js';
import {isLive} from '../../core/take-over.js';

/** What is known of an operation after the commit; undefined for one that was not tried. */
export type OutcomeOf = (
  operation: Operation,
) => (Pick<OperationOutcome, 'outcome' | 'error' | 'conflict' | 'rows'> & {stage?: RunPhase}) | undefined;

export type Tally = Pick<
  RunSummary,
  'applied' | 'skipped' | 'total' | 'conflicts' | 'collisions' | 'deleted'
>;

/**
 * What became of a plan, item by item (E17). An action counts once, as applied when any of its operations was; what
 * it could not do beside that is listed and counted as skipped.
 * @param tell gets every item in the order of the plan
 */
export function tallyRun(plan: Plan, outcomeOf: OutcomeOf, tell: (item: RunItem) => void): Tally {
  const counts = {applied: 0, skipped: 0, conflicts: 0, collisions: 0, deleted: 0};
  for (const action of plan.actions) {
    if (action.kind === 'skip') {
      const counted = action.counted !== false;
      if (counted) counts.skipped += 1;
      tell({...itemOf(action), outcome: counted ? 'skipped' : 'kept', ...reasonOf(action)});
      continue;
    }
    const results = action.operations
      .filter(({operation}) => operation.op !== 'adopt')
      .map(({side, operation}) => ({side, operation, result: outcomeOf(operation)}));
    const skipped = results.filter(({result}) => result === undefined || result.outcome === 'skipped');
    const applied = results.some(({result}) => result?.outcome === 'applied');
    if (applied) {
      counts.applied += results.length === 1 ? itemsIn(results[0]!) : 1;
      if (action.kind === 'conflict') counts.conflicts += 1;
      if (results[0]?.operation.op === 'delete') counts.deleted += 1;
      if (action.collision !== undefined) counts.collisions += 1;
      tell({
        ...itemOf(action),
        outcome: 'applied',
        ...(action.kind === 'conflict' ? changesOf(action) : {}),
        ...(action.collision === undefined ? {} : {collision: action.collision}),
      });
    } else if (skipped.length === 0) {
      // Somebody has made the same change in the meantime.
      tell({...itemOf(action), outcome: 'kept'});
    }
    for (const {side, operation, result} of skipped) {
      counts.skipped += 1;
      tell({
        ...itemOf(action),
        item: itemOfOperation(operation),
        side,
        outcome: 'skipped',
        stage: result?.stage ?? 'commit',
        error: result?.error ?? 'was not tried',
        ...changesOf(action),
        ...(result?.conflict === undefined ? {} : {conflict: result.conflict}),
      });
    }
  }
  return {...counts, total: counts.applied + counts.skipped};
}

/** A table with a key that was copied whole stands for its rows; any other operation is about one item. */
function itemsIn({operation, result}: {operation: Operation; result: ReturnType<OutcomeOf>}): number {
  return operation.op === 'copy-table' && operation.keyed ? (result?.rows ?? 1) : 1;
}

/** Whether the first operation of an action, on which its adoptions depend, is done. */
export function isDone(action: Action, outcomeOf: OutcomeOf): boolean {
  const first = action.operations[0]?.operation;
  const outcome = first === undefined ? undefined : outcomeOf(first)?.outcome;
  return outcome === 'applied' || outcome === 'unchanged';
}

function itemOf({item, side, kind, conflict}: Action): Omit<RunItem, 'outcome'> {
  return {item: refOf(item), side, action: kind, ...(conflict === undefined ? {} : {conflict})};
}

function itemOfOperation(operation: Operation): ItemRef {
  switch (operation.op) {
    case 'put':
    case 'touch':
      return refOf(operation.record);
    case 'delete':
    case 'adopt':
      return refOf(operation.item);
    case 'copy-table':
      return {type: 'table', table: operation.table};
  }
}

function reasonOf(action: Action): Partial<RunItem> {
  return {
    stage: 'reconcile',
    ...(action.reason === undefined ? {} : {error: action.reason}),
    ...(action.item.type === 'table' ? {} : changesOf(action)),
  };
}

/** What each side had, for whoever has to look into it (E17). */
function changesOf({before}: Action): Partial<RunItem> {
  if (before === undefined) return {};
  return {localChange: describeSide(before, 'local'), remoteChange: describeSide(before, 'remote')};
}

function describeSide(before: NonNullable<Action['before']>, side: Side): string {
  const record = before[side];
  if (record === undefined) return 'never there';
  if (!isLive(record)) return 'deleted';
  switch (record.type) {
    case 'file': {
      const version = record.digest === '' ? '' : `, content ${record.digest.slice(0, 12)}`;
      const size = record.kind === 'file' ? `, ${record.size} bytes` : '';
      return `${record.kind}${size}, mode ${record.mode.toString(8)}${version}`;
    }
    case 'row':
      return `row, content ${record.digest.slice(0, 12)}`;
    case 'table':
      return `${record.rows} rows, content ${record.digest.slice(0, 12)}`;
  }
}
