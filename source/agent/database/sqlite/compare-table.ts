import {bumpVector} from '../../../core/version-vector.js';
import {TimeSlice} from '../../../system/time-slice.js';
import {TableDigest} from '../row-digest.js';
import {noticeChange, noticeRow} from '../row-version.js';
import {takeBaseline} from './compute-versions.js';
import {quote} from './connection.js';
import type {Cursor} from './table-access.js';
import type {SqliteTableState} from './version-store.js';
import type {Workspace, WorkTable, Write} from './workspace.js';

/** Rows that are handled in one transaction, which holds the site's write lock meanwhile. */
const chunkRows = 4000;

export type Compared = {moved: number; withoutKey: number};

type Options = {signal?: AbortSignal | undefined; progress?: ((rows: number) => void) | undefined};

/**
 * Compares every row of a table with its version and records what differs: the baseline of a new table, and the
 * repair of one whose triggers were missing. Capture is in place before, so rows that change meanwhile are logged
 * and drained after.
 * @returns rows whose version moved, and rows that cannot take part because their key holds a NULL
 */
export async function compareTable(
  workspace: Workspace,
  write: Write,
  target: WorkTable,
  state: SqliteTableState,
  options: Options,
): Promise<Compared> {
  if (target.table.primaryKey.length === 0) {
    const moved = await write(() => compareAsWhole(workspace, target, options));
    return {moved, withoutKey: 0};
  }
  const hadVersions = state.signature !== null;
  const compared =
    (hadVersions ? undefined : await takeBaseline(workspace, write, target, options)) ??
    (await compareRows(workspace, write, target, columnsBefore(target, state), options));
  if (hadVersions) compared.moved += await findDeleted(workspace, write, target, options);
  await write(() => markCompared(workspace, target));
  return compared;
}

/** The columns that versions were made of, when columns were only added since and every change was logged (`noticeRow`). */
function columnsBefore({table}: WorkTable, state: SqliteTableState): readonly string[] | undefined {
  if (!state.compared || state.signature === null || state.signature === table.signature) return undefined;
  const before = JSON.parse(state.signature) as {columns: string[]; primaryKey: string[]};
  const onlyAdded =
    before.columns.every(column => table.columns.includes(column)) &&
    JSON.stringify(before.primaryKey) === JSON.stringify(table.primaryKey);
  return onlyAdded ? before.columns : undefined;
}

async function compareRows(
  {versions}: Workspace,
  write: Write,
  {id, access}: WorkTable,
  before: readonly string[] | undefined,
  {signal, progress}: Options,
): Promise<Compared> {
  const {replica} = versions.identity()!;
  let cursor: Cursor | undefined;
  let done = 0;
  let withoutKey = 0;
  let moved = 0;
  for (let more = true; more; ) {
    await write(async () => {
      const slice = new TimeSlice();
      let rows = 0;
      more = false;
      for (const {row, cursor: place} of access.rows(cursor)) {
        if (row.key === undefined) withoutKey++;
        else {
          const text = JSON.stringify(row.key);
          const known = versions.get(id, text);
          const version = noticeRow(known, row, before, replica);
          if (version !== undefined) {
            versions.set(id, text, version, known);
            moved++;
          }
        }
        // A place without a key cannot be returned to; it is passed over within the chunk.
        if (place.length > 0) cursor = place;
        rows++;
        if (rows >= chunkRows && place.length > 0) {
          more = true;
          break;
        }
        if (slice.isOver) await slice.yieldIfDue(signal);
      }
      done += rows;
    });
    progress?.(done);
  }
  return {moved, withoutKey};
}

/**
 * Finds rows that `REPLACE` deleted without a trigger: when a table with a unique index has fewer rows than live
 * versions, the missing ones are looked for. Counting is the only part of a scan that is not proportional to what
 * changed, and is left out for tables without such an index or without changes.
 */
export async function findReplaced(
  workspace: Workspace,
  write: Write,
  target: WorkTable,
  options: Options,
): Promise<void> {
  const {connection, versions} = workspace;
  const {uniques, constraints, name} = target.table;
  if (uniques.length === constraints.length) return;
  const isShort = await write(() => {
    const isDrained =
      connection.get('SELECT 1 FROM lockstep_log WHERE tab = ? LIMIT 1', target.id) === undefined;
    const rows = Number(connection.get(`SELECT count(*) FROM ${quote(name)}`)?.[0]);
    return isDrained && rows < versions.live(target.id);
  });
  if (isShort) await findDeleted(workspace, write, target, options);
}

/** Versions whose row is gone become tombstones. */
async function findDeleted(
  {connection, versions}: Workspace,
  write: Write,
  {id, access}: WorkTable,
  {signal}: Options,
): Promise<number> {
  const {replica} = versions.identity()!;
  let moved = 0;
  let after = '';
  for (let more = true; more; ) {
    await write(async () => {
      const slice = new TimeSlice();
      const keys = connection
        .all(
          'SELECT key FROM lockstep_version WHERE tab = ? AND key > ? AND NOT deleted ORDER BY key LIMIT ?',
          id,
          after,
          BigInt(chunkRows),
        )
        .map(([key]) => String(key));
      for (const text of keys) {
        if (access.read(JSON.parse(text) as string[]) === undefined) {
          const known = versions.get(id, text);
          const version = noticeChange(known, undefined, replica);
          if (version !== undefined) {
            versions.set(id, text, version, known);
            moved++;
          }
        }
        if (slice.isOver) await slice.yieldIfDue(signal);
      }
      more = keys.length === chunkRows;
      after = keys.at(-1) ?? after;
    });
  }
  return moved;
}

/** Records what a table without a key holds now, if that is not what is known of it. */
export async function compareAsWhole(
  workspace: Workspace,
  target: WorkTable,
  {signal}: Options,
): Promise<number> {
  const {versions} = workspace;
  const digest = await digestTable(target, signal);
  const known = versions.table(target.id)?.version;
  const moved = known?.digest !== digest.digest;
  if (moved) {
    const vector = bumpVector(known?.vector ?? '', versions.identity()!.replica);
    versions.setTableVersion(target.id, {digest: digest.digest, vector, deleted: false}, digest.rows);
  }
  markCompared(workspace, target);
  return Number(moved);
}

async function digestTable({access}: WorkTable, signal?: AbortSignal): Promise<TableDigest> {
  const digest = new TableDigest();
  const slice = new TimeSlice();
  for (const {row} of access.rows()) {
    digest.add(row.digest);
    if (slice.isOver) await slice.yieldIfDue(signal);
  }
  return digest;
}

function markCompared({connection}: Workspace, {id, table}: WorkTable): void {
  connection.run('UPDATE lockstep_table SET compared = 1, signature = ? WHERE id = ?', table.signature, id);
}
