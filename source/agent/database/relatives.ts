import type {RowRecord, RowRef} from '../../core/item.js';
import type {Reference} from '../../core/site-description.js';
import type {TableSettings} from './database-options.js';
import type {Awaitable, PresentRow, StoredVersion} from './row-store.js';
import {referencesOf, type TableShape} from './table-shape.js';
import type {WireValue} from './wire-value.js';

/** Rows whose children are asked for at once. */
const parentsAtOnce = 500;

type Settings = Readonly<Record<string, TableSettings>> | undefined;
type Key = readonly string[];

/** What is asked of an engine about rows that refer to others. Keys are key text; `WorkTable` is the engine's own. */
export type Relations<WorkTable extends {readonly table: TableShape}> = {
  readonly tables: ReadonlyMap<string, WorkTable>;
  /** Rows as they are now, by the JSON text of their key. */
  rows(of: WorkTable, keys: readonly Key[]): Awaitable<ReadonlyMap<string, PresentRow>>;
  /** Keys of rows that refer to one of these values, each with the place of the values. */
  referring(
    child: WorkTable,
    reference: Reference,
    values: readonly (readonly WireValue[])[],
  ): Awaitable<readonly {readonly index: number; readonly key: Key}[]>;
  /** Keys of the rows that one row refers to. */
  referred(child: WorkTable, key: Key, reference: Reference, parent: WorkTable): Awaitable<readonly Key[]>;
  /** Versions by the JSON text of the key. */
  versions(of: WorkTable, keys: readonly Key[]): Awaitable<ReadonlyMap<string, StoredVersion>>;
};

/** Live rows that refer to the given ones by foreign keys or declared references, through all levels. */
export async function* childrenOf<WorkTable extends {readonly table: TableShape}>(
  relations: Relations<WorkTable>,
  refs: readonly RowRef[],
  settings: Settings,
): AsyncGenerator<{child: RowRecord; parent: RowRef}, void> {
  const {tables} = relations;
  const references = Map.groupBy(allReferences(tables, settings), ({reference}) => reference.table);
  const seen = new Set(refs.map(rowId));
  for (let wave: readonly RowRef[] = refs; wave.length > 0; ) {
    const next: RowRef[] = [];
    for (const [table, parents] of lots(wave)) {
      const target = tables.get(table);
      const referring = references.get(table) ?? [];
      if (target === undefined || referring.length === 0) continue;
      const keys = parents.map(({key}) => key);
      const rows = await relations.rows(target, keys);
      for (const {child, reference} of referring) {
        if (child.table.primaryKey.length === 0) continue;
        const values = keys.map(key => {
          const row = rows.get(JSON.stringify(key))?.row;
          return reference.references.map(column => row?.[column] ?? null);
        });
        const found = await relations.referring(child, reference, values);
        const records = await liveRecords(
          relations,
          child,
          found.map(({key}) => key),
        );
        for (const {index, key} of found) {
          const record = records.get(JSON.stringify(key));
          if (record === undefined) continue;
          yield {child: record, parent: parents[index]!};
          if (isNew(seen, record)) next.push(refOf(record));
        }
      }
    }
    wave = next;
  }
}

/** Live rows that the given ones refer to, through all levels. */
export async function* parentsOf<WorkTable extends {readonly table: TableShape}>(
  relations: Relations<WorkTable>,
  refs: readonly RowRef[],
  settings: Settings,
): AsyncGenerator<{child: RowRef; parent: RowRecord}, void> {
  const {tables} = relations;
  const references = Map.groupBy(allReferences(tables, settings), ({child}) => child.table.name);
  const seen = new Set(refs.map(rowId));
  const queue = [...refs];
  for (let at = 0; at < queue.length; at++) {
    const child = queue[at]!;
    for (const {child: from, reference} of references.get(child.table) ?? []) {
      const parent = tables.get(reference.table);
      if (parent === undefined || parent.table.primaryKey.length === 0) continue;
      const keys = await relations.referred(from, child.key, reference, parent);
      for (const record of (await liveRecords(relations, parent, keys)).values()) {
        yield {child, parent: record};
        if (isNew(seen, record)) queue.push(refOf(record));
      }
    }
  }
}

function* lots(refs: readonly RowRef[]): Generator<[table: string, lot: readonly RowRef[]], void> {
  for (const [table, group] of Map.groupBy(refs, ref => ref.table))
    for (let start = 0; start < group.length; start += parentsAtOnce)
      yield [table, group.slice(start, start + parentsAtOnce)];
}

async function liveRecords<WorkTable extends {readonly table: TableShape}>(
  relations: Relations<WorkTable>,
  target: WorkTable,
  keys: readonly Key[],
): Promise<Map<string, RowRecord>> {
  const records = new Map<string, RowRecord>();
  if (keys.length === 0) return records;
  const versions = await relations.versions(target, keys);
  for (const key of keys) {
    const text = JSON.stringify(key);
    const version = versions.get(text);
    if (version !== undefined && !version.deleted)
      records.set(text, {type: 'row', table: target.table.name, key, ...version});
  }
  return records;
}

function allReferences<WorkTable extends {readonly table: TableShape}>(
  tables: ReadonlyMap<string, WorkTable>,
  settings: Settings,
): {child: WorkTable; reference: Reference}[] {
  const shapes = new Map([...tables].map(([name, {table}]) => [name, table]));
  return [...tables.values()].flatMap(child =>
    referencesOf(child.table, settings?.[child.table.name], shapes).map(reference => ({child, reference})),
  );
}

function isNew(seen: Set<string>, record: RowRecord): boolean {
  const id = rowId(record);
  if (seen.has(id)) return false;
  seen.add(id);
  return true;
}

function refOf({table, key}: RowRecord): RowRef {
  return {type: 'row', table, key};
}

function rowId({table, key}: {readonly table: string; readonly key: Key}): string {
  return `${table}:${JSON.stringify(key)}`;
}
