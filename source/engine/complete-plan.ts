import {compareItems, type FileRecord, itemId, type RowRecord} from '../core/item.js';
import type {ItemPair} from '../core/merge-streams.js';
import type {Operation, Plan, Side} from '../core/plan.js';
import type {ReconcileInput} from '../core/reconcile.js';
import type {FamilyEdge} from '../core/row-families.js';
import type {Scope} from '../core/scope.js';
import {isLive, otherSide} from '../core/take-over.js';
import {bothSides, type SiteEnds} from './connect-sites.js';
import {children, inside, lookUp} from './look-up.js';

/** What a plan depends on beyond the differences themselves. */
export type Surroundings = Pick<ReconcileInput, 'occupied' | 'families'>;

/**
 * Makes a plan that knows its surroundings: folders that are out of scope but needed, folders that hold something
 * out of scope, and rows that refer to rows which would go. The rules are pure and cannot ask; so they are applied,
 * what follows is asked of the agents, and they are applied again.
 * @param pairs gets the folders that were missing
 */
export async function completePlan(
  ends: SiteEnds,
  scope: Scope,
  pairs: ItemPair[],
  decide: (pairs: readonly ItemPair[], surroundings: Surroundings) => Plan,
  signal: AbortSignal,
): Promise<Plan> {
  const nothing: Surroundings = {
    occupied: {local: new Set(), remote: new Set()},
    families: {local: [], remote: []},
  };
  let plan = decide(pairs, nothing);
  const added = await addMissingFolders(ends, pairs, plan, signal);
  if (added) plan = decide(pairs, nothing);
  const [local, remote] = await Promise.all(
    bothSides.map(side => lookAround(ends, side, scope, plan, signal)),
  );
  if ([local!, remote!].every(({occupied, families}) => occupied.size === 0 && families.length === 0))
    return plan;
  plan = decide(pairs, {
    occupied: {local: local!.occupied, remote: remote!.occupied},
    families: {local: local!.families, remote: remote!.families},
  });
  // A folder that stays, or an item that comes back, may need folders above it.
  return (await addMissingFolders(ends, pairs, plan, signal))
    ? decide(pairs, {
        occupied: {local: local!.occupied, remote: remote!.occupied},
        families: {local: local!.families, remote: remote!.families},
      })
    : plan;
}

/**
 * Folders above what is put somewhere, where that side has none: a filter such as `*.gif` names no folders, and the
 * files need them all the same.
 */
async function addMissingFolders(
  ends: SiteEnds,
  pairs: ItemPair[],
  plan: Plan,
  signal: AbortSignal,
): Promise<boolean> {
  const known = new Set(pairs.map(pair => itemId((pair.local ?? pair.remote)!)));
  const wanted = new Map<string, Side>();
  for (const {operations} of plan.actions)
    for (const {side, operation} of operations)
      if (operation.op === 'put' && operation.record.type === 'file')
        for (const folder of foldersAbove(operation.record.path))
          if (!known.has(itemId({type: 'file', path: folder}))) wanted.set(folder, side);
  if (wanted.size === 0) return false;
  const folders = [...wanted.keys()];
  // The raw form of a name is only needed for writing; the agents look up by the text.
  const refs = folders.map(path => ({type: 'file', path}) as const);
  const [local, remote] = await Promise.all(bothSides.map(side => lookUp(ends[side], refs, signal)));
  let added = false;
  for (const [index, folder] of folders.entries()) {
    const pair = {local: local![index], remote: remote![index]};
    const target = wanted.get(folder)!;
    if (isLive(pair[target]) || !isLive(pair[otherSide(target)])) continue;
    pairs.push({
      ...(pair.local === undefined ? {} : {local: pair.local}),
      ...(pair.remote === undefined ? {} : {remote: pair.remote}),
    });
    added = true;
  }
  return added;
}

function* foldersAbove(path: string): Iterable<string> {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1))
    yield path.slice(0, slash);
}

/** What stands around the deletions of a plan at one side. */
async function lookAround(
  ends: SiteEnds,
  side: Side,
  scope: Scope,
  plan: Plan,
  signal: AbortSignal,
): Promise<{occupied: Set<string>; families: FamilyEdge[]}> {
  const occupied = new Set<string>();
  const families: FamilyEdge[] = [];
  const {folders, rows} = goingAt(plan, side);
  const tops = topmost(folders).map(({path}) => path);
  for await (const {path, kind} of inside(ends[side], tops, signal))
    if (!scope.accepts(path, kind === 'folder'))
      for (const folder of foldersAbove(path)) occupied.add(folder);
  for await (const edge of children(ends[side], rows, signal)) families.push(edge);
  return {occupied, families};
}

/** Folders and rows that a plan takes away at a side. */
function goingAt(
  plan: Plan,
  side: Side,
): {folders: Pick<FileRecord, 'type' | 'path'>[]; rows: Pick<RowRecord, 'type' | 'table' | 'key'>[]} {
  const folders: Pick<FileRecord, 'type' | 'path'>[] = [];
  const rows: Pick<RowRecord, 'type' | 'table' | 'key'>[] = [];
  for (const {operations} of plan.actions)
    for (const {side: at, operation} of operations) {
      if (at !== side) continue;
      const folder = folderThatGoes(operation);
      if (folder !== undefined) folders.push(folder);
      else if (operation.op === 'delete' && operation.item.type === 'row') rows.push(operation.item);
    }
  return {folders, rows};
}

function folderThatGoes(operation: Operation): Pick<FileRecord, 'type' | 'path'> | undefined {
  if (operation.op !== 'delete' && operation.op !== 'put') return undefined;
  if (operation.expect.state !== 'present' || operation.expect.kind !== 'folder') return undefined;
  const item = operation.op === 'delete' ? operation.item : operation.record;
  return item.type === 'file' ? item : undefined;
}

/** Without folders inside other ones: everything below is listed anyway. */
function topmost(folders: readonly Pick<FileRecord, 'type' | 'path'>[]): typeof folders {
  const tops = new Set<string>();
  const sorted = [...folders].sort(compareItems);
  return sorted.filter(({path}) => {
    for (const above of foldersAbove(path)) if (tops.has(above)) return false;
    tops.add(path);
    return true;
  });
}
