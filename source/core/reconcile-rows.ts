import {type Decision, decideItem, type Rule} from './decide-item.js';
import type {DraftAction} from './finish-plan.js';
import {itemId, type RowRecord, refOf} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {Side, SideOperation} from './plan.js';
import {type FamilyEdge, findFamilies, type RowDecision} from './row-families.js';
import {
  beforeOf,
  heldAction,
  isLive,
  kindOfAction,
  mergeVersions,
  otherSide,
  type ReplicaPair,
  takeOver,
} from './take-over.js';

export type RowReconciliation = {
  readonly pairs: readonly ItemPair[];
  readonly rule: Rule;
  readonly replicas: ReplicaPair;
  /** Live children on each side of rows that would be deleted there. */
  readonly families: Readonly<Record<Side, readonly FamilyEdge[]>>;
  readonly held?: ReadonlyMap<string, string>;
};

/**
 * Decides rows: each by itself, then families. A parent that one side deleted while the other has a live child
 * of it is one conflict, whose winner decides for all of them; there is never an orphan (DESIGN.md, "Conflicts").
 */
export function reconcileRows(input: RowReconciliation): {
  actions: DraftAction[];
  adoptions: SideOperation[];
} {
  const {rule, replicas, held} = input;
  const adoptions: SideOperation[] = [];
  const decisions = new Map<string, RowDecision>();
  const actions: DraftAction[] = [];
  for (const pair of input.pairs) {
    const decision = decideItem(pair, rule);
    const heldBy = held?.get(itemId(recordOf(pair)));
    if (decision.kind === 'merge') adoptions.push(...mergeVersions(pair));
    // What is held takes no part in any family: it stays whatever becomes of its relatives.
    else if (decision.kind === 'take' && heldBy !== undefined)
      actions.push(heldAction(pair, decision.winner, heldBy));
    else if (decision.kind === 'take' || isLive(pair.local) !== isLive(pair.remote))
      decisions.set(itemId(recordOf(pair)), {pair, decision});
  }
  for (const side of ['local', 'remote'] as const)
    for (const family of findFamilies(side, decisions, input.families[side])) {
      const winner = rule.kind === 'two-way' ? rule.winner : otherSide(side);
      actions.push(familyAction(family, side, winner, rule, replicas));
      for (const {pair} of family) decisions.delete(itemId(recordOf(pair)));
    }
  for (const {pair, decision} of decisions.values())
    if (decision.kind === 'take') actions.push(rowAction(pair, decision, replicas));
  return {actions, adoptions};
}

function rowAction(pair: ItemPair, decision: Decision & {kind: 'take'}, replicas: ReplicaPair): DraftAction {
  const {winner, conflict, reason} = decision;
  return {
    side: otherSide(winner),
    item: refOf(recordOf(pair)),
    before: beforeOf(pair),
    kind: kindOfAction(pair, winner, conflict),
    ...(reason === undefined ? {} : {reason}),
    ...(conflict === undefined ? {} : {winner, conflict}),
    operations: takeOver(pair, winner, replicas),
  };
}

/** `side` is where the parents would be deleted and the children live. */
function familyAction(
  family: readonly RowDecision[],
  side: Side,
  winner: Side,
  rule: Rule,
  replicas: ReplicaPair,
): DraftAction {
  const head = family[0]!;
  const operations = family.flatMap(({pair}) => takeOver(pair, winner, replicas));
  const members = family.length - 1;
  const reason =
    `deleted at the ${otherSide(side)} site, where the ${side} site has rows that refer to it; ` +
    (winner === side ? `comes back with ${members} more` : `goes with ${members} more`);
  return {
    side: otherSide(winner),
    item: refOf(recordOf(head.pair)),
    before: beforeOf(head.pair),
    reason,
    ...(rule.kind === 'two-way'
      ? {
          kind: 'conflict',
          winner,
          conflict: winner === side ? 'update_recently_deleted' : 'delete_recently_updated',
        }
      : {kind: 'delete'}),
    operations,
  };
}

function recordOf({local, remote}: ItemPair): RowRecord {
  return (local ?? remote) as RowRecord;
}
