import {OperatorError} from '../../core/operator-error.js';
import type {OrderedOperation} from '../../core/order-operations.js';
import type {Operation} from '../../core/plan.js';
import {recallContent as recall} from '../../protocol/history-endpoints.js';
import type {SiteEnd} from '../connect-sites.js';
import type {OnProgress} from '../scan-sites.js';

/**
 * Lets an agent stage the content of operations from its own history.
 * @param sources the history entry of each operation
 * @returns operations whose content is not kept any more, with the reason
 */
export async function recallContent(
  end: SiteEnd,
  runId: string,
  ordered: readonly OrderedOperation[],
  sources: ReadonlyMap<Operation, string>,
  options: {signal: AbortSignal; onProgress: OnProgress},
): Promise<ReadonlyMap<Operation, string>> {
  const wanted = ordered
    .map(({operation}) => operation)
    .filter(({op}) => op === 'put' || op === 'copy-table');
  const missing = new Map<Operation, string>();
  if (wanted.length === 0) return missing;
  const reply = await end.client.call(recall, {
    params: {site: end.site.name, runId},
    body: (async function* () {
      for (const operation of wanted) yield {entry: sources.get(operation)!, operation};
    })(),
    signal: options.signal,
  });
  for await (const line of reply)
    switch (line.type) {
      case 'progress':
        options.onProgress({side: end.side, done: line.done, total: wanted.length, unit: 'items'});
        break;
      case 'missing': {
        const operation = wanted[line.index];
        if (operation !== undefined) missing.set(operation, line.error);
        break;
      }
      case 'recalled':
        return missing;
    }
  throw new OperatorError('CONNECTION_LOST', `${end.server.name} did not say what its history still has.`);
}
