import {asOperatorError, type OperatorError} from '../../core/operator-error.js';
import {orderOperations} from '../../core/order-operations.js';
import type {Operation} from '../../core/plan.js';
import type {RunItem} from '../../core/run-event.js';
import {readJournal} from '../../state/run-journal.js';
import {closeGroup, connectGroup, endsOf, type Group} from '../connect-group.js';
import type {PlanObserver} from '../make-plan.js';
import {uninterrupted} from '../pair-work.js';
import {failed, type RunResult, type RunWork} from '../perform-run.js';
import type {UndoJob} from '../run-job.js';
import {takeAfterSync} from '../run-steps/after-sync.js';
import {commitSide} from '../run-steps/commit-side.js';
import {errorDocument} from '../run-steps/error-document.js';
import type {Leases} from '../run-steps/hold-leases.js';
import {persist} from '../run-steps/persist.js';
import {takeSites} from '../run-steps/take-sites.js';
import {type OutcomeOf, tallyRun} from '../run-steps/tally-run.js';
import {recallContent} from './recall-content.js';
import {sitesOfRun} from './sites-of-run.js';
import {makeUndoPlan} from './undo-plan.js';

/** A run about what earlier runs left in history. */
export type HistoryWork<Job> = Pick<RunWork, 'context' | 'runId' | 'log' | 'cancel' | 'faultPoint'> & {
  readonly job: Job;
};

/**
 * Undoes or redoes a run (X2), as a run: lease, plan, stage from history, commit, and whatever happens the leases are
 * given back. Never throws: how it ended is in the answer.
 */
export async function performUndo(work: HistoryWork<UndoJob>): Promise<RunResult> {
  const {context, job, log, cancel, faultPoint} = work;
  let group: Group | undefined;
  let leases: Leases | undefined;
  try {
    const state = await context.state.read();
    await log.phase('lease', async () => {
      group = await connectGroup(context, state, sitesOfRun(state, job), cancel.signal);
      leases = await takeSites(endsOf(group), work);
    });
    faultPoint('run.leased');
    return await undoLeased(work, group!, leases!);
  } catch (thrown) {
    return failed(cancel.signal.aborted ? cancel.signal.reason : thrown);
  } finally {
    await leases?.end();
    closeGroup(group);
    faultPoint('run.ended');
  }
}

async function undoLeased(work: HistoryWork<UndoJob>, group: Group, leases: Leases): Promise<RunResult> {
  const {context, runId, job, log, cancel, faultPoint} = work;
  const {signal} = cancel;
  const {observer, lasting} = stepsOf(work, leases);
  const {items} = await readJournal(context.home, job.of);
  const made = await makeUndoPlan(group, {runId: job.of, kind: job.kind, items}, observer);
  faultPoint('run.planned');
  const parts = made.map(part => ({
    ...part,
    ordered: orderOperations(part.plan.actions, part.end.side),
    outcomes: new Map<Operation, ReturnType<OutcomeOf>>(),
  }));
  await log.phase('stage', async () => {
    const options = {signal, onProgress: log.progress('stage')};
    for (const {end, ordered, sources, outcomes} of parts) {
      const gone = await lasting(() => recallContent(end, runId, ordered, sources, options), signal);
      for (const [operation, error] of gone) outcomes.set(operation, {outcome: 'skipped', error});
    }
  });
  faultPoint('run.staged');
  signal.throwIfAborted();

  let failure: OperatorError | undefined;
  await log.phase('commit', async () => {
    let committed = 0;
    // Remote sites first: they are more likely to be out of reach, and then nothing has changed anywhere.
    for (const {end, isOpen, ordered, outcomes} of parts.toReversed()) {
      const wanted = ordered.map(({operation}) => operation).filter(operation => !outcomes.has(operation));
      // A redo lets go what the undo holds, also where nothing is to be put back.
      if (!isOpen || (wanted.length === 0 && job.kind === 'undo')) continue;
      const header = {strict: false, by: job.by, undo: {runId: job.of, kind: job.kind}};
      try {
        const done = await lasting(
          () => commitSide(end, runId, 'main', header, wanted, log.progress('commit')),
          uninterrupted,
        );
        for (const [operation, outcome] of done.outcomes) outcomes.set(operation, outcome);
        committed += 1;
        faultPoint(committed === 1 ? 'run.committed-first' : 'run.committed-second');
      } catch (error) {
        if (committed === 0) throw error;
        failure ??= asOperatorError(error);
        const {message} = asOperatorError(error);
        for (const operation of wanted)
          outcomes.set(operation, {outcome: 'skipped', error: message, stage: 'commit'});
      }
    }
  });
  for (const {name, error} of group.missing) {
    failure ??= error;
    log.message('warn', `${name} keeps what the run changed there: ${error.message}`);
  }
  const counts = {applied: 0, skipped: 0, deleted: 0};
  for (const {plan, outcomes, lost, end, member} of parts) {
    const tell = (item: RunItem) =>
      log.write({type: 'run.item', ...asKept(item), ...(member === undefined ? {} : {member})});
    const tally = tallyRun(
      plan,
      keepingFolders(operation => outcomes.get(operation)),
      tell,
    );
    for (const item of lost)
      tell({
        item,
        side: end.side,
        action: 'skip',
        outcome: 'kept',
        error: 'what it replaced is not in history any more',
      });
    counts.applied += tally.applied;
    counts.deleted += tally.deleted;
    counts.skipped += tally.skipped + lost.length;
  }
  faultPoint('run.recorded');
  const well = await takeAfterSync(endsOf(group), {
    runId,
    log,
    persist: step => lasting(step, uninterrupted),
  });
  return {
    status: counts.skipped > 0 || failure !== undefined || !well ? 'warning' : 'success',
    ...(failure === undefined ? {} : {error: errorDocument(failure)}),
    ...counts,
    total: counts.applied + counts.skipped,
    conflicts: 0,
    collisions: 0,
    bytes: 0,
  };
}

/** How the steps of such a run are watched and done again after a lost connection. */
export function stepsOf<Job>({log, cancel}: HistoryWork<Job>, leases: Leases) {
  const lasting = <T>(step: () => Promise<T>, signal: AbortSignal) =>
    persist(step, {
      signal,
      beforeRetry: () => leases.renew(),
      tell: log.message,
    });
  const observer: PlanObserver = {
    signal: cancel.signal,
    phase: (phase, step, describe) => log.phase(phase, () => lasting(step, cancel.signal), describe),
    progress: log.progress,
  };
  return {observer, lasting};
}

/** What an undo leaves alone it keeps; that somebody changed it is no failure of the undo. */
export function asKept(item: RunItem): RunItem {
  return item.outcome === 'skipped' ? {...item, outcome: 'kept'} : item;
}

/** A folder that stays because of what came into it since is left alone, and that is worth saying. */
function keepingFolders(outcomeOf: OutcomeOf): OutcomeOf {
  return operation => {
    const outcome = outcomeOf(operation);
    return operation.op === 'delete' && operation.item.type === 'file' && outcome?.outcome === 'unchanged'
      ? {outcome: 'skipped', error: 'the folder holds something that was put there since'}
      : outcome;
  };
}
