import {OperatorError} from '../../core/operator-error.js';
import type {OrderedOperation} from '../../core/order-operations.js';
import type {Operation, Side} from '../../core/plan.js';
import {otherSide} from '../../core/take-over.js';
import {transferContent} from '../../protocol/content-endpoints.js';
import type {SiteEnds} from '../connect-sites.js';
import type {OnProgress} from '../scan-sites.js';

export type StagedContent = {
  /** Content sent between the agents, after delta and compression. */
  readonly bytes: number;
  /** Operations whose content is no longer what the plan saw, with the reason. */
  readonly missing: ReadonlyMap<Operation, string>;
};

/**
 * Lets the local agent bring the content of one side's operations to where it will be needed (DESIGN.md, "Who
 * talks to whom"): it pushes to the remote side and pulls for its own. Nothing visible changes.
 */
export async function stageContent(
  ends: SiteEnds,
  runId: string,
  side: Side,
  ordered: readonly OrderedOperation[],
  options: {signal: AbortSignal; onProgress: OnProgress},
): Promise<StagedContent> {
  const operations = ordered.map(({operation}) => operation).filter(needsContent);
  if (operations.length === 0) return {bytes: 0, missing: new Map()};
  const {remote, local} = ends;
  const reply = await local.client.call(transferContent, {
    params: {site: local.site.name, runId},
    body: (async function* () {
      yield {
        peer: {url: remote.server.url, fingerprint: remote.server.fingerprint, site: remote.site.name},
        way: side === 'remote' ? ('push' as const) : ('pull' as const),
      };
      yield* operations;
    })(),
    signal: options.signal,
  });
  const missing = new Map<Operation, string>();
  for await (const line of reply) {
    switch (line.type) {
      case 'progress':
        options.onProgress({side, done: line.done, total: line.total, unit: 'items'});
        break;
      case 'missing': {
        const operation = operations[line.index];
        if (operation !== undefined) missing.set(operation, line.error);
        break;
      }
      case 'transferred':
        return {bytes: line.bytes, missing};
    }
  }
  throw new OperatorError(
    'CONNECTION_LOST',
    `The transfer to ${ends[side].server.name} (from ${ends[otherSide(side)].server.name}) ended too early.`,
  );
}

function needsContent(operation: Operation): boolean {
  if (operation.op === 'copy-table') return true;
  if (operation.op !== 'put' || operation.derived?.here === true) return false;
  return !(operation.record.type === 'file' && operation.record.kind === 'folder');
}
