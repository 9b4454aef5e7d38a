import type {RowRecord} from '../../core/item.js';
import type {DerivedContent} from '../../core/plan.js';
import type {StagedRow, WireRow} from '../site/ports.js';

/** A row's content with some of its values changed (E18). Whoever writes it checks that it has the record's digest. */
export function deriveRow(
  row: StagedRow,
  {table, key, vector, digest}: RowRecord,
  {changes}: DerivedContent,
): StagedRow {
  return {table, key, vector, digest, row: withChanges(row.row, changes)};
}

/** Values under other names than the row has are not added. */
export function withChanges(row: WireRow, changes: WireRow): WireRow {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      Object.hasOwn(changes, column) ? (changes[column] ?? null) : value,
    ]),
  );
}
