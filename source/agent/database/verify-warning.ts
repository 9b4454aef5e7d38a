import {countOf} from '../../core/count-of.js';

/** What `run --verify` says of a table in which rows had changed although nothing was logged. */
export function verifyWarning(table: string, rows: number): string {
  return `Verify: ${countOf(rows, 'change')} of table ${table} had gone unnoticed; ${rows === 1 ? 'it takes' : 'they take'} part from now on.`;
}
