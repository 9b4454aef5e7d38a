import type {Action, Plan, PlanCounts, Side, SideCounts, SideOperation} from './plan.js';
import {compareActions, planHash} from './plan-hash.js';

/** An action before the plan as a whole gives it its id. */
export type DraftAction = Omit<Action, 'id'>;

/** Puts actions into canonical order, numbers and counts them, and seals them with the hash (X2). */
export function finishPlan(drafts: readonly DraftAction[], adoptions: readonly SideOperation[]): Plan {
  const actions = drafts
    .map(draft => ({...draft, id: ''}))
    .sort(compareActions)
    .map((action, index): Action => ({...action, id: String(index + 1)}));
  let hash: string | undefined;
  return {
    actions,
    adoptions,
    counts: countActions(actions),
    // A run never asks for it, and the plan may have a hundred thousand actions.
    get hash() {
      hash ??= planHash(actions);
      return hash;
    },
  };
}

/** What a preview's summary says; a skip with `counted: false` is not in it. */
export function countActions(actions: Iterable<Pick<Action, 'side' | 'kind' | 'counted'>>): PlanCounts {
  const sides: Record<Side, {-readonly [K in keyof SideCounts]: number}> = {
    local: {create: 0, update: 0, delete: 0},
    remote: {create: 0, update: 0, delete: 0},
  };
  let conflicts = 0;
  let skipped = 0;
  for (const {side, kind, counted} of actions) {
    if (kind === 'conflict') conflicts += 1;
    else if (kind === 'skip') skipped += counted === false ? 0 : 1;
    else sides[side][kind] += 1;
  }
  return {...sides, conflicts, skipped};
}
