import {type Hold, heldItems} from '../core/hold.js';
import {type ItemRef, itemId} from '../core/item.js';
import type {ItemPair} from '../core/merge-streams.js';
import type {Scope} from '../core/scope.js';
import {listHolds} from '../protocol/history-endpoints.js';
import {isInScope, isSettled} from './collect-differences.js';
import {bothSides, type SiteEnd, type SiteEnds} from './connect-sites.js';
import {lookUp} from './look-up.js';

/**
 * Which items an undo holds (CLI.md): item id → the run that was undone. Items that are held stay in every plan, also
 * when the change streams have passed them long ago.
 * @param pairs gets the held items that are not among them
 */
export async function findHeld(
  ends: SiteEnds,
  scope: Scope,
  pairs: ItemPair[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const [local, remote] = await Promise.all(bothSides.map(side => holdsAt(ends[side], signal)));
  const holds = {local: local!, remote: remote!};
  const known = new Set(pairs.map(pair => itemId((pair.local ?? pair.remote)!)));
  const missing = new Map<string, ItemRef>();
  for (const {item} of [...holds.local, ...holds.remote]) {
    const id = itemId(item);
    if (!known.has(id)) missing.set(id, item);
  }
  const refs = [...missing.values()];
  const [here, there] = await Promise.all(bothSides.map(side => lookUp(ends[side], refs, signal)));
  for (const index of refs.keys()) {
    const [localRecord, remoteRecord] = [here![index], there![index]];
    const pair: ItemPair = {
      ...(localRecord === undefined ? {} : {local: localRecord}),
      ...(remoteRecord === undefined ? {} : {remote: remoteRecord}),
    };
    if (isInScope(pair, scope) && !isSettled(pair, true)) pairs.push(pair);
  }
  return heldItems(pairs, holds);
}

async function holdsAt({client, site}: SiteEnd, signal: AbortSignal): Promise<readonly Hold[]> {
  const holds = await client.call(listHolds, {params: {site: site.name}, signal});
  return await Array.fromAsync(holds);
}
