import type {RowChange} from '../site/ports.js';
import {digestRow} from './row-digest.js';
import type {JournalEntry} from './row-store.js';

/** What history keeps of a change that an apply made. */
export function rowChangeOf({action, table, key, before, version, after}: JournalEntry): RowChange {
  return {
    action,
    item: {type: 'row', table, key},
    before:
      before === undefined
        ? undefined
        : {table, key, vector: version?.vector ?? '', digest: digestRow(before), row: before},
    after,
  };
}
