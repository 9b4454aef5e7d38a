import type {StagedRow} from '../site/ports.js';
import {digestRow} from './row-digest.js';
import type {TableShape} from './table-shape.js';

/**
 * Why a row that arrived cannot be written into a table; undefined when it can.
 * @param digest what was announced
 */
export function contentProblem(
  shape: TableShape,
  staged: StagedRow,
  digest: string,
): {error: string; conflict?: string} | undefined {
  const unknown = Object.keys(staged.row).find(column => !shape.columns.includes(column));
  if (unknown !== undefined)
    return {
      error: `the table ${shape.name} has no column ${unknown} here`,
      conflict: 'target_column_missing',
    };
  const absent = shape.columns.find(column => !Object.hasOwn(staged.row, column));
  if (absent !== undefined)
    return {
      error: `the column ${shape.name}.${absent} is missing at the source`,
      conflict: 'target_column_missing',
    };
  if (shape.primaryKey.length > 0 && staged.key.length !== shape.primaryKey.length)
    return {error: `the primary key of table ${shape.name} is another one here`};
  if (digestRow(staged.row) !== digest) return {error: 'the content that arrived does not match its digest'};
  return undefined;
}
