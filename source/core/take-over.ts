import type {DraftAction} from './finish-plan.js';
import {type FileRecord, type ItemRecord, refOf} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {ActionKind, Expectation, Side, SideOperation} from './plan.js';
import {bumpVector, compareVectors, mergeVectors, type VersionVector} from './version-vector.js';

/** The replicas that count edits of one kind of item (files or rows) at either side. */
export type ReplicaPair = Readonly<Record<Side, string>>;

export function otherSide(side: Side): Side {
  return side === 'local' ? 'remote' : 'local';
}

/** Whether a side has the item now. */
export function isLive(record: ItemRecord | undefined): record is ItemRecord {
  return record !== undefined && !record.deleted;
}

/** Whether two records stand for the same content; what is gone equals what was never there. */
export function sameContent(a: ItemRecord | undefined, b: ItemRecord | undefined): boolean {
  if (!isLive(a) || !isLive(b)) return isLive(a) === isLive(b);
  if (a.type === 'file' && b.type === 'file' && a.kind !== b.kind) return false;
  return a.digest === b.digest;
}

/** Whether permissions differ in a way that counts; those of a link mean nothing. */
export function modeDiffers(a: FileRecord, b: FileRecord): boolean {
  return a.kind !== 'link' && a.mode !== b.mode;
}

/** Whether anything but the content differs that travels: permissions, and a file's modification time. */
export function attributesDiffer(a: FileRecord, b: FileRecord): boolean {
  return modeDiffers(a, b) || (a.kind === 'file' && a.mtime !== b.mtime);
}

/** What a side must still look like for an operation against this record to be right. */
export function expectationOf(record: ItemRecord | undefined): Expectation {
  if (!isLive(record)) return {state: 'absent'};
  if (record.type !== 'file') return {state: 'present', digest: record.digest};
  return {
    state: 'present',
    kind: record.kind,
    digest: record.digest,
    ...(record.kind === 'link' ? {} : {mode: record.mode}),
  };
}

/**
 * The version under which the loser takes the winner's content: the winner's own when that is newer, else one
 * that is newer than both. It counts as an edit of the *losing* replica, because that is the side which writes
 * it, in one commit with the content; a counter of the winner's could be handed out again by the winner
 * itself before it hears of the decision, and its next edit would then look old and be lost.
 */
export function resolvedVector(
  winner: VersionVector,
  loser: VersionVector,
  losingReplica: string,
): VersionVector {
  return compareVectors(winner, loser) === 'newer'
    ? winner
    : bumpVector(mergeVectors(winner, loser), losingReplica);
}

/**
 * The operations that make the losing side of a pair like the winning one, the deciding one first; then the
 * winner's adoption of the resolved version where it is a new one. Empty when both are alike already.
 */
export function takeOver(pair: ItemPair, winner: Side, replicas: ReplicaPair): SideOperation[] {
  const loser = otherSide(winner);
  const from = pair[winner];
  const to = pair[loser];
  const vector = resolvedVector(from?.vector ?? '', to?.vector ?? '', replicas[loser]);
  const operations: SideOperation[] = [];
  const expect = expectationOf(to);
  if (isLive(from)) {
    if (from.type === 'table') return [];
    if (!sameContent(from, to))
      operations.push({side: loser, operation: {op: 'put', record: {...from, vector}, expect}});
    else if (from.type === 'file' && to?.type === 'file' && attributesDiffer(from, to))
      operations.push({side: loser, operation: {op: 'touch', record: {...from, vector}, expect}});
  } else if (isLive(to)) {
    operations.push({side: loser, operation: {op: 'delete', item: refOf(to), expect, vector}});
  }
  if (operations.length > 0 && from !== undefined && from.vector !== vector)
    operations.push(adoptOperation(winner, from, vector));
  return operations;
}

/** Takes note of a version without changing anything that can be seen. */
export function adoptOperation(side: Side, record: ItemRecord, vector: VersionVector): SideOperation {
  return {side, operation: {op: 'adopt', item: refOf(record), expect: expectationOf(record), vector}};
}

/** Operations that give equal content the version which has seen both. */
export function mergeVersions(pair: ItemPair): SideOperation[] {
  const {local, remote} = pair;
  if (local === undefined || remote === undefined) return [];
  const vector = mergeVectors(local.vector, remote.vector);
  return (['local', 'remote'] as const)
    .filter(side => pair[side]!.vector !== vector)
    .map(side => adoptOperation(side, pair[side]!, vector));
}

/** What a taken-over item looks like in a preview. */
export function kindOfAction(pair: ItemPair, winner: Side, conflict?: string): ActionKind {
  if (conflict !== undefined) return 'conflict';
  if (!isLive(pair[winner])) return 'delete';
  return isLive(pair[otherSide(winner)]) ? 'update' : 'create';
}

/** Both records of a pair, as an action shows them. */
export function beforeOf({local, remote}: ItemPair): ItemPair {
  return {...(local === undefined ? {} : {local}), ...(remote === undefined ? {} : {remote})};
}

/** An item that an undo put back and that runs leave alone (CLI.md, "held"); not counted. */
export function heldAction(pair: ItemPair, winner: Side, runId: string): DraftAction {
  return {
    side: otherSide(winner),
    item: refOf((pair.local ?? pair.remote)!),
    before: beforeOf(pair),
    kind: 'skip',
    reason: heldReason(runId),
    counted: false,
    operations: [],
  };
}

export function heldReason(runId: string): string {
  return `held after undo of ${runId}`;
}
