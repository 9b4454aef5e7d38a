import {TimeSlice} from '../../system/time-slice.js';
import type {StagedRow, WireRow} from '../site/ports.js';
import type {TableLocalizer} from './row-localizer.js';
import type {RowStore} from './row-store.js';
import type {TableShape} from './table-shape.js';

/**
 * Brings the rows of a table from the form of one configuration into that of another (E28), when the replacements of
 * agent.json were changed: what travels, and with it every digest and version, stays what it was.
 * @param pages the rows in their canonical form, read as the old configuration says; a page is read at once
 * @param store writes as the new configuration says; nothing may be logged meanwhile
 * @returns what the operator should know: rows that could not be brought over and so will show as changed
 */
export async function relocalise({
  shape,
  before,
  after,
  pages,
  store,
}: {
  shape: TableShape;
  before: TableLocalizer | undefined;
  after: TableLocalizer | undefined;
  pages: () => Iterable<readonly StagedRow[]> | AsyncIterable<readonly StagedRow[]>;
  store: Pick<RowStore, 'update' | 'insert' | 'clear'>;
}): Promise<string[]> {
  if (before === undefined && after === undefined) return [];
  const {name} = shape;
  const differs = (row: WireRow) =>
    Object.entries(row).some(
      ([column, value]) =>
        (before?.toHere(column, value) ?? value) !== (after?.toHere(column, value) ?? value),
    );
  const warnings: string[] = [];
  const slice = new TimeSlice();
  const whole: StagedRow[] = [];
  let isWholeChanged = false;
  for await (const page of pages()) {
    for (const {key, row, digest} of page) {
      if (slice.isOver) await slice.yieldIfDue();
      const isChanged = differs(row);
      if (shape.primaryKey.length === 0) {
        whole.push({table: name, key, vector: '', digest, row});
        isWholeChanged ||= isChanged;
        continue;
      }
      const rejection = isChanged ? await store.update(name, key, row, digest, row) : undefined;
      if (rejection !== undefined)
        warnings.push(`${name} ${key.join(', ')} keeps its old values: ${rejection.message}`);
    }
  }
  if (!isWholeChanged) return warnings;
  await store.clear(name);
  for (const {row, digest} of whole) {
    const rejection = await store.insert(name, row, digest);
    if (rejection !== undefined) throw new Error(`cannot rewrite ${name}: ${rejection.message}`);
    if (slice.isOver) await slice.yieldIfDue();
  }
  return warnings;
}
