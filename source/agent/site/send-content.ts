import type {FileRecord, RowRef} from '../../core/item.js';
import {contentOf} from '../../core/plan.js';
import type {ContentSource} from './content-source.js';
import type {IndexedOperation} from './ports.js';
import {sendLargeFile, sendSmallFiles, smallFile} from './send-files.js';
import {sendRows, sendTable} from './send-rows.js';

/** The content of operations as frames, in whatever order is cheapest. `done` is not among the frames. */
export async function* sendContent(
  operations: readonly IndexedOperation[],
  source: ContentSource,
): AsyncGenerator<Uint8Array, void> {
  const small: {index: number; record: FileRecord}[] = [];
  const large: {index: number; record: FileRecord}[] = [];
  const rows: {index: number; record: RowRef & {digest: string}}[] = [];
  const tables: {index: number; table: string}[] = [];
  for (const {index, operation} of operations) {
    if (operation.op === 'copy-table') tables.push({index, table: operation.table});
    if (operation.op !== 'put') continue;
    const {record} = operation;
    if (record.type === 'row') rows.push({index, record: contentOf(record, operation.derived)});
    else if (record.kind !== 'folder') (record.size <= smallFile ? small : large).push({index, record});
  }
  yield* sendSmallFiles(small, source);
  for (const file of large) yield* sendLargeFile(file, source);
  yield* sendRows(rows, source);
  for (const table of tables) yield* sendTable(table, source);
}
