import {type FileRef, type ItemRef, refOf} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import * as endpoints from '../../protocol/history-endpoints.js';
import {inSlices} from '../../system/time-slice.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import {currentHolds} from './current-holds.js';
import {recallContent} from './recall-content.js';
import type {SiteOf} from './site.js';

/** Adds the endpoints of a site's history: what runs changed, what was undone and is held (E10, X2). */
export function registerHistoryRoutes(server: AgentServer, siteOf: SiteOf): void {
  registerEndpoint(server, endpoints.listHistory, ({params, query, signal}) => {
    const {history} = siteOf(params.site);
    const filter = {
      ...(query.runId === undefined ? {} : {runId: query.runId}),
      ...(query.item === undefined ? {} : {item: parseItemId(query.item)}),
    };
    return (async function* () {
      for await (const {before: _, after: __, ...entry} of inSlices(history.entries(filter), signal))
        yield entry;
    })();
  });

  registerEndpoint(server, endpoints.findChanges, ({params, body}) => {
    const {history} = siteOf(params.site);
    return (async function* () {
      for await (const asked of body)
        yield ('id' in asked ? history.find(asked.id) : history.newest(asked.item)) ?? null;
    })();
  });

  registerEndpoint(server, endpoints.listRunChanges, ({params, signal}) => {
    const {history, undoRecords} = siteOf(params.site);
    const {runId} = params;
    return (async function* () {
      yield {type: 'run' as const, undoneBy: undoRecords.undoneBy(runId) ?? null};
      for await (const change of inSlices(history.entries({runId}), signal))
        yield {type: 'change' as const, change};
    })();
  });

  registerEndpoint(server, endpoints.recallContent, ({params, body, signal}) => {
    const site = siteOf(params.site);
    const endWork = site.lease.begin(params.runId);
    return (async function* () {
      try {
        yield* recallContent(body, {...site, staging: site.run(params.runId).staging}, signal);
      } finally {
        endWork();
      }
    })();
  });

  registerEndpoint(server, endpoints.listHolds, ({params}) => currentHolds(siteOf(params.site)));
}

/** The item that an `itemId` names. @throws OperatorError BAD_REQUEST */
function parseItemId(text: string): ItemRef {
  const parts = /^(?:f:(?<path>.+)|r:(?<row>[^:]+):(?<key>\[.*\])|t:(?<table>.+))$/s.exec(text)?.groups;
  if (parts?.path !== undefined) return refOf({type: 'file', path: parts.path} satisfies FileRef);
  if (parts?.table !== undefined) return {type: 'table', table: parts.table};
  try {
    const key: unknown = JSON.parse(parts?.key ?? '');
    if (parts?.row !== undefined && Array.isArray(key) && key.every(part => typeof part === 'string'))
      return {type: 'row', table: parts.row, key};
  } catch {
    // Told below.
  }
  throw new OperatorError('BAD_REQUEST', `${text.slice(0, 200)} does not name an item.`);
}
