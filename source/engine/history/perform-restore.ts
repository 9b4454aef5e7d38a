import {orderOperations} from '../../core/order-operations.js';
import type {Operation, Side} from '../../core/plan.js';
import type {OperationOutcome} from '../../core/site-description.js';
import {connectSite, type SiteEnd} from '../connect-sites.js';
import {uninterrupted} from '../pair-work.js';
import {failed, type RunResult} from '../perform-run.js';
import type {RestoreJob} from '../run-job.js';
import {takeAfterSync} from '../run-steps/after-sync.js';
import {commitSide} from '../run-steps/commit-side.js';
import type {Leases} from '../run-steps/hold-leases.js';
import {takeSites} from '../run-steps/take-sites.js';
import {tallyRun} from '../run-steps/tally-run.js';
import {asKept, type HistoryWork, stepsOf} from './perform-undo.js';
import {recallContent} from './recall-content.js';
import {makeRestorePlan} from './restore-plan.js';

/**
 * Brings old versions back at one site (E10), as a run: what is replaced goes into history, and the restored versions
 * travel like any other edit. Never throws: how it ended is in the answer.
 * @param side which side of its relationship the site is
 */
export async function performRestore(work: HistoryWork<RestoreJob>, side: Side): Promise<RunResult> {
  const {context, job, log, cancel, faultPoint} = work;
  let end: SiteEnd | undefined;
  let leases: Leases | undefined;
  try {
    const state = await context.state.read();
    await log.phase('lease', async () => {
      end = await connectSite(context, state, side, job, cancel.signal);
      leases = await takeSites([end], work);
    });
    faultPoint('run.leased');
    return await restoreLeased(work, end!, leases!);
  } catch (thrown) {
    return failed(cancel.signal.aborted ? cancel.signal.reason : thrown);
  } finally {
    await leases?.end();
    end?.client.close();
    faultPoint('run.ended');
  }
}

async function restoreLeased(
  work: HistoryWork<RestoreJob>,
  end: SiteEnd,
  leases: Leases,
): Promise<RunResult> {
  const {runId, job, log, cancel, faultPoint} = work;
  const {signal} = cancel;
  const {observer, lasting} = stepsOf(work, leases);
  const {plan, sources} = await makeRestorePlan(end, job.entries, observer);
  faultPoint('run.planned');
  const ordered = orderOperations(plan.actions, end.side);
  const options = {signal, onProgress: log.progress('stage')};
  const missing = await log.phase('stage', () =>
    lasting(() => recallContent(end, runId, ordered, sources, options), signal),
  );
  faultPoint('run.staged');
  signal.throwIfAborted();
  const outcomes = new Map<Operation, Pick<OperationOutcome, 'outcome' | 'error' | 'conflict'>>();
  for (const [operation, error] of missing) outcomes.set(operation, {outcome: 'skipped', error});
  const wanted = ordered.map(({operation}) => operation).filter(operation => !missing.has(operation));
  if (wanted.length > 0)
    await log.phase('commit', async () => {
      const header = {strict: false, by: job.by};
      const done = await lasting(
        () => commitSide(end, runId, 'main', header, wanted, log.progress('commit')),
        uninterrupted,
      );
      for (const [operation, outcome] of done.outcomes) outcomes.set(operation, outcome);
      faultPoint('run.committed-first');
    });
  const tally = tallyRun(
    plan,
    operation => outcomes.get(operation),
    item => log.write({type: 'run.item', ...asKept(item)}),
  );
  faultPoint('run.recorded');
  const well = await takeAfterSync([end], {
    runId,
    log,
    persist: step => lasting(step, uninterrupted),
  });
  return {status: tally.skipped > 0 || !well ? 'warning' : 'success', ...tally, bytes: 0};
}
