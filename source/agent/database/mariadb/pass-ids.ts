import {steerAfter} from '../../../core/id-blocks.js';
import type {WireRow} from '../../site/ports.js';
import type {WireValue} from '../wire-value.js';
import {quote} from './sql-text.js';
import type {WorkTable} from './workspace.js';

/** Number of this server and the id that each table issues next (E25). */
export type NextIds = {readonly number: number; readonly next: Map<string, bigint>};

/**
 * The engine goes on after the highest id it ever saw, at once and for everybody. So before a row of another server's
 * block takes the counter there, the counter is sent on to the next block of this server (E25): by the row itself,
 * which comes and goes under the last id before it.
 * @param beforeWrite told of that row
 */
export async function passIds(
  {table: {name, idColumn}, access}: WorkTable,
  {number, next}: NextIds,
  rows: readonly WireRow[],
  beforeWrite: (row: WireRow) => Promise<void>,
): Promise<void> {
  const due = next.get(name);
  if (due === undefined || idColumn === undefined) return;
  let highest = due - 1n;
  let bearer: WireRow | undefined;
  for (const row of rows) {
    const id = integerOf(row[idColumn.name]);
    if (id === undefined || id <= highest) continue;
    highest = id;
    bearer = row;
  }
  if (bearer === undefined) return;
  const found = steerAfter(number, highest, idColumn.limit);
  if (found.kind !== 'move') {
    next.set(name, highest + 1n);
    return;
  }
  const row = {...bearer, [idColumn.name]: `i${found.block.from - 1n}`};
  await beforeWrite(row);
  if ((await access.insert(row)) !== undefined) return;
  await access.connection.run(
    `DELETE FROM ${quote(name)} WHERE ${quote(idColumn.name)} = ${found.block.from - 1n}`,
  );
  next.set(name, found.block.from);
}

function integerOf(value: WireValue | undefined): bigint | undefined {
  return typeof value === 'string' && /^i-?\d+$/.test(value) ? BigInt(value.slice(1)) : undefined;
}
