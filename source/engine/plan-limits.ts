import {finishPlan} from '../core/finish-plan.js';
import {type ItemRecord, itemId} from '../core/item.js';
import type {ItemPair} from '../core/merge-streams.js';
import type {Plan, Side} from '../core/plan.js';
import type {Scope} from '../core/scope.js';
import {isInScope} from './collect-differences.js';
import type {SiteEnds} from './connect-sites.js';
import {lookUp} from './look-up.js';

/** What of a profile a plan is held to, where a pair is one step of a run over several. */
export type PlanLimits = {
  /** The rows are another member's business, which shares the database (E23). */
  readonly withoutDatabase?: boolean;
  readonly withoutFiles?: boolean;
  /** Only rows of these tables. */
  readonly acceptsTable?: (table: string) => boolean;
  /** Only what changes this side. */
  readonly only?: Side;
  /** Only these items, by `itemId`. */
  readonly items?: ReadonlySet<string>;
  /** What the local site will have of items by then, by `itemId`, in place of what it has now. */
  readonly expected?: ReadonlyMap<string, ItemRecord>;
};

/** A profile's scope without what the plan leaves to others. */
export function limitScope(scope: Scope, {withoutDatabase, withoutFiles, acceptsTable}: PlanLimits): Scope {
  return {
    ...scope,
    ...(withoutDatabase === true ? {includesDatabase: false} : {}),
    ...(withoutFiles === true ? {includesFiles: false, accepts: () => false} : {}),
    ...(acceptsTable === undefined ? {} : {acceptsTable}),
  };
}

/** The part of a plan that changes the side it is held to. */
export function limitPlan(plan: Plan, {only}: PlanLimits): Plan {
  if (only === undefined) return plan;
  return finishPlan(
    plan.actions.filter(({side}) => side === only),
    plan.adoptions,
  );
}

/** Leaves out what a plan is not to be about, and puts in what is expected to have come to the local site. */
export async function limitPairs(
  ends: SiteEnds,
  scope: Scope,
  pairs: ItemPair[],
  {items, expected}: PlanLimits,
  signal: AbortSignal,
): Promise<ItemPair[]> {
  const idOf = ({local, remote}: ItemPair) => itemId((local ?? remote)!);
  const wanted = items === undefined ? pairs : pairs.filter(pair => items.has(idOf(pair)));
  if (expected === undefined || expected.size === 0) return wanted;
  const listed = new Map(wanted.map(pair => [idOf(pair), pair]));
  for (const [id, local] of expected) {
    const pair = listed.get(id);
    if (pair !== undefined) pair.local = local;
  }
  const others = [...expected].flatMap(([id, record]) =>
    listed.has(id) || !isInScope({local: record}, scope) ? [] : [record],
  );
  const found = await lookUp(ends.remote, others, signal);
  return [
    ...wanted,
    ...others.map(
      (local, index): ItemPair => ({
        local,
        ...(found[index] === undefined ? {} : {remote: found[index]}),
      }),
    ),
  ];
}
