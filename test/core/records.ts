import type {FileRecord, ItemRecord, RowRecord, TableRecord} from '../../source/core/item.js';
import type {ItemPair} from '../../source/core/merge-streams.js';
import type {Action, Plan} from '../../source/core/plan.js';
import {type ReconcileInput, reconcile} from '../../source/core/reconcile.js';
import type {TableDescription} from '../../source/core/site-description.js';

/** Replicas of the two sites in these tests: `l` and `r`; `o` is a third one that both have met. */
export const replicas = {
  local: {files: 'l', database: 'l'},
  remote: {files: 'r', database: 'r'},
} as const;

export function file(path: string, vector: string, changes: Partial<FileRecord> = {}): FileRecord {
  const base = {type: 'file', path, vector, kind: 'file', deleted: false, seq: 1} as const;
  return {...base, digest: 'd', size: 1, mtime: '1', mode: 0o644, ...changes};
}

export function folder(path: string, vector: string, changes: Partial<FileRecord> = {}): FileRecord {
  return file(path, vector, {kind: 'folder', digest: '', size: 0, mode: 0o755, ...changes});
}

export function gone(path: string, vector: string, kind: FileRecord['kind'] = 'file'): FileRecord {
  return file(path, vector, {kind, deleted: true, digest: '', size: 0});
}

export function row(key: string, vector: string, digest: string, table = 't'): RowRecord {
  return {type: 'row', table, key: [key], vector, deleted: digest === '', seq: 1, digest};
}

export function copy(table: string, vector: string, digest: string): TableRecord {
  return {type: 'table', table, vector, deleted: false, seq: 1, digest, rows: 1};
}

export function describeTable(table: string, changes: Partial<TableDescription> = {}): TableDescription {
  return {table, columns: ['id', 'x'], primaryKey: ['id'], references: [], rows: 1, ...changes};
}

export function pair(local: ItemRecord | undefined, remote: ItemRecord | undefined): ItemPair {
  return {...(local === undefined ? {} : {local}), ...(remote === undefined ? {} : {remote})};
}

/** A plan for bidirectional, local-wins and table `t`, unless said otherwise. */
export function plan(pairs: ItemPair[], changes: Partial<ReconcileInput> = {}): Plan {
  return reconcile({
    pairs,
    profile: {direction: 'bidirectional', policy: 'local-wins', replace: 'newer'},
    firstFileRun: false,
    replicas,
    tables: {local: [describeTable('t')], remote: [describeTable('t')]},
    occupied: {local: new Set(), remote: new Set()},
    families: {local: [], remote: []},
    ...changes,
  });
}

/** `kind item@side`, in plan order: what a preview shows. */
export function shown({actions}: {actions: readonly Action[]}): string[] {
  return actions.map(({kind, item, side}) => `${kind} ${name(item)}@${side}`);
}

/** `op item@side vector`, in the order of the action. */
export function operations(action: Action | undefined): string[] {
  return (action?.operations ?? []).map(({side, operation}) => {
    const item =
      'record' in operation
        ? operation.record
        : 'item' in operation
          ? operation.item
          : ({type: 'table', table: operation.table} as const);
    const vector =
      'record' in operation ? operation.record.vector : 'vector' in operation ? operation.vector : '';
    return `${operation.op} ${name(item)}@${side} ${vector}`.trim();
  });
}

function name(item: Action['item']): string {
  return item.type === 'file' ? item.path : item.type === 'row' ? `${item.table}:${item.key}` : item.table;
}
