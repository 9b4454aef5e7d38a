import {asOperatorError, type OperatorError} from '../../core/operator-error.js';
import {type OrderedOperation, orderOperations} from '../../core/order-operations.js';
import type {Operation, Plan, Side} from '../../core/plan.js';
import type {SiteEnds} from '../connect-sites.js';
import type {OnProgress} from '../scan-sites.js';
import {advance, type CommitHeader, commitSide, type SidePositions} from './commit-side.js';
import {isDone, type OutcomeOf} from './tally-run.js';

/** The operations of the main step by side, in the order in which they work. */
export type OperationsBySide = Readonly<Record<Side, readonly OrderedOperation[]>>;

export function operationsOf(plan: Plan): OperationsBySide {
  return {local: orderOperations(plan.actions, 'local'), remote: orderOperations(plan.actions, 'remote')};
}

/** Remote first: it is more likely to be out of reach, and a failure of the first leaves everything as it was. */
const commitOrder = ['remote', 'local'] as const satisfies readonly Side[];

export type CommitOptions = {
  readonly ends: SiteEnds;
  readonly runId: string;
  /** Names of the two commits at each side, unlike those of any other pair of the run. */
  readonly steps: {readonly main: string; readonly adopt: string};
  readonly headers: Readonly<Record<Side, CommitHeader>>;
  /** Operations that are not tried, with the reason: their content could not be brought. */
  readonly missing: ReadonlyMap<Operation, string>;
  readonly positions: Readonly<Record<Side, SidePositions>>;
  readonly onProgress: OnProgress;
  /** Repeats a call whose connection was lost. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>;
  readonly afterSide: (count: 'first' | 'second') => void;
  readonly warn: (text: string) => void;
};

export type CommitResult = {
  readonly outcomeOf: OutcomeOf;
  readonly positions: Readonly<Record<Side, SidePositions>>;
  /** A side that failed after the other had committed. */
  readonly failure?: OperatorError;
  /** Every version was taken note of. */
  readonly complete: boolean;
};

/**
 * Commits both sides, then lets them take note of each other's versions. Each side is all or nothing.
 * @param lineage that the remote database takes over in the second step (CLI.md, adoption of equal ends)
 * @throws OperatorError when the first side fails: nothing has changed anywhere
 */
export async function commitPlan(
  plan: Plan,
  operations: OperationsBySide,
  options: CommitOptions,
  lineage: string | undefined,
): Promise<CommitResult> {
  const {ends, runId, steps, headers, missing, persist, onProgress} = options;
  const outcomes = new Map<Operation, ReturnType<OutcomeOf>>();
  for (const [operation, error] of missing)
    outcomes.set(operation, {outcome: 'skipped', error, stage: 'stage'});
  const positions = {...options.positions};
  const outcomeOf: OutcomeOf = operation => outcomes.get(operation);
  let failure: OperatorError | undefined;
  let committed = 0;
  for (const side of commitOrder) {
    const wanted = withoutMissing(operations[side], missing, outcomes);
    const header = headers[side];
    if (wanted.length === 0 && header.lineage === undefined && header.initialSyncFrom === undefined) continue;
    try {
      const done = await persist(() => commitSide(ends[side], runId, steps.main, header, wanted, onProgress));
      for (const [operation, outcome] of done.outcomes) outcomes.set(operation, outcome);
      positions[side] = advance(positions[side], done.positions);
      committed += 1;
      options.afterSide(committed === 1 ? 'first' : 'second');
    } catch (error) {
      if (committed === 0) throw error;
      failure = asOperatorError(error);
      for (const operation of wanted)
        outcomes.set(operation, {outcome: 'skipped', error: failure.message, stage: 'commit'});
    }
  }
  let complete = failure === undefined;
  for (const side of commitOrder) {
    const adoptions = adoptionsAt(plan, side, outcomeOf);
    const taken = side === 'remote' ? lineage : undefined;
    if (adoptions.length === 0 && taken === undefined) continue;
    const header = {
      strict: false,
      by: headers[side].by,
      ...(taken === undefined ? {} : {lineage: taken}),
    };
    try {
      const done = await persist(() =>
        commitSide(ends[side], runId, steps.adopt, header, adoptions, onProgress),
      );
      positions[side] = advance(positions[side], done.positions);
      if (done.outcomes.values().some(({outcome}) => outcome === 'skipped')) complete = false;
    } catch (error) {
      // Contents are right; the versions are compared again in the next run.
      complete = false;
      options.warn(
        `${ends[side].server.name} did not take note of versions: ${asOperatorError(error).message}`,
      );
    }
  }
  return {outcomeOf, positions, complete, ...(failure === undefined ? {} : {failure})};
}

/** An action whose deciding content is missing is left out as a whole. */
function withoutMissing(
  ordered: readonly OrderedOperation[],
  missing: ReadonlyMap<Operation, string>,
  outcomes: Map<Operation, ReturnType<OutcomeOf>>,
): Operation[] {
  const reasons = new Map<string, string>();
  for (const {actionId, operation} of ordered) {
    const reason = missing.get(operation);
    if (reason !== undefined) reasons.set(actionId, reason);
  }
  return ordered
    .filter(({actionId, operation}) => {
      const reason = reasons.get(actionId);
      if (reason === undefined) return true;
      outcomes.set(operation, {outcome: 'skipped', error: reason, stage: 'stage'});
      return false;
    })
    .map(({operation}) => operation);
}

/** What a side has to take note of: what follows from actions that are done, and what was alike from the start. */
function adoptionsAt(plan: Plan, side: Side, outcomeOf: OutcomeOf): Operation[] {
  const following = plan.actions
    .filter(action => isDone(action, outcomeOf))
    .flatMap(action => action.operations.filter(({operation}) => operation.op === 'adopt'));
  return [...following, ...plan.adoptions].filter(adoption => adoption.side === side).map(o => o.operation);
}
