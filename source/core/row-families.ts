import type {Decision} from './decide-item.js';
import {compareItems, itemId, type RowRecord, type RowRef} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {Side} from './plan.js';
import {isLive, otherSide} from './take-over.js';

/** A row that refers to another one. */
export type FamilyEdge = {readonly child: RowRecord; readonly parent: RowRef};

export type RowDecision = {readonly pair: ItemPair; readonly decision: Decision};

/**
 * Groups rows that must be decided together: rows that would be deleted at `side`, and the rows there that refer
 * to them and would stay. Each family starts with a row that none of its others is a parent of; parents come
 * before children. A child without a decision is alike on both sides and so is no reason for a conflict.
 */
export function findFamilies(
  side: Side,
  decisions: ReadonlyMap<string, RowDecision>,
  edges: readonly FamilyEdge[],
): RowDecision[][] {
  const parentsOf = new Map<string, string[]>();
  const childrenOf = new Map<string, string[]>();
  for (const {child, parent} of edges) {
    const [childId, parentId] = [itemId(child), itemId(parent)];
    // A row that refers to itself is its own business.
    if (childId === parentId || !isMember(decisions.get(childId), side)) continue;
    if (!isMember(decisions.get(parentId), side)) continue;
    append(parentsOf, childId, parentId);
    append(childrenOf, parentId, childId);
  }
  const seen = new Set<string>();
  const families: RowDecision[][] = [];
  for (const start of [...new Set([...parentsOf.keys(), ...childrenOf.keys()])]) {
    if (seen.has(start)) continue;
    const members = connected(start, id => [...(parentsOf.get(id) ?? []), ...(childrenOf.get(id) ?? [])]);
    for (const id of members) seen.add(id);
    const goes = members.some(id => isDeletedAt(decisions.get(id), side));
    const stays = members.some(id => isStayingChild(decisions.get(id), side));
    if (goes && stays) families.push(inOrder(members, parentsOf, childrenOf, decisions, side));
  }
  return families;
}

function isMember(row: RowDecision | undefined, side: Side): row is RowDecision {
  return isDeletedAt(row, side) || isStayingChild(row, side);
}

/** Whether the row, decided by itself, goes at that side. */
function isDeletedAt(row: RowDecision | undefined, side: Side): boolean {
  if (row?.decision.kind !== 'take') return false;
  const {winner} = row.decision;
  return winner !== side && isLive(row.pair[side]) && !isLive(row.pair[winner]);
}

/** Whether that side's own version of the row stays, or is one that only this side has. */
function isStayingChild(row: RowDecision | undefined, side: Side): boolean {
  if (row === undefined || !isLive(row.pair[side])) return false;
  if (row.decision.kind === 'take') return row.decision.winner === side;
  return !isLive(row.pair[otherSide(side)]);
}

function connected(start: string, neighbours: (id: string) => readonly string[]): string[] {
  const found = new Set([start]);
  for (const id of found) for (const next of neighbours(id)) found.add(next);
  return [...found];
}

/** Breadth first from the deleted rows that have no deleted parent; what a cycle hides comes last. */
function inOrder(
  members: readonly string[],
  parentsOf: ReadonlyMap<string, readonly string[]>,
  childrenOf: ReadonlyMap<string, readonly string[]>,
  decisions: ReadonlyMap<string, RowDecision>,
  side: Side,
): RowDecision[] {
  const row = (id: string) => decisions.get(id)!;
  const byItem = (a: string, b: string) => compareItems(refOfRow(row(a)), refOfRow(row(b)));
  const gone = members.filter(id => isDeletedAt(row(id), side)).sort(byItem);
  const tops = gone.filter(id => !(parentsOf.get(id) ?? []).some(parent => gone.includes(parent)));
  const ordered = new Set<string>(tops.length > 0 ? tops : gone.slice(0, 1));
  for (const id of ordered)
    for (const child of [...(childrenOf.get(id) ?? [])].sort(byItem)) ordered.add(child);
  for (const id of [...members].sort(byItem)) ordered.add(id);
  return [...ordered].map(row);
}

function refOfRow({pair}: RowDecision): RowRef {
  return (pair.local ?? pair.remote) as RowRecord;
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
