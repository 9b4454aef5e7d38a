import type {RowRecord, RowRef} from '../../../core/item.js';
import type {Reference} from '../../../core/site-description.js';
import type {TableSettings} from '../database-options.js';
import {referencesOf, type TableShape} from '../table-shape.js';
import {rowRecord} from './read-records.js';
import {keyText, parentKeys, referringRows} from './references.js';
import type {Workspace} from './workspace.js';

type Settings = Readonly<Record<string, TableSettings>> | undefined;

/** Live rows that refer to the given ones by foreign keys or declared references, through all levels. */
export function* childrenOf(
  workspace: Workspace,
  refs: readonly RowRef[],
  settings: Settings,
): Generator<{child: RowRecord; parent: RowRef}> {
  const tables = workspace.tables();
  const references = allReferences(workspace, settings);
  const seen = new Set(refs.map(rowId));
  for (let wave: readonly RowRef[] = refs; wave.length > 0; ) {
    const next: RowRef[] = [];
    for (const [table, parents] of Map.groupBy(wave, ref => ref.table))
      for (const {child, reference} of references) {
        if (reference.table !== table || child.primaryKey.length === 0) continue;
        const access = tables.get(table)?.access;
        const values = parents.map(ref => {
          const row = access?.read(ref.key)?.row;
          return reference.references.map(column => row?.[column] ?? null);
        });
        for (const {index, row} of referringRows(workspace.connection, child, reference, values, false)) {
          const key = keyText(child, row);
          const record = key && rowRecord(workspace, tables.get(child.name)!, key);
          if (record === undefined || record.deleted) continue;
          yield {child: record, parent: parents[index]!};
          const ref: RowRef = {type: 'row', table: child.name, key: record.key};
          if (seen.has(rowId(ref))) continue;
          seen.add(rowId(ref));
          next.push(ref);
        }
      }
    wave = next;
  }
}

/** Live rows that the given ones refer to, through all levels. */
export function* parentsOf(
  workspace: Workspace,
  refs: readonly RowRef[],
  settings: Settings,
): Generator<{child: RowRef; parent: RowRecord}> {
  const tables = workspace.tables();
  const references = Map.groupBy(allReferences(workspace, settings), ({child}) => child.name);
  const seen = new Set(refs.map(rowId));
  const queue = [...refs];
  for (let at = 0; at < queue.length; at++) {
    const child = queue[at]!;
    for (const {reference} of references.get(child.table) ?? []) {
      const parent = tables.get(reference.table);
      if (parent === undefined || parent.table.primaryKey.length === 0) continue;
      const {access} = tables.get(child.table)!;
      for (const row of parentKeys(workspace.connection, access, child.key, reference, parent.table)) {
        const key = keyText(parent.table, row);
        const record = key && rowRecord(workspace, parent, key);
        if (record === undefined || record.deleted) continue;
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
  workspace: Workspace,
  settings: Settings,
): {child: TableShape; reference: Reference}[] {
  const shapes = new Map([...workspace.tables()].map(([name, {table}]) => [name, table]));
  return [...shapes.values()].flatMap(child =>
    referencesOf(child, settings?.[child.name], shapes).map(reference => ({child, reference})),
  );
}

function rowId(ref: RowRef): string {
  return `${ref.table}:${JSON.stringify(ref.key)}`;
}
