import {type ItemRecord, type ItemRef, itemId} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {Side} from './plan.js';
import {otherSide} from './take-over.js';
import type {VersionVector} from './version-vector.js';

/** A version as a hold remembers it; what never was is a deletion under the empty vector. */
export type HeldVersion = {
  readonly vector: VersionVector;
  readonly digest: string;
  readonly deleted: boolean;
};

/**
 * An item that an undo put back at a site and that runs leave alone as long as nobody changes it (CLI.md, "held"). Kept
 * by the agent of the site where it was put back, so that every console respects it.
 */
export type Hold = {
  readonly item: ItemRef;
  /** The run that was undone. */
  readonly runId: string;
  /** What the undo left at the site. */
  readonly own: HeldVersion;
  /** What the other sites of the run had then; one, unless a cluster took part. */
  readonly others: readonly HeldVersion[];
};

export function heldVersionOf(record: ItemRecord | undefined): HeldVersion {
  if (record === undefined) return {vector: '', digest: '', deleted: true};
  const {vector, digest, deleted} = record;
  return {vector, digest: deleted ? '' : digest, deleted};
}

export function sameVersion(a: HeldVersion, b: HeldVersion): boolean {
  return a.vector === b.vector && a.digest === b.digest && a.deleted === b.deleted;
}

/** Whether a hold still holds: neither side has changed the item since. */
export function isHeld(hold: Hold, own: ItemRecord | undefined, other: ItemRecord | undefined): boolean {
  const there = heldVersionOf(other);
  return (
    sameVersion(hold.own, heldVersionOf(own)) && hold.others.some(version => sameVersion(version, there))
  );
}

/** Which of the pairs are held: item id → the run that was undone. */
export function heldItems(
  pairs: Iterable<ItemPair>,
  holds: Readonly<Record<Side, readonly Hold[]>>,
): Map<string, string> {
  const sides = ['local', 'remote'] as const;
  const byItem = sides.map(side => ({
    side,
    found: new Map(holds[side].map(hold => [itemId(hold.item), hold])),
  }));
  const held = new Map<string, string>();
  for (const pair of pairs) {
    const record = pair.local ?? pair.remote;
    if (record === undefined) continue;
    const id = itemId(record);
    for (const {side, found} of byItem) {
      const hold = found.get(id);
      if (hold !== undefined && isHeld(hold, pair[side], pair[otherSide(side)])) held.set(id, hold.runId);
    }
  }
  return held;
}
