import type {FileRecord, ItemRecord} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {Side} from './plan.js';
import type {ReplaceRule} from './profile.js';
import {attributesDiffer, isLive, modeDiffers, otherSide, sameContent} from './take-over.js';
import {compareVectors, parseVector} from './version-vector.js';

/**
 * How differences are decided: both ways with a winner for conflicts (E10), one way (E11), or by making the
 * destination a mirror of the source (E6).
 */
export type Rule =
  | {readonly kind: 'two-way'; readonly winner: Side}
  | {readonly kind: 'one-way'; readonly source: Side; readonly replace: ReplaceRule}
  | {readonly kind: 'mirror'; readonly source: Side};

/** Names that PostgreSQL's multi-master world uses, and our own for what only files have (DESIGN.md, "Conflicts"). */
export type ConflictName =
  | 'insert_exists'
  | 'update_differing'
  | 'update_recently_deleted'
  | 'delete_recently_updated'
  | 'type_differs'
  | 'name_differs_in_form';

/** What is to become of one item. */
export type Decision =
  | {readonly kind: 'none'}
  /** Alike, but under versions that do not know of each other. */
  | {readonly kind: 'merge'}
  /** One side takes the other's state; with `conflict` when both had changed. */
  | {readonly kind: 'take'; readonly winner: Side; readonly conflict?: ConflictName; readonly reason?: string}
  /** Cannot be compared or moved. */
  | {readonly kind: 'skip'; readonly side: Side; readonly reason: string; readonly conflict?: ConflictName}
  /** Belongs to the destination alone and is out of reach: nothing is done to it or below it. */
  | {readonly kind: 'leave'};

const none: Decision = {kind: 'none'};

/** Decides one item by itself; what families and folders make of that is decided elsewhere. */
export function decideItem(pair: ItemPair, rule: Rule): Decision {
  const {local, remote} = pair;
  return (
    decideProblem(pair, rule) ??
    (sameContent(local, remote) ? decideAlike(pair, rule) : decideDifferent(pair, rule))
  );
}

function decideProblem(pair: ItemPair, rule: Rule): Decision | undefined {
  const affected = (['local', 'remote'] as const).filter(side => problemOf(pair[side]) !== undefined);
  if (affected.length === 0) return undefined;
  if (rule.kind === 'one-way' && pair[rule.source] === undefined) return {kind: 'leave'};
  const side = rule.kind === 'two-way' ? otherSide(affected[0]!) : otherSide(rule.source);
  return {kind: 'skip', side, reason: affected.map(at => `${at}: ${problemOf(pair[at])}`).join('; ')};
}

function problemOf(record: ItemRecord | undefined): string | undefined {
  return isLive(record) && record.type === 'file' ? record.problem : undefined;
}

function decideAlike(pair: ItemPair, rule: Rule): Decision {
  const {local, remote} = pair;
  if (local === undefined || remote === undefined) return none;
  const order = compareVectors(local.vector, remote.vector);
  if (order === 'equal') return none;
  if (!isLive(local) || local.type !== 'file' || remote.type !== 'file') return {kind: 'merge'};
  // Two copies that came about apart differ in time as a matter of course; that alone is nothing to do.
  const differs = order === 'concurrent' ? modeDiffers(local, remote) : attributesDiffer(local, remote);
  if (!differs) return {kind: 'merge'};
  const newer: Side | undefined = order === 'newer' ? 'local' : order === 'older' ? 'remote' : undefined;
  switch (rule.kind) {
    case 'two-way':
      return {kind: 'take', winner: newer ?? rule.winner, reason: attributeReason(local, remote)};
    case 'one-way':
      if (rule.replace === 'newer' && newer === otherSide(rule.source)) return none;
      return {kind: 'take', winner: rule.source, reason: attributeReason(local, remote)};
    case 'mirror':
      return {kind: 'take', winner: rule.source, reason: attributeReason(local, remote)};
  }
}

function attributeReason(a: FileRecord, b: FileRecord): string {
  return modeDiffers(a, b) ? 'permissions' : 'modification time';
}

function decideDifferent(pair: ItemPair, rule: Rule): Decision {
  switch (rule.kind) {
    case 'two-way':
      return decideTwoWay(pair, rule.winner);
    case 'one-way':
      return rule.replace === 'always' ? decideAlways(pair, rule.source) : decideNewer(pair, rule.source);
    case 'mirror':
      return {kind: 'take', winner: rule.source};
  }
}

function decideTwoWay(pair: ItemPair, policy: Side): Decision {
  const {local, remote} = pair;
  // What one side has never heard of comes from the other; contents differ, so that one is live.
  if (local === undefined || remote === undefined)
    return {kind: 'take', winner: local === undefined ? 'remote' : 'local'};
  const order = compareVectors(local.vector, remote.vector);
  if (order === 'newer') return {kind: 'take', winner: 'local'};
  if (order === 'older') return {kind: 'take', winner: 'remote'};
  // Equal versions of different content come from a restored index or database: nothing says which is right.
  return {kind: 'take', winner: policy, conflict: conflictName(pair, policy)};
}

/** Rows, and files with `replace: always`: the source's state counts, but what it never had is left alone. */
function decideAlways(pair: ItemPair, source: Side): Decision {
  const from = pair[source];
  const to = pair[otherSide(source)];
  if (from === undefined) return none;
  const order = compareVectors(from.vector, to?.vector ?? '');
  // Made again at the destination, knowing of the deletion: a new item under an old name.
  if (from.deleted && order === 'older') return none;
  return {kind: 'take', winner: source, ...overwrites(order === 'newer')};
}

/** Files with `replace: newer` (E11). */
function decideNewer(pair: ItemPair, source: Side): Decision {
  const from = pair[source];
  const to = pair[otherSide(source)];
  if (from === undefined) return none;
  const order = compareVectors(from.vector, to?.vector ?? '');
  if (order === 'newer') return {kind: 'take', winner: source};
  if (order === 'older' || from.deleted) return none;
  if (!isLive(to)) return {kind: 'take', winner: source};
  return isYounger(from, to) ? {kind: 'take', winner: source, ...overwrites(false)} : none;
}

function overwrites(wasNewer: boolean): {reason?: string} {
  return wasNewer ? {} : {reason: "replaces the destination's own change"};
}

function isYounger(a: ItemRecord, b: ItemRecord): boolean {
  return a.type === 'file' && b.type === 'file' && BigInt(a.mtime) > BigInt(b.mtime);
}

export function conflictName(pair: ItemPair, winner: Side): ConflictName {
  const from = pair[winner];
  const to = pair[otherSide(winner)];
  if (!isLive(from)) return 'delete_recently_updated';
  if (!isLive(to)) return 'update_recently_deleted';
  return shareHistory(from, to) ? 'update_differing' : 'insert_exists';
}

/** Whether two versions have an edit in common; without one, both sides made the item by themselves. */
function shareHistory(a: ItemRecord, b: ItemRecord): boolean {
  const known = parseVector(b.vector);
  return [...parseVector(a.vector).keys()].some(replica => known.has(replica));
}
