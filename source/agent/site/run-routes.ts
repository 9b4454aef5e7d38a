import type {AfterSyncResult} from '../../core/after-sync.js';
import * as endpoints from '../../protocol/run-endpoints.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import {faultPoint} from './fault-point.js';
import {leaseMs} from './leases.js';
import {splitHeader, spoolPath} from './operation-body.js';
import {OperationSpool} from './operation-spool.js';
import {reportWhile} from './report-while.js';
import type {Site, SiteOf} from './site.js';

/** Adds what holds a site for a run, commits and ends one. */
export function registerRunRoutes(server: AgentServer, siteOf: SiteOf): void {
  registerEndpoint(server, endpoints.takeLease, async ({params, body}) => ({
    holder: siteOf(params.site).lease.take(body.runId, body.by),
    leaseMs,
  }));

  registerEndpoint(server, endpoints.releaseLease, async ({params}) => {
    siteOf(params.site).lease.release(params.runId);
    return {};
  });

  registerEndpoint(server, endpoints.commitRun, ({params, body}) => {
    const site = siteOf(params.site);
    return (async function* () {
      const spool = new OperationSpool(spoolPath(site, params.runId));
      const {header, operations} = await splitHeader(body, isCommitHeader);
      // A body that ends too early throws here, before anything is done.
      await spool.fill(operations);
      const result = yield* reportWhile<
        {type: 'progress'; done: number; total: number},
        Awaited<ReturnType<Site['commit']>>
      >(report =>
        site
          .commit({runId: params.runId, step: params.step, ...header}, spool, (done, total) =>
            report({type: 'progress', done, total: total ?? spool.count}),
          )
          .finally(() => spool.discard()),
      );
      for (const outcome of result.outcomes)
        yield 'count' in outcome
          ? {type: 'outcomes' as const, run: outcome}
          : {type: 'outcome' as const, outcome};
      yield {type: 'committed' as const, ...result.positions};
      faultPoint('commit.answered');
    })();
  });

  registerEndpoint(server, endpoints.afterSync, ({params}) => {
    const site = siteOf(params.site);
    const endWork = site.lease.begin(params.runId);
    return (async function* () {
      try {
        const results = yield* reportWhile<{type: 'working'}, readonly AfterSyncResult[]>(async report => {
          // So that a connection on which nothing is said is not taken for a dead one.
          const timer = setInterval(() => report({type: 'working'}), 5_000);
          return site.afterSync.run(params.runId).finally(() => clearInterval(timer));
        });
        for (const result of results) yield {type: 'result' as const, result};
      } finally {
        endWork();
      }
    })();
  });

  registerEndpoint(server, endpoints.endRun, async ({params}) => {
    await siteOf(params.site).endRun(params.runId);
    return {};
  });
}

type CommitLine = {
  strict: boolean;
  by: string;
  lineage?: string;
  initialSyncFrom?: string;
  undo?: {runId: string; kind: 'undo' | 'redo'};
};

const isCommitHeader = (line: object): line is CommitLine => 'strict' in line;
