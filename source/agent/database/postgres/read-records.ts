import type {RowRecord, TableRecord} from '../../../core/item.js';
import {bumpVector} from '../../../core/version-vector.js';
import type {StagedRow} from '../../site/ports.js';
import type {StoredVersion} from '../row-store.js';
import type {TableState} from '../row-version.js';
import {cursorPages, type ReadRow} from './table-access.js';
import {versionOf} from './version-store.js';
import type {Workspace, WorkTable} from './workspace.js';

/** Records that are read at once. */
const pageRecords = 5000;
/** Up to so many changes are sorted at once; beyond, the whole table is passed in key order. */
const sortedRecords = 20_000;

const columns = "SELECT key, encode(digest, 'hex'), vector, deleted, seq FROM lockstep.version";

/** The rows' records with a higher sequence number, in key order, page by page. */
export async function* rowRecordPages(
  read: <T>(task: (workspace: Workspace) => Promise<T>) => Promise<T>,
  {id, table}: WorkTable,
  since: number,
): AsyncGenerator<RowRecord[], void> {
  const record = ([key, ...version]: (string | null)[]): RowRecord => ({
    type: 'row',
    table: table.name,
    key: JSON.parse(key!) as string[],
    ...versionOf(version),
  });
  if (since > 0) {
    const rows = await read(({connection}) =>
      connection.rows(
        `SELECT * FROM (${columns} WHERE tab = $1 AND seq > $2 ORDER BY seq LIMIT ${sortedRecords + 1}) AS changed ORDER BY key`,
        [id, since],
      ),
    );
    if (rows.length <= sortedRecords) {
      yield rows.map(record);
      return;
    }
  }
  for (let after = ''; ; ) {
    const rows = await read(({connection}) =>
      connection.rows(
        `${columns} WHERE tab = $1 AND key > $2 AND seq > $3 ORDER BY key LIMIT ${pageRecords}`,
        [id, after, since],
      ),
    );
    yield rows.map(record);
    if (rows.length < pageRecords) return;
    after = rows.at(-1)![0]!;
  }
}

/** The record of a table without a primary key. */
export function tableRecord({table}: WorkTable, state: TableState | undefined): TableRecord | undefined {
  if (table.primaryKey.length > 0 || state?.version === undefined) return undefined;
  return {type: 'table', table: table.name, ...state.version, rows: state.live};
}

/**
 * Rows with their versions. One that changed since the last drain has the version that the next one will give it. A
 * keyless table's rows have an empty key and vector.
 */
export async function withVersions(
  {versions}: Workspace,
  {id, table}: WorkTable,
  rows: readonly ReadRow[],
  replica: string,
): Promise<StagedRow[]> {
  if (table.primaryKey.length === 0)
    return rows.map(({row, digest}) => ({table: table.name, key: [], vector: '', digest, row}));
  const texts = rows.map(({key}) => JSON.stringify(key));
  const known = await versions.getMany(id, texts);
  return rows.map(({key, row, digest}, index) => ({
    table: table.name,
    key,
    vector: vectorOf(known.get(texts[index]!), digest, replica),
    digest,
    row,
  }));
}

function vectorOf(known: StoredVersion | undefined, digest: string, replica: string): string {
  return known !== undefined && !known.deleted && known.digest === digest
    ? known.vector
    : bumpVector(known?.vector ?? '', replica);
}

/** All rows of a table inside the transaction that is open. */
export async function* stagedRows(
  workspace: Workspace,
  target: WorkTable,
  replica: string,
): AsyncGenerator<StagedRow, void> {
  for await (const rows of cursorPages(workspace.connection, target.table))
    yield* await withVersions(workspace, target, rows, replica);
}
