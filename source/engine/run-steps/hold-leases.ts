import {asOperatorError, type OperatorError} from '../../core/operator-error.js';
import {endRun, releaseLease, takeLease} from '../../protocol/run-endpoints.js';
import type {SiteEnd} from '../connect-sites.js';
import {isPassing} from './persist.js';

/** A lease lasts 15 s (CLI.md). */
const renewMs = 5_000;

/** Leases on all sites of a run, kept alive in the background. */
export type Leases = {
  /** Takes them, or some of them, again at once, after a connection was lost. @throws OperatorError as `holdLeases` */
  renew(some?: readonly SiteEnd[]): Promise<void>;
  /** Ends the run at all sites: what is staged is discarded and the leases are given back. Never throws. */
  end(): Promise<void>;
};

/**
 * Takes the leases of a run's sites (E14). When one is held by somebody else those taken before are given back.
 * @param onLost told when a lease has gone to another run, so that this one stops
 * @throws OperatorError SITE_BUSY with the holder, ROLE_REFUSED
 */
export async function holdLeases(
  ends: readonly SiteEnd[],
  run: {runId: string; by: string; purpose: string},
  onLost: (error: OperatorError, end: SiteEnd) => void,
): Promise<Leases> {
  const take = async (end: SiteEnd) => {
    await end.client.call(takeLease, {params: {site: end.site.name}, body: run});
  };
  const giveBack = async (end: SiteEnd) => {
    await end.client.call(releaseLease, {params: {site: end.site.name, runId: run.runId}});
  };
  const taken: SiteEnd[] = [];
  try {
    for (const end of [...ends].sort(compareEnds)) {
      await take(end);
      taken.push(end);
    }
  } catch (error) {
    await Promise.allSettled(taken.map(giveBack));
    throw error;
  }
  let ended = false;
  const timer = setInterval(() => {
    for (const end of ends)
      take(end).catch((error: unknown) => {
        // A lost connection is for the step that needs it to get over.
        if (!ended && !isPassing(error)) onLost(asOperatorError(error), end);
      });
  }, renewMs);
  return {
    async renew(some = ends) {
      await Promise.all(some.map(take));
    },
    async end() {
      ended = true;
      clearInterval(timer);
      await Promise.all(
        ends.map(async end => {
          const params = {site: end.site.name, runId: run.runId};
          // What cannot be told now the agent finds out by itself when the lease runs out.
          await end.client.call(endRun, {params}).catch(() => {});
          await giveBack(end).catch(() => {});
        }),
      );
    },
  };
}

/** One order for all runs, so that of two that want the same sites one gets all of them. */
function compareEnds(a: SiteEnd, b: SiteEnd): number {
  const [left, right] = [a, b].map(({server, site}) => `${server.fingerprint}/${site.name}`);
  return left! < right! ? -1 : left! > right! ? 1 : 0;
}
