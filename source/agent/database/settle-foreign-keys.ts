import type {RowRef} from '../../core/item.js';
import type {Reference} from '../../core/site-description.js';
import {TimeSlice} from '../../system/time-slice.js';
import type {WireRow} from '../site/ports.js';
import {encodeKeyPart} from './key-text.js';
import type {RowApplier} from './row-applier.js';
import {digestRow} from './row-digest.js';
import type {JournalEntry, RowStore} from './row-store.js';
import {decodeWire, displayWire, type WireValue} from './wire-value.js';

/** Entries that a store is told of at once. */
const toldAhead = 100;

/**
 * Takes back what would leave a reference without its parent, until nothing does (E17): a written row whose parent is
 * not there ("parent skipped"), a deleted or re-keyed parent that a row which stays still refers to. Only rows that
 * were touched are looked at, so a reference that was broken before is nobody's fault and stays.
 *
 * Each round takes back at least one change, so it ends, at the latest where it began.
 */
export async function settleForeignKeys(store: RowStore, applier: RowApplier): Promise<void> {
  const slice = new TimeSlice();
  for (;;) {
    const children = await takeBackChildren(store, applier, slice);
    if (children > 0) continue;
    if ((await takeBackParents(store, applier, slice)) === 0) return;
  }
}

async function takeBackChildren(store: RowStore, applier: RowApplier, slice: TimeSlice): Promise<number> {
  let count = 0;
  for await (const entry of ahead(store, {parents: true})) {
    if (slice.isOver) await slice.yieldIfDue();
    if (entry.action === 'delete' || store.shape(entry.table)!.foreignKeys.length === 0) continue;
    const missing = (await store.missingParents(entry.table, entry.key)).find(
      ({reference, values}) => !sameValues(entry.before, reference, values),
    );
    if (missing === undefined || (await store.journal.find(entry.table, entry.key)) === undefined) continue;
    const parent = `${missing.reference.table} ${missing.values.map(value => displayWire(value, 80)).join(', ')}`;
    const row = parentRow(store, missing.reference, missing.values);
    const reason =
      row !== undefined && applier.wasSkipped(row)
        ? `parent skipped: ${parent}`
        : `parent missing: there is no ${parent} here`;
    await takeBack(store, applier, entry, reason);
    count++;
  }
  return count;
}

/** The journal's entries, with the store told of a lot of them before they come. */
async function* ahead(store: RowStore, options?: {parents: boolean}): AsyncGenerator<JournalEntry, void> {
  let lot: JournalEntry[] = [];
  const tell = async () => {
    const rows = lot.filter(({action, table}) =>
      options?.parents === true
        ? action !== 'delete' && store.shape(table)!.foreignKeys.length > 0
        : action === 'update' && store.referencing(table).length > 0,
    );
    if (rows.length > 0)
      await store.prefetch?.(
        rows.map(({table, key}) => ({type: 'row', table, key})),
        options,
      );
  };
  for await (const entry of store.journal.entries()) {
    lot.push(entry);
    if (lot.length < toldAhead) continue;
    await tell();
    yield* lot;
    lot = [];
  }
  await tell();
  yield* lot;
}

async function takeBackParents(store: RowStore, applier: RowApplier, slice: TimeSlice): Promise<number> {
  const lost = new Map<
    string,
    {child: string; reference: Reference; rows: RowRef[]; values: WireValue[][]}
  >();
  for await (const entry of ahead(store)) {
    if (slice.isOver) await slice.yieldIfDue();
    if (entry.before === undefined) continue;
    const keys = store.referencing(entry.table);
    if (keys.length === 0) continue;
    const now = entry.action === 'delete' ? undefined : (await store.read(entry.table, entry.key))?.row;
    for (const {child, reference} of keys) {
      const values = reference.references.map(column => entry.before![column] ?? null);
      const isKept =
        now !== undefined && reference.references.every((column, index) => now[column] === values[index]);
      if (isKept) continue;
      const id = JSON.stringify([child, reference.columns]);
      const group = lost.get(id) ?? {child, reference, rows: [], values: []};
      group.rows.push({type: 'row', table: entry.table, key: entry.key});
      group.values.push(values);
      lost.set(id, group);
    }
  }
  let count = 0;
  for (const {child, reference, rows, values} of lost.values())
    for (const {index, key} of await store.orphans(child, reference, values)) {
      const {table, key: parentKey} = rows[index]!;
      const entry = await store.journal.find(table, parentKey);
      if (entry === undefined) continue;
      await takeBack(store, applier, entry, `is still referenced by ${child} ${key.join(', ')}`);
      count++;
    }
  return count;
}

/**
 * Puts a row back to what it was, and with it every applied row that meanwhile holds one of its unique values.
 */
async function takeBack(
  store: RowStore,
  applier: RowApplier,
  first: JournalEntry,
  reason: string,
): Promise<void> {
  const restoring: JournalEntry[] = [];
  const clear = async (entry: JournalEntry, why: string): Promise<void> => {
    if (entry.action !== 'delete') await store.remove(entry.table, entry.key);
    await store.restoreVersion(entry.table, entry.key, entry.version);
    await store.journal.drop(entry.index);
    applier.skip(entry.index, {type: 'row', table: entry.table, key: entry.key}, why);
    if (entry.before !== undefined) restoring.push(entry);
  };
  await clear(first, reason);
  for (let entry = restoring.shift(); entry !== undefined; entry = restoring.shift()) {
    for (const key of await store.blockers(entry.table, entry.before!)) {
      const blocker = await store.journal.find(entry.table, key);
      if (blocker !== undefined)
        await clear(blocker, `a unique value is still held by ${entry.table} ${entry.key.join(', ')}`);
    }
    const rejection = await store.insert(entry.table, entry.before!, digestRow(entry.before!));
    if (rejection !== undefined)
      throw new Error(`cannot put back ${entry.table} ${entry.key.join(', ')}: ${rejection.message}`);
  }
}

function sameValues(
  before: WireRow | undefined,
  reference: Reference,
  values: readonly WireValue[],
): boolean {
  return before !== undefined && reference.columns.every((column, index) => before[column] === values[index]);
}

/** The row that a reference leads to, when it leads to a primary key. */
function parentRow(store: RowStore, reference: Reference, values: readonly WireValue[]): RowRef | undefined {
  const parent = store.shape(reference.table);
  if (parent === undefined) return undefined;
  const key: string[] = [];
  for (const [index, column] of parent.primaryKey.entries()) {
    const value = decodeWire(values[reference.references.indexOf(column)] ?? null);
    if (value === null) return undefined;
    key.push(encodeKeyPart(value, parent.textualKey[index]!));
  }
  return {type: 'row', table: reference.table, key};
}
