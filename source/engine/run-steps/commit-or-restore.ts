import {asOperatorError, type OperatorError} from '../../core/operator-error.js';
import type {Operation, Side} from '../../core/plan.js';
import type {SiteEnd, SiteEnds} from '../connect-sites.js';
import {type BackupsMade, isOfRows, takeBack} from './back-up.js';
import type {CommitResult, OperationsBySide} from './commit-run.js';
import type {OutcomeOf} from './tally-run.js';

type BackedUpRun = {
  readonly ends: SiteEnds;
  readonly runId: string;
  /** The step that changes the databases. */
  readonly step: string;
  readonly by: string;
  readonly operations: OperationsBySide;
  readonly backups: BackupsMade;
  readonly positions: CommitResult['positions'];
};

type RestoreOptions = {
  /** Repeats a call to one side whose connection was lost. */
  persist<T>(end: SiteEnd, work: () => Promise<T>): Promise<T>;
  tell(text: string): void;
};

/**
 * Commits, and when that fails after a database was changed puts its backup back (E16), so that it is as it was.
 * @throws OperatorError what `commit` throws, when no database had been changed
 */
export async function commitOrRestore(
  commit: () => Promise<CommitResult>,
  run: BackedUpRun,
  options: RestoreOptions,
): Promise<CommitResult & {restored: boolean}> {
  let result: CommitResult;
  try {
    result = await commit();
  } catch (error) {
    const restored = await restoreSides(run, options);
    if (restored.size === 0) throw error;
    const failure = asOperatorError(error);
    result = {outcomeOf: () => undefined, positions: run.positions, failure, complete: false};
    return {
      ...result,
      outcomeOf: afterRestore(result.outcomeOf, run.operations, restored, failure),
      restored: true,
    };
  }
  const {failure, outcomeOf} = result;
  if (failure === undefined) return {...result, restored: false};
  const restored = await restoreSides(run, options);
  if (restored.size === 0) return {...result, restored: false};
  return {...result, outcomeOf: afterRestore(outcomeOf, run.operations, restored, failure), restored: true};
}

/** @returns the sides whose database was changed and is as it was; one that cannot be reached is told of */
async function restoreSides(run: BackedUpRun, {persist, tell}: RestoreOptions): Promise<ReadonlySet<Side>> {
  const restored = new Set<Side>();
  for (const [side, name] of run.backups) {
    const end = run.ends[side];
    const address = `${end.server.name}/${end.site.name}`;
    try {
      if (!(await persist(end, () => takeBack(end, {...run, name})))) continue;
      restored.add(side);
      tell(`The database of ${address} is as it was before: ${name} was put back.`);
    } catch (error) {
      tell(
        `Whether the database of ${address} was changed is not known, and it could not be restored: ${asOperatorError(error).message} By hand: lockstep backup restore ${address} ${name}`,
      );
    }
  }
  return restored;
}

/** What became of the operations when databases were restored: rows there were not applied in the end. */
function afterRestore(
  outcomeOf: OutcomeOf,
  operations: OperationsBySide,
  restored: ReadonlySet<Side>,
  cause: OperatorError,
): OutcomeOf {
  const undone = new Set<Operation>();
  for (const side of restored)
    for (const {operation} of operations[side]) if (isOfRows(operation)) undone.add(operation);
  return operation =>
    undone.has(operation)
      ? {outcome: 'skipped', stage: 'commit', error: `The database was restored: ${cause.message}`}
      : outcomeOf(operation);
}
