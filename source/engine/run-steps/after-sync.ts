import {countOf} from '../../core/count-of.js';
import {asOperatorError} from '../../core/operator-error.js';
import {afterSync} from '../../protocol/run-endpoints.js';
import type {SiteEnd} from '../connect-sites.js';
import type {RunLog} from './run-log.js';

/**
 * Lets every site that a run has changed take its actions (E29, E32) and writes down what became of them. A site that
 * the run has not changed has none.
 * @param persist repeats a call whose connection was lost; the agent does nothing twice
 * @returns whether all of them went well
 */
export async function takeAfterSync(
  ends: readonly SiteEnd[],
  run: {runId: string; log: RunLog; persist: <T>(work: () => Promise<T>) => Promise<T>},
): Promise<boolean> {
  const {runId, log, persist} = run;
  const results = await log.phase(
    'after-sync',
    () => Promise.all(ends.map(end => persist(() => takeAt(end, runId)).catch(asOperatorError))),
    found => {
      const count = found.reduce((sum, actions) => sum + (Array.isArray(actions) ? actions.length : 0), 0);
      return count === 0 ? 'nothing to do' : countOf(count, 'action');
    },
  );
  let well = true;
  for (const [index, found] of results.entries()) {
    const {server, site, side} = ends[index]!;
    if (!Array.isArray(found)) {
      well = false;
      log.message(
        'warn',
        `${server.name} did not say what became of its actions after the sync: ${(found as Error).message} It takes those that are left by itself.`,
      );
      continue;
    }
    for (const result of found) {
      well &&= result.outcome === 'done';
      log.write({
        type: 'run.after-sync',
        at: new Date().toISOString(),
        side,
        site: `${server.name}/${site.name}`,
        ...result,
      });
    }
  }
  return well;
}

async function takeAt({client, site}: SiteEnd, runId: string) {
  const results = [];
  for await (const line of await client.call(afterSync, {params: {site: site.name, runId}}))
    if (line.type === 'result') results.push(line.result);
  return results;
}
