import type {RowRecord, RowRef} from '../../../core/item.js';
import type {Reference} from '../../../core/site-description.js';
import type {WireRow} from '../../site/ports.js';
import type {TableSettings} from '../database-options.js';
import {referencesOf} from '../table-shape.js';
import {parentKeys, referringRows} from './references.js';
import type {PgTable} from './schema.js';
import {readForeignRows} from './table-access.js';
import type {Catalog, Workspace, WorkTable} from './workspace.js';

type Settings = Readonly<Record<string, TableSettings>> | undefined;

/** Live rows that refer to the given ones by foreign keys or declared references, through all levels. */
export async function* childrenOf(
  workspace: Workspace,
  refs: readonly RowRef[],
  settings: Settings,
): AsyncGenerator<{child: RowRecord; parent: RowRef}, void> {
  const {tables, connection} = workspace;
  const references = allReferences(tables, settings);
  const seen = new Set(refs.map(rowId));
  for (let wave: readonly RowRef[] = refs; wave.length > 0; ) {
    const next: RowRef[] = [];
    for (const [table, parents] of Map.groupBy(wave, ref => ref.table)) {
      const referring = references.filter(
        ({child, reference}) => reference.table === table && child.table.primaryKey.length > 0,
      );
      if (referring.length === 0 || !tables.has(table)) continue;
      const rows = await readForeignRows(
        connection,
        tables.get(table)!.table,
        parents.map(({key}) => key),
      );
      const contents = parents.map(({key}): WireRow | undefined => rows.get(JSON.stringify(key))?.row);
      for (const {child, reference} of referring) {
        const values = contents.map(row => reference.references.map(column => row?.[column] ?? null));
        const found = await referringRows(connection, child.table, reference, values);
        const records = await liveRecords(
          workspace,
          child,
          found.map(({key}) => key),
        );
        for (const {index, key} of found) {
          const record = records.get(JSON.stringify(key));
          if (record === undefined) continue;
          yield {child: record, parent: parents[index]!};
          const ref: RowRef = {type: 'row', table: child.table.name, key: record.key};
          if (seen.has(rowId(ref))) continue;
          seen.add(rowId(ref));
          next.push(ref);
        }
      }
    }
    wave = next;
  }
}

/** Live rows that the given ones refer to, through all levels. */
export async function* parentsOf(
  workspace: Workspace,
  refs: readonly RowRef[],
  settings: Settings,
): AsyncGenerator<{child: RowRef; parent: RowRecord}, void> {
  const {tables, connection} = workspace;
  const references = Map.groupBy(allReferences(tables, settings), ({child}) => child.table.name);
  const seen = new Set(refs.map(rowId));
  const queue = [...refs];
  for (let at = 0; at < queue.length; at++) {
    const child = queue[at]!;
    for (const {reference} of references.get(child.table) ?? []) {
      const parent = tables.get(reference.table);
      if (parent === undefined || parent.table.primaryKey.length === 0) continue;
      const keys = await parentKeys(
        connection,
        tables.get(child.table)!.table,
        child.key,
        reference,
        parent.table,
      );
      for (const record of (await liveRecords(workspace, parent, keys)).values()) {
        yield {child, parent: record};
        const ref: RowRef = {type: 'row', table: record.table, key: record.key};
        if (seen.has(rowId(ref))) continue;
        seen.add(rowId(ref));
        queue.push(ref);
      }
    }
  }
}

async function liveRecords(
  {versions}: Workspace,
  {id, table}: WorkTable,
  keys: readonly (readonly string[])[],
): Promise<Map<string, RowRecord>> {
  const records = new Map<string, RowRecord>();
  const known = await versions.getMany(
    id,
    keys.map(key => JSON.stringify(key)),
  );
  for (const key of keys) {
    const version = known.get(JSON.stringify(key));
    if (version !== undefined && !version.deleted)
      records.set(JSON.stringify(key), {type: 'row', table: table.name, key, ...version});
  }
  return records;
}

function allReferences(tables: Catalog, settings: Settings): {child: WorkTable; reference: Reference}[] {
  const shapes = new Map<string, PgTable>([...tables].map(([name, {table}]) => [name, table]));
  return [...tables.values()].flatMap(child =>
    referencesOf(child.table, settings?.[child.table.name], shapes).map(reference => ({child, reference})),
  );
}

function rowId(ref: RowRef): string {
  return `${ref.table}:${JSON.stringify(ref.key)}`;
}
