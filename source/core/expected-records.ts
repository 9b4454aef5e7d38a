import {type ItemRecord, type ItemRef, itemId} from './item.js';
import type {Plan, Side} from './plan.js';
import type {VersionVector} from './version-vector.js';

/** What a side will have of the items that a plan changes there, by `itemId`. */
export function expectedRecords({actions}: Pick<Plan, 'actions'>, side: Side): Map<string, ItemRecord> {
  const expected = new Map<string, ItemRecord>();
  for (const {operations} of actions)
    for (const {side: at, operation} of operations) {
      if (at !== side) continue;
      if (operation.op === 'put' || operation.op === 'touch')
        expected.set(itemId(operation.record), operation.record);
      else if (operation.op === 'delete') {
        const gone = tombstoneOf(operation.item, operation.vector);
        if (gone !== undefined) expected.set(itemId(operation.item), gone);
      }
    }
  return expected;
}

function tombstoneOf(item: ItemRef, vector: VersionVector): ItemRecord | undefined {
  const common = {vector, deleted: true, seq: 0, digest: ''} as const;
  switch (item.type) {
    case 'file':
      return {...item, ...common, kind: 'file', size: 0, mtime: '0', mode: 0};
    case 'row':
      return {...item, ...common};
    case 'table':
      return undefined;
  }
}
