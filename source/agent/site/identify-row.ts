import {OperatorError} from '../../core/operator-error.js';
import {withChanges} from '../database/derive-row.js';
import {digestRow} from '../database/row-digest.js';
import {decodeWire} from '../database/wire-value.js';
import type {StagedRow, WireRow} from './ports.js';

/** Some values of a row, and the digest that it would have with others (E18); null for a row that is gone. */
export function identifyRow(
  row: StagedRow | undefined,
  columns: readonly string[],
  changes: WireRow,
): {digest: string; values: WireRow; changedDigest: string} | null {
  if (row === undefined) return null;
  const values = Object.fromEntries(columns.map(column => [column, row.row[column] ?? null]));
  const changed = withChanges(row.row, checkedValues(changes));
  return {digest: row.digest, values, changedDigest: digestRow(changed)};
}

/** @throws OperatorError BAD_REQUEST for what is no value on the wire */
export function checkedValues(values: WireRow): WireRow {
  for (const value of Object.values(values))
    try {
      decodeWire(value);
    } catch {
      throw new OperatorError('BAD_REQUEST', 'A value that was sent is none.');
    }
  return values;
}
