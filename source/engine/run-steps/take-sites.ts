import type {OperatorError} from '../../core/operator-error.js';
import type {SiteEnd} from '../connect-sites.js';
import type {RunWork} from '../perform-run.js';
import {isRunOver} from '../runs.js';
import {holdLeases, type Leases} from './hold-leases.js';
import {waitForSites} from './wait-for-sites.js';

type LeasingRun = Pick<RunWork, 'context' | 'runId' | 'log' | 'cancel'> & {
  readonly job: {readonly by: string; readonly kind: string; readonly patienceMs?: number};
};

/**
 * Holds the sites of a run, whatever kind of run it is (E14). Losing one cancels the run.
 * @param options `localOnly`: only the local one does; another one that is lost fails by itself
 * @throws OperatorError SITE_BUSY with the holder, ROLE_REFUSED
 */
export async function takeSites(
  ends: readonly SiteEnd[],
  {context, runId, job, log, cancel}: LeasingRun,
  options: {localOnly?: boolean} = {},
): Promise<Leases> {
  const run = {runId, by: job.by, purpose: job.kind};
  const onLost = (error: OperatorError, {side}: SiteEnd) => {
    if (options.localOnly !== true || side === 'local') cancel.abort(error);
  };
  return await waitForSites(() => holdLeases(ends, run, onLost), {
    patienceMs: job.patienceMs ?? 0,
    signal: cancel.signal,
    tell: text => log.message('info', text),
    isOver: holder => isRunOver(context.home, holder),
  });
}
