import {itemId} from '../../core/item.js';
import type {Side} from '../../core/plan.js';
import {listHistory} from '../../protocol/history-endpoints.js';
import {runFiles} from '../../state/run-files.js';
import {readJournal} from '../../state/run-journal.js';
import type {State} from '../../state/state.js';
import type {HistoryEntry, SiteAddress} from '../engine.js';
import {type EngineContext, findServer} from '../engine-context.js';
import {membersOf, partnersOf} from '../members.js';

/** What runs replaced or deleted at a site, newest first (E10). */
export async function* readHistory(
  context: EngineContext,
  address: SiteAddress,
  {item, runId}: {item?: Parameters<typeof itemId>[0]; runId?: string},
): AsyncGenerator<HistoryEntry, void, undefined> {
  const state = await context.state.read();
  const client = await context.connect(findServer(state, address.server));
  const sides = new Map<string, Side>();
  try {
    const entries = await client.call(listHistory, {
      params: {site: address.site},
      query: {
        ...(item === undefined ? {} : {item: itemId(item)}),
        ...(runId === undefined ? {} : {runId}),
      },
    });
    for await (const entry of entries) {
      const side = sides.get(entry.runId) ?? (await sideIn(context, state, entry.runId, address));
      sides.set(entry.runId, side);
      yield {...entry, side};
    }
  } finally {
    client.close();
  }
}

/** Which side a site was in a run; of a run of another console only the relationships tell. */
async function sideIn(
  context: EngineContext,
  state: State,
  runId: string,
  address: SiteAddress,
): Promise<Side> {
  try {
    runFiles(context.home, runId);
    const {started} = await readJournal(context.home, runId);
    return sideOf(state, address, started.relationship);
  } catch {
    return sideOf(state, address);
  }
}

/** Which side of its relationship, or of any, a site is; one without is taken for the operator's own. */
export function sideOf(state: State, address: SiteAddress, relationship = ''): Side {
  const named = state.relationships.filter(({name}) => name === relationship);
  const pairs =
    relationship === ''
      ? partnersOf(state)
      : named.flatMap(entry => membersOf(state, entry).map(remote => ({local: entry.local, remote})));
  const at = (side: Side) =>
    pairs.some(pair => pair[side].server === address.server && pair[side].site === address.site);
  return !at('local') && at('remote') ? 'remote' : 'local';
}
