import type {RowRecord, RowRef} from '../../../core/item.js';
import type {Reference} from '../../../core/site-description.js';
import type {TableSettings} from '../database-options.js';
import {referencesOf} from '../table-shape.js';
import {rowRecord} from './read-records.js';
import {parentKeys, referringRows} from './references.js';
import type {Workspace, WorkTable} from './workspace.js';

type Settings = Readonly<Record<string, TableSettings>> | undefined;

/** Live rows that refer to the given ones by foreign keys or declared references, through all levels. */
export async function* childrenOf(
  workspace: Workspace,
  refs: readonly RowRef[],
  settings: Settings,
): AsyncGenerator<{child: RowRecord; parent: RowRef}> {
  const tables = await workspace.tables();
  const references = allReferences(tables, settings);
  const seen = new Set(refs.map(rowId));
  for (let wave: readonly RowRef[] = refs; wave.length > 0; ) {
    const next: RowRef[] = [];
    for (const [table, parents] of Map.groupBy(wave, ref => ref.table)) {
      const rows = await tables.get(table)?.access.readMany(parents.map(({key}) => key));
      for (const {child, reference} of references) {
        if (reference.table !== table || child.table.primaryKey.length === 0) continue;
        const values = parents.map(({key}) => {
          const row = rows?.get(JSON.stringify(key))?.row;
          return reference.references.map(column => row?.[column] ?? null);
        });
        const referring = await referringRows(workspace.connection, child.access, reference, values, false);
        const keys = referring.map(({row}) => child.access.keyText(row)!);
        const versions = await workspace.versions.getMany(
          child.id,
          keys.map(key => JSON.stringify(key)),
        );
        for (const [at, {index}] of referring.entries()) {
          const known = versions.get(JSON.stringify(keys[at]!));
          if (known === undefined || known.deleted) continue;
          const record = rowRecord(child, keys[at]!, known);
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
): AsyncGenerator<{child: RowRef; parent: RowRecord}> {
  const tables = await workspace.tables();
  const references = Map.groupBy(allReferences(tables, settings), ({child}) => child.table.name);
  const seen = new Set(refs.map(rowId));
  const queue = [...refs];
  for (let at = 0; at < queue.length; at++) {
    const child = queue[at]!;
    for (const {reference} of references.get(child.table) ?? []) {
      const parent = tables.get(reference.table);
      if (parent === undefined || parent.table.primaryKey.length === 0) continue;
      const {access} = tables.get(child.table)!;
      for (const row of await parentKeys(workspace.connection, access, child.key, reference, parent.access)) {
        const key = parent.access.keyText(row)!;
        const known = await workspace.versions.get(parent.id, JSON.stringify(key));
        if (known === undefined || known.deleted) continue;
        const record = rowRecord(parent, key, known);
        yield {child, parent: record};
        const ref: RowRef = {type: 'row', table: record.table, key: record.key};
        if (seen.has(rowId(ref))) continue;
        seen.add(rowId(ref));
        queue.push(ref);
      }
    }
  }
}

function allReferences(
  tables: ReadonlyMap<string, WorkTable>,
  settings: Settings,
): {child: WorkTable; reference: Reference}[] {
  const shapes = new Map([...tables].map(([name, {table}]) => [name, table]));
  return [...tables.values()].flatMap(child =>
    referencesOf(child.table, settings?.[child.table.name], shapes).map(reference => ({child, reference})),
  );
}

function rowId(ref: RowRef): string {
  return `${ref.table}:${JSON.stringify(ref.key)}`;
}
