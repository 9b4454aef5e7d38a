import type {RowRecord, TableRecord} from '../../../core/item.js';
import {bumpVector} from '../../../core/version-vector.js';
import type {StagedRow} from '../../site/ports.js';
import type {StoredVersion} from '../row-store.js';
import type {Row} from './connection.js';
import type {ReadRow, TableAccess} from './table-access.js';
import {type VersionStore, versionOf} from './version-store.js';
import type {Workspace, WorkTable} from './workspace.js';

/** Records of one page; pages have no common snapshot, so that nothing is held up by a slow reader. */
const pageRecords = 5000;

/** Up to so many changes are sorted at once; beyond, the whole table is passed in key order. */
const sortedRecords = 20_000;

/** Rows whose versions are looked up together. */
const chunkRows = 500;

/** The rows' records with a higher sequence number, in key order, page by page. */
export async function* rowRecordPages(
  {connection, versions}: Workspace,
  {id, table}: WorkTable,
  since: number,
): AsyncGenerator<RowRecord[]> {
  const columns = 'SELECT k, digest, vector, deleted, seq FROM lockstep_version';
  const recordOf = ([key, ...version]: Row): RowRecord => ({
    type: 'row',
    table: table.name,
    key: JSON.parse(String(key)) as string[],
    ...versionOf(version),
  });
  if (since > 0 && ((await versions.identity())?.seq ?? 0) - since <= sortedRecords) {
    yield (
      await connection.query(
        `${columns} FORCE INDEX (by_seq) WHERE tab = ${id} AND seq > ${since} ORDER BY k`,
      )
    ).map(recordOf);
    return;
  }
  for (let after = ''; ; ) {
    const page = await connection.query(
      `${columns} FORCE INDEX (PRIMARY) WHERE tab = ${id} AND k > x'${after}' AND seq > ${since} ORDER BY k LIMIT ${pageRecords}`,
    );
    yield page.map(recordOf);
    if (page.length < pageRecords) return;
    after = page.at(-1)![0]!.toString('hex');
  }
}

export function rowRecord({table}: WorkTable, key: readonly string[], known: StoredVersion): RowRecord {
  return {type: 'row', table: table.name, key, ...known};
}

/** The record of a table without a primary key. */
export async function tableRecord(
  versions: VersionStore,
  {id, table}: WorkTable,
): Promise<TableRecord | undefined> {
  if (table.primaryKey.length > 0) return undefined;
  const state = await versions.table(id);
  return state?.version && {type: 'table', table: table.name, ...state.version, rows: state.live};
}

/**
 * Rows with their versions. One that changed since the last drain has the version that the next one will give it. A
 * keyless table's rows have an empty key and vector.
 */
export async function stagedRowsOf(
  versions: VersionStore,
  {id, table}: WorkTable,
  rows: readonly ReadRow[],
  replica: string,
): Promise<StagedRow[]> {
  const known =
    table.primaryKey.length === 0
      ? undefined
      : await versions.getMany(
          id,
          rows.map(row => JSON.stringify(row.key)),
        );
  return rows.map(({key, row, digest}) => ({
    table: table.name,
    digest,
    row,
    key: key ?? [],
    vector: known === undefined ? '' : vectorOf(known.get(JSON.stringify(key)), digest, replica),
  }));
}

function vectorOf(known: StoredVersion | undefined, digest: string, replica: string): string {
  return known !== undefined && !known.deleted && known.digest === digest
    ? known.vector
    : bumpVector(known?.vector ?? '', replica);
}

/**
 * All rows of a table, in one pass.
 * @param versions on another connection than `access`, as it was before the rows are read: a row that changed in
 * between then gets the version that the next drain will give it
 */
export async function* stagedRows(
  versions: VersionStore,
  target: WorkTable,
  access: TableAccess,
  replica: string,
  options: {lock?: boolean} = {},
): AsyncGenerator<StagedRow> {
  let chunk: ReadRow[] = [];
  let characters = 0;
  for await (const row of access.rows(options)) {
    chunk.push(row);
    for (const value of Object.values(row.row)) characters += value?.length ?? 0;
    if (chunk.length < chunkRows && characters < 1024 * 1024) continue;
    yield* await stagedRowsOf(versions, target, chunk, replica);
    chunk = [];
    characters = 0;
  }
  yield* await stagedRowsOf(versions, target, chunk, replica);
}
