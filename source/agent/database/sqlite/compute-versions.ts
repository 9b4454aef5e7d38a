import {setImmediate} from 'node:timers/promises';
import {bumpVector} from '../../../core/version-vector.js';
import {constraintOf, quote} from './connection.js';
import {defineFunctions, digestSql, keySql} from './digest-sql.js';
import type {Cursor} from './table-access.js';
import {nextRange} from './table-range.js';
import type {Workspace, WorkTable, Write} from './workspace.js';

/** Rows whose versions are computed at once: some tens of milliseconds. */
const rowsAtOnce = 8000;

/** Whether SQLite can compute the versions of a table: its values are as they travel, text in the encoding of JSON. */
export function isComputable({connection}: Workspace, {table, access}: WorkTable): boolean {
  return (
    connection.isUtf8 &&
    access.localizer === undefined &&
    table.primaryKey.length > 0 &&
    table.primaryKey.every(column => table.columns.includes(column))
  );
}

/**
 * Gives every row of a table of which nothing is known yet its first version. Rows that change meanwhile are logged.
 * @returns undefined when the table is to be compared row by row
 */
export async function takeBaseline(
  workspace: Workspace,
  write: Write,
  target: WorkTable,
  options: {signal?: AbortSignal | undefined; progress?: ((rows: number) => void) | undefined},
): Promise<{moved: number; withoutKey: number} | undefined> {
  const {connection, versions} = workspace;
  const vector = await write(() =>
    isComputable(workspace, target) &&
    connection.get('SELECT 1 FROM lockstep_version WHERE tab = ? LIMIT 1', target.id) === undefined
      ? bumpVector('', versions.identity()!.replica)
      : undefined,
  );
  if (vector === undefined) return undefined;
  const moved = await computeVersions(workspace, write, target, vector, options);
  const {name, primaryKey} = target.table;
  const isNull = primaryKey.map(column => `${quote(column)} IS NULL`).join(' OR ');
  const withoutKey = await write(
    () => connection.get(`SELECT count(*) FROM ${quote(name)} WHERE ${isNull}`)?.[0],
  );
  return {moved, withoutKey: Number(withoutKey)};
}

/** Computes the versions of all rows of a table that has none, in lots. @returns how many */
export async function computeVersions(
  workspace: Workspace,
  write: Write,
  target: WorkTable,
  vector: string,
  {
    signal,
    progress,
  }: {signal?: AbortSignal | undefined; progress?: ((rows: number) => void) | undefined} = {},
): Promise<number> {
  defineFunctions(workspace.connection);
  let done = 0;
  for (let after: Cursor | undefined; ; ) {
    const {rows, end} = await write(() => computeNext(workspace, target, vector, after));
    done += rows;
    if (end === undefined) return done;
    after = end;
    progress?.(done);
    await setImmediate();
    signal?.throwIfAborted();
  }
}

function computeNext(
  {connection, versions}: Workspace,
  {id, table, access}: WorkTable,
  vector: string,
  after: Cursor | undefined,
): {rows: number; end: Cursor | undefined} {
  const range = nextRange(connection, table, after, rowsAtOnce);
  const seq = versions.nextSeq();
  try {
    const rows = connection.run(
      `INSERT INTO lockstep_version(tab, key, digest, vector, deleted, seq)
       SELECT ?, ${keySql(table)}, ${digestSql(table)}, ?, 0, ? ${range.sql} ON CONFLICT (tab, key) DO NOTHING`,
      ...[id, vector, BigInt(seq), ...range.values],
    );
    versions.countLive(id, Number(rows));
    return {rows: Number(rows), end: range.end};
  } catch (error) {
    // A digest that SQLite cannot compute is NULL.
    if (constraintOf(error) === undefined) throw error;
  }
  let left = Number(connection.get(`SELECT count(*) ${range.sql}`, ...range.values)?.[0]);
  let rows = 0;
  if (left > 0)
    for (const {row} of access.rows(after)) {
      if (row.key === undefined) continue;
      const text = JSON.stringify(row.key);
      if (versions.get(id, text) === undefined) {
        versions.put(id, text, {digest: row.digest, vector, deleted: false, seq}, undefined);
        rows++;
      }
      if (--left === 0) break;
    }
  return {rows, end: range.end};
}
