import type {ItemRecord, ItemRef} from './item.js';

/**
 * What a run changed at one site, as the site's agent keeps it in history (E10, X2): enough to bring back what was
 * there before, and to see whether the item still is as the run left it. Sequence numbers of the records are 0.
 */
export type Change = {
  /** Unique at its site. */
  readonly id: string;
  readonly runId: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly item: ItemRef;
  readonly action: 'create' | 'update' | 'delete';
  /** Whether what was there before is kept with all its content. */
  readonly restorable: boolean;
  /** What was there before; undefined when nothing was. */
  readonly before?: ItemRecord;
  /** What the run left there; for a deletion a record that is deleted. Undefined for a table that was copied whole. */
  readonly after?: ItemRecord;
};

/**
 * What several changes of one item by one run come to: before the first, after the last.
 * @param newestFirst at least one
 */
export function combineChanges(newestFirst: readonly Change[]): Change {
  const newest = newestFirst[0]!;
  const oldest = newestFirst.at(-1)!;
  if (newest === oldest) return newest;
  const {before} = oldest;
  const {after} = newest;
  return {
    // The content from before the first change is what an undo needs.
    id: oldest.id,
    runId: newest.runId,
    at: newest.at,
    item: newest.item,
    action: after?.deleted === true ? 'delete' : before === undefined ? 'create' : 'update',
    restorable: oldest.restorable,
    ...(before === undefined ? {} : {before}),
    ...(after === undefined ? {} : {after}),
  };
}
