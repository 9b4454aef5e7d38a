import {assignNumber, maxServers} from '../core/id-blocks.js';
import {OperatorError} from '../core/operator-error.js';
import type {Side} from '../core/plan.js';
import {setNumber} from '../protocol/row-endpoints.js';
import type {State, StoredServer} from '../state/state.js';
import type {SiteEnds} from './connect-sites.js';
import type {EngineContext} from './engine-context.js';

/** The number under which a site's database issues ids (E25): its server's, unless it has one of its own. */
export function numberOfSite(server: StoredServer, site: string): number | undefined {
  return server.siteNumbers?.[site] ?? server.number;
}

/**
 * Numbers the two ends of a relationship that have no number yet (E25): the first server is the origin, number 1. What
 * an agent has been given stays, also when another console gave it, as long as no other server here has the same.
 * @param origin the side whose content the other one gets first
 * @throws OperatorError LIMIT_EXCEEDED when there are more servers than numbers
 */
export async function numberSites(context: EngineContext, ends: SiteEnds, origin: Side): Promise<void> {
  const sides: readonly Side[] = origin === 'local' ? ['local', 'remote'] : ['remote', 'local'];
  const known = await context.state.read();
  if (!sides.every(side => isSettled(known, ends, side)))
    await context.state.change(draft => {
      for (const side of sides) number(draft, ends, side);
    });
  const numbered = await context.state.read();
  for (const side of sides) {
    const {server, site, client} = ends[side];
    const wanted = numberOfSite(entryOf(numbered, server), site.name);
    if (wanted !== undefined && site.number !== wanted)
      await client.call(setNumber, {params: {site: site.name}, body: {number: wanted}});
  }
}

function isSettled(state: State, ends: SiteEnds, side: Side): boolean {
  const wanted = numberOfSite(entryOf(state, ends[side].server), ends[side].site.name);
  if (wanted === undefined || wanted !== ends[side].site.number) return false;
  return side === 'local' || !isSharedNumber(state, ends);
}

/** Whether the ends are two sites of one server that would issue the same ids. */
function isSharedNumber(state: State, {local, remote}: SiteEnds): boolean {
  return (
    entryOf(state, local.server) === entryOf(state, remote.server) &&
    numberOfSite(entryOf(state, local.server), local.site.name) ===
      numberOfSite(entryOf(state, remote.server), remote.site.name)
  );
}

function number(draft: State, ends: SiteEnds, side: Side): void {
  const {server, site} = ends[side];
  const entry = entryOf(draft, server);
  const own = numberOfSite(entry, site.name);
  const used = new Set(
    draft.servers.flatMap(other => [
      ...(other.number === undefined || (other === entry && own === other.number) ? [] : [other.number]),
      ...Object.entries(other.siteNumbers ?? {}).flatMap(([name, taken]) =>
        other === entry && name === site.name ? [] : [taken],
      ),
    ]),
  );
  // A number of the site's own, because the other end is a site of the same server.
  if (own !== undefined && isSharedNumber(draft, ends)) {
    if (side === 'local') return;
    entry.siteNumbers = {...entry.siteNumbers, [site.name]: next(draft, undefined, new Set([...used, own]))};
    return;
  }
  const found = next(draft, site.number ?? own, used);
  if (entry.number === undefined) entry.number = found;
  else if (found !== own) entry.siteNumbers = {...entry.siteNumbers, [site.name]: found};
}

/** A number that no server has or had: the ids of one that was removed are still about. */
function next(draft: State, own: number | undefined, used: ReadonlySet<number>): number {
  const found = assignNumber(own, used, draft.lastNumber);
  draft.lastNumber = Math.max(draft.lastNumber ?? 0, found);
  if (found <= maxServers) return found;
  throw new OperatorError('LIMIT_EXCEEDED', `There are numbers for ${maxServers} servers only.`, {
    hint: 'Remove servers that are no longer used: `lockstep server remove`.',
  });
}

function entryOf(state: State, server: StoredServer): StoredServer {
  return state.servers.find(({name}) => name === server.name) ?? server;
}
