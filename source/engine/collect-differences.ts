import type {ItemRecord} from '../core/item.js';
import {type ItemPair, mergeSorted} from '../core/merge-streams.js';
import type {Side} from '../core/plan.js';
import type {Scope} from '../core/scope.js';
import {isLive, otherSide} from '../core/take-over.js';
import {listChanges, type Position} from '../protocol/record-endpoints.js';
import {bothSides, type SiteEnds} from './connect-sites.js';
import {lookUp} from './look-up.js';
import type {OnProgress} from './scan-sites.js';

/** Since when each side's changes are wanted; a part that is left out is not compared, 'start' is everything. */
export type Since = {
  readonly files?: 'start' | Readonly<Record<Side, Position>>;
  readonly database?: 'start' | Readonly<Record<Side, Position>>;
};

const start: Position = {epoch: '', seq: 0};

/**
 * Everything in scope that may differ, each with what both sides know of it. The two change streams are joined as
 * they come, and what is alike is dropped at once, so memory grows with the difference and not with the site.
 */
export async function collectDifferences(
  ends: SiteEnds,
  scope: Scope,
  since: Since,
  options: {signal: AbortSignal; onProgress: OnProgress},
): Promise<ItemPair[]> {
  const {signal, onProgress} = options;
  const [local, remote] = await Promise.all(
    bothSides.map(side => {
      const from = (part: Since['files']) =>
        part === undefined ? undefined : part === 'start' ? start : part[side];
      const [files, database] = [from(since.files), from(since.database)];
      return ends[side].client.call(listChanges, {
        params: {site: ends[side].site.name},
        body: {
          ...(files === undefined ? {} : {files}),
          ...(database === undefined || ends[side].site.engine === null ? {} : {database}),
        },
        signal,
      });
    }),
  );
  const pairs: ItemPair[] = [];
  let seen = 0;
  for await (const pair of mergeSorted(local!, remote!)) {
    seen += 1;
    if (seen % 10_000 === 0) onProgress({done: seen, unit: 'items'});
    if (isInScope(pair, scope) && !isSettled(pair, isComplete(pair, since))) pairs.push(pair);
  }
  await completePairs(ends, pairs, since, signal);
  // What the other side knows may settle a pair or put it out of scope.
  return pairs.filter(pair => isComplete(pair, since) || (isInScope(pair, scope) && !isSettled(pair, true)));
}

/** Adds what the other side knows of items that only one side has changed. */
async function completePairs(
  ends: SiteEnds,
  pairs: readonly ItemPair[],
  since: Since,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    bothSides.map(async side => {
      const missing = pairs.filter(pair => pair[side] === undefined && !isComplete(pair, since));
      const refs = missing.map(pair => pair[otherSide(side)] as ItemRecord);
      const found = await lookUp(ends[side], refs, signal);
      for (const [index, record] of found.entries()) if (record !== undefined) missing[index]![side] = record;
    }),
  );
}

/** Whether a side that is not in the pair is known not to have the item, because everything was listed. */
function isComplete({local, remote}: ItemPair, since: Since): boolean {
  const type = (local ?? remote)?.type;
  return (type === 'file' ? since.files : since.database) === 'start';
}

/** Whether a profile is about an item. */
export function isInScope({local, remote}: ItemPair, scope: Scope): boolean {
  const records = [local, remote].filter(record => record !== undefined);
  const [first] = records;
  if (first !== undefined && first.type !== 'file')
    return scope.includesDatabase && (scope.acceptsTable?.(first.table) ?? true);
  const live = records.filter(isLive);
  return (live.length > 0 ? live : records).every(
    record => record.type === 'file' && scope.accepts(record.path, record.kind === 'folder'),
  );
}

/** Whether nothing can follow from a pair: same version, same content, or gone where it never was elsewhere. */
export function isSettled({local, remote}: ItemPair, complete: boolean): boolean {
  if (local === undefined || remote === undefined) return complete && !isLive(local) && !isLive(remote);
  if (local.type === 'table' || remote.type === 'table') return local.digest === remote.digest;
  if (local.vector !== remote.vector || local.deleted !== remote.deleted || local.digest !== remote.digest)
    return false;
  if (local.type !== 'file' || remote.type !== 'file' || local.deleted) return true;
  if (local.problem !== undefined || remote.problem !== undefined) return false;
  return local.kind === remote.kind;
}
