import type {RowRef} from '../../core/item.js';
import type {IndexedOperation} from '../site/ports.js';

/** The rows that operations are about. */
export function operationRows(operations: readonly IndexedOperation[]): RowRef[] {
  return operations.flatMap(({operation}): RowRef[] => {
    if (operation.op === 'copy-table') return [];
    const item = 'record' in operation ? operation.record : operation.item;
    return item.type === 'row' ? [{type: 'row', table: item.table, key: item.key}] : [];
  });
}
