import type {RowRef} from '../../core/item.js';
import type {Plan, PlannedCollision, Side} from '../../core/plan.js';
import {otherSide} from '../../core/take-over.js';
import type {State, StoredCollision} from '../../state/state.js';
import {bothSides, type SiteEnds} from '../connect-sites.js';
import type {EngineContext} from '../engine-context.js';
import {type Facts, identify} from './collision-work.js';

/** Collisions that the state remembers; beyond, the oldest that were reviewed go first. */
const remembered = 10_000;

/** What a run is about to rename or renumber, with the number under which it was noted. */
export type ExpectedCollisions = ReadonlyMap<PlannedCollision, number>;

/**
 * Notes what a plan renames or renumbers (E18) before it is carried out: a run that dies right after its commit could
 * not say it any more. Nobody sees the notes until they are settled.
 */
export async function expectCollisions(
  context: EngineContext,
  ends: SiteEnds,
  runId: string,
  {actions}: Plan,
): Promise<ExpectedCollisions> {
  const expected = new Map<PlannedCollision, number>();
  const found = actions.flatMap(({side, collision}) => (collision === undefined ? [] : [{side, collision}]));
  if (found.length === 0) return expected;
  const at = new Date().toISOString();
  await context.state.change(state => {
    let last = state.collisions?.at(-1)?.number ?? 0;
    const added = found.map(({side, collision}): StoredCollision => {
      const [home, away] = [ends[side], ends[otherSide(side)]];
      last += 1;
      expected.set(collision, last);
      return {
        number: last,
        ...collision,
        key: [...collision.key],
        server: home.server.name,
        site: home.site.name,
        runId,
        at,
        reviewed: false,
        other: {server: away.server.name, site: away.site.name},
        unsettled: true,
      };
    });
    state.collisions = within([...(state.collisions ?? []), ...added]);
  });
  return expected;
}

/**
 * Puts what was renamed on the list for somebody to look at.
 * @param certain whether what is not among `renamed` did not happen; else the next run finds out
 */
export async function settleCollisions(
  context: EngineContext,
  runId: string,
  expected: ExpectedCollisions,
  {renamed, certain}: {renamed: ReadonlySet<PlannedCollision>; certain: boolean},
): Promise<void> {
  if (expected.size === 0) return;
  const happened = new Map([...expected].map(([collision, number]) => [number, renamed.has(collision)]));
  await context.state.change(state => {
    settle(state, entry => {
      const known = entry.runId === runId ? happened.get(entry.number) : undefined;
      return known === false && !certain ? undefined : known;
    });
  });
}

/**
 * Settles what earlier runs between two sites left open, because they died or lost a side: what has its new name at
 * either site was renamed. To be called while both sites are held, so that none of those runs is still at it.
 * @returns how many came onto the list
 */
export async function takeUpCollisions(
  context: EngineContext,
  ends: SiteEnds,
  signal: AbortSignal,
): Promise<number> {
  const {collisions = []} = await context.state.read();
  const open = collisions.filter(entry => entry.unsettled && isBetween(ends, entry));
  if (open.length === 0) return 0;
  const questions = open.map(({table, key, column}) => {
    const row: RowRef = {type: 'row', table, key};
    return {row, columns: [column], changes: {}};
  });
  const facts = await Promise.all(bothSides.map(side => identify(ends[side], questions, signal)));
  const renamed = new Map(
    open.map((entry, index) => [entry.number, facts.some(found => hasNewName(found[index] ?? null, entry))]),
  );
  await context.state.change(state => settle(state, ({number}) => renamed.get(number)));
  return [...renamed.values()].filter(Boolean).length;
}

/** @param happened undefined for what stays open */
function settle(state: State, happened: (entry: StoredCollision) => boolean | undefined): void {
  state.collisions = (state.collisions ?? []).flatMap(({unsettled, ...entry}) => {
    const known = unsettled ? happened(entry) : true;
    if (known === undefined) return [{...entry, unsettled: true as const}];
    return known ? [entry] : [];
  });
}

function isBetween(ends: SiteEnds, {server, site, other}: StoredCollision): boolean {
  const is = (side: Side, address: {server: string; site: string} | undefined) =>
    address !== undefined &&
    ends[side].server.name === address.server &&
    ends[side].site.name === address.site;
  return bothSides.some(side => is(side, {server, site}) && is(otherSide(side), other));
}

/** A name is text, a number that was given anew an integer. */
function hasNewName(facts: Facts | null, {column, modified}: StoredCollision): boolean {
  const value = facts?.values[column];
  return value === `t${modified}` || value === `i${modified}`;
}

function within(collisions: StoredCollision[]): StoredCollision[] {
  let surplus = collisions.length - remembered;
  if (surplus <= 0) return collisions;
  const kept = collisions.filter(({reviewed}) => !(reviewed && surplus-- > 0));
  return kept.slice(-remembered);
}
