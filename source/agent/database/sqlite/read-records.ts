import type {RowRecord, TableRecord} from '../../../core/item.js';
import {bumpVector} from '../../../core/version-vector.js';
import type {StagedRow} from '../../site/ports.js';
import type {StoredVersion} from '../row-store.js';
import type {SqliteRow} from './connection.js';
import type {ReadRow} from './table-access.js';
import type {Workspace, WorkTable} from './workspace.js';

/** Records of one page; a page is read at once, so that no lock outlives it. */
const pageRecords = 5000;

/** Up to so many changes are sorted at once; beyond, the whole table is passed in key order. */
const sortedRecords = 20_000;

/** The rows' records with a higher sequence number, in key order, page by page. */
export function* rowRecordPages(
  {connection}: Workspace,
  {id, table}: WorkTable,
  since: number,
): Generator<RowRecord[]> {
  const columns = 'SELECT key, digest, vector, deleted, seq FROM lockstep_version';
  const recordOf = ([key, digest, vector, deleted, seq]: SqliteRow): RowRecord => ({
    type: 'row',
    table: table.name,
    key: JSON.parse(String(key)) as string[],
    digest: Buffer.from(digest as Uint8Array).toString('hex'),
    vector: String(vector),
    deleted: deleted === 1n,
    seq: Number(seq),
  });
  if (since > 0) {
    const changed = `${columns} INDEXED BY lockstep_version_seq WHERE tab = ? AND seq > ? LIMIT ?`;
    const rows = connection.all(
      `SELECT * FROM (${changed}) ORDER BY key`,
      ...[id, BigInt(since), BigInt(sortedRecords + 1)],
    );
    if (rows.length <= sortedRecords) {
      yield rows.map(recordOf);
      return;
    }
  }
  for (let after = ''; ; ) {
    const sql = `${columns} WHERE tab = ? AND key > ? AND +seq > ? ORDER BY key LIMIT ?`;
    const page = connection.all(sql, id, after, BigInt(since), BigInt(pageRecords));
    yield page.map(recordOf);
    if (page.length < pageRecords) return;
    after = String(page.at(-1)![0]);
  }
}

export function rowRecord(
  {versions}: Workspace,
  {id, table}: WorkTable,
  key: readonly string[],
): RowRecord | undefined {
  const known = versions.get(id, JSON.stringify(key));
  return known && {type: 'row', table: table.name, key, ...known};
}

/** The record of a table without a primary key. */
export function tableRecord({versions}: Workspace, {id, table}: WorkTable): TableRecord | undefined {
  if (table.primaryKey.length > 0) return undefined;
  const state = versions.table(id);
  return state?.version && {type: 'table', table: table.name, ...state.version, rows: state.live};
}

/**
 * A row with its version. One that changed since the last drain has the version that the next one will give it.
 * A keyless table's rows have an empty key and vector; undefined when the key holds a NULL.
 */
export function stagedRow(
  {versions}: Workspace,
  {id, table}: WorkTable,
  row: ReadRow,
  replica: string,
): StagedRow | undefined {
  const content = {table: table.name, digest: row.digest, row: row.row};
  if (table.primaryKey.length === 0) return {...content, key: [], vector: ''};
  if (row.key === undefined) return undefined;
  return {
    ...content,
    key: row.key,
    vector: vectorOf(versions.get(id, JSON.stringify(row.key)), row, replica),
  };
}

function vectorOf(known: StoredVersion | undefined, row: ReadRow, replica: string): string {
  return known !== undefined && !known.deleted && known.digest === row.digest
    ? known.vector
    : bumpVector(known?.vector ?? '', replica);
}

/** All rows of a table, in one pass. */
export function* stagedRows(workspace: Workspace, target: WorkTable): Generator<StagedRow> {
  const replica = workspace.versions.identity()?.replica ?? '';
  for (const {row} of target.access.rows()) {
    const staged = stagedRow(workspace, target, row, replica);
    if (staged !== undefined) yield staged;
  }
}

/** Characters of wire text that a page of rows may add up to before it ends. */
const pageCharacters = 4 * 1024 * 1024;

/** The same page by page, each read at once. */
export function* stagedRowPages(workspace: Workspace, target: WorkTable): Generator<StagedRow[]> {
  const replica = workspace.versions.identity()?.replica ?? '';
  let cursor: Parameters<typeof target.access.rows>[0];
  for (let more = true; more; ) {
    more = false;
    const page: StagedRow[] = [];
    let characters = 0;
    for (const {row, cursor: place} of target.access.rows(cursor)) {
      const staged = stagedRow(workspace, target, row, replica);
      if (staged !== undefined) page.push(staged);
      for (const value of Object.values(row.row)) characters += value?.length ?? 0;
      if (place.length === 0) continue;
      cursor = place;
      if (page.length < pageRecords / 5 && characters < pageCharacters) continue;
      more = true;
      break;
    }
    yield page;
  }
}
