import {type Hold, heldVersionOf, sameVersion} from '../../core/hold.js';
import type {SiteDatabase, SiteFiles} from './ports.js';
import type {UndoRecords} from './undo-records.js';

/**
 * Holds of items that still are as the undo left them here. Those of items that were changed here since are over, and
 * are dropped on the way; what the other side has is for whoever compares the two.
 */
export async function* currentHolds({
  files,
  database,
  undoRecords,
}: {
  files: SiteFiles;
  database: SiteDatabase | null;
  undoRecords: UndoRecords;
}): AsyncGenerator<Hold, void> {
  for (const page of undoRecords.holds()) {
    const others = page.filter(({item}) => item.type !== 'file');
    const found =
      (others.length > 0 ? await database?.lookUp(others.map(({item}) => item)) : undefined) ?? [];
    const records = new Map(others.map((hold, index) => [hold.id, found[index]]));
    const over: number[] = [];
    for (const {id, ...hold} of page) {
      const {item} = hold;
      const record = item.type === 'file' ? files.lookUp(item) : records.get(id);
      if (sameVersion(hold.own, heldVersionOf(record))) yield hold;
      else over.push(id);
    }
    undoRecords.drop(over);
  }
}
