import {bumpVector} from '../../../core/version-vector.js';
import {TableDigest} from '../row-digest.js';
import {noticeChange, noticeRow, type TableState} from '../row-version.js';
import type {PgConnection} from './connection.js';
import type {PgTable} from './schema.js';
import {cursorPages, rowPages} from './table-access.js';
import {takeBaseline} from './table-image.js';
import {keyValues, lookedUp, tuples} from './values.js';
import type {Workspace, WorkTable, Write} from './workspace.js';

/** Keys of versions that are looked at in one transaction. */
const chunkKeys = 1000;
/** Versions that make the server look at their table anew. */
export const analysedFrom = 10_000;

type Options = {signal?: AbortSignal | undefined; progress?: ((rows: number) => void) | undefined};

/**
 * Compares every row of a table with its version by key, in chunks of at most 1,000, and records what differs: the
 * baseline of a new table, the repair of one whose triggers were missing or that was emptied by TRUNCATE, and `run
 * --verify`. Capture is in place before, so rows that change meanwhile are logged and drained after.
 * @returns rows whose version moved
 */
export async function compareTable(
  workspace: Workspace,
  write: Write,
  target: WorkTable,
  state: TableState,
  options: Options,
): Promise<number> {
  if (target.table.primaryKey.length === 0) return await write(() => compareAsWhole(workspace, target));
  let moved =
    (state.signature === null ? await takeBaseline(workspace, write, target, options) : undefined) ??
    (await compareRows(workspace, write, target, columnsBefore(target, state), options));
  if (state.signature !== null) moved += await findDeleted(workspace, write, target, options);
  await write(async () => {
    await markCompared(workspace, target);
    // So that the server knows the table before it comes round to looking at it by itself.
    if (moved >= analysedFrom) await workspace.connection.run('ANALYZE lockstep.version');
  });
  return moved;
}

/** The columns that versions were made of, when columns were only added since and every change was logged (`noticeRow`). */
function columnsBefore({table}: WorkTable, state: TableState): readonly string[] | undefined {
  if (!state.compared || state.signature === null || state.signature === table.signature) return undefined;
  const before = JSON.parse(state.signature) as {columns: string[]; primaryKey: string[]};
  const onlyAdded =
    before.columns.every(column => table.columns.includes(column)) &&
    JSON.stringify(before.primaryKey) === JSON.stringify(table.primaryKey);
  return onlyAdded ? before.columns : undefined;
}

async function compareRows(
  {connection, versions}: Workspace,
  write: Write,
  {id, table}: WorkTable,
  before: readonly string[] | undefined,
  {signal, progress}: Options,
): Promise<number> {
  let done = 0;
  let moved = 0;
  const pages = rowPages(table, (sql, values) => connection.rows(sql, values));
  for (;;) {
    signal?.throwIfAborted();
    // Rows are read behind the lock, so that no other agent's drain of a later change comes in between.
    const rows = await write(async () => {
      const page = await pages.next();
      if (page.done === true) return 0;
      const texts = page.value.map(({key}) => JSON.stringify(key));
      const known = await versions.getMany(id, texts);
      for (const [index, row] of page.value.entries()) {
        const version = noticeRow(known.get(texts[index]!), row, before, versions.replica);
        if (version === undefined) continue;
        await versions.set(id, texts[index]!, version, known.get(texts[index]!));
        moved++;
      }
      return page.value.length;
    });
    if (rows === 0) return moved;
    done += rows;
    progress?.(done);
  }
}

/** Versions whose row is gone become tombstones. */
async function findDeleted(
  {connection, versions}: Workspace,
  write: Write,
  {id, table}: WorkTable,
  {signal}: Options,
): Promise<number> {
  let after = '';
  let moved = 0;
  for (let more = true; more; ) {
    signal?.throwIfAborted();
    await write(async () => {
      const keys = (
        await connection.rows(
          'SELECT key FROM lockstep.version WHERE tab = $1 AND key > $2 AND NOT deleted ORDER BY key LIMIT $3',
          [id, after, chunkKeys],
        )
      ).map(([key]) => key!);
      const gone = await withoutRow(connection, table, keys);
      const known = await versions.getMany(id, gone);
      for (const text of gone) {
        const version = noticeChange(known.get(text), undefined, versions.replica);
        if (version === undefined) continue;
        await versions.set(id, text, version, known.get(text));
        moved++;
      }
      more = keys.length === chunkKeys;
      after = keys.at(-1) ?? after;
    });
  }
  return moved;
}

/** Which of the keys (as JSON text) no row has. */
async function withoutRow(
  connection: PgConnection,
  table: PgTable,
  texts: readonly string[],
): Promise<readonly string[]> {
  const asked = texts.flatMap(text => {
    const values = keyValues(table, JSON.parse(text) as string[]);
    return values === undefined ? [] : [{values, text}];
  });
  if (asked.length === 0) return texts;
  const wanted = tuples(
    table,
    table.primaryKey,
    asked.map(({values}) => values),
  );
  const rows = await connection.rows(
    `SELECT w.n FROM ${lookedUp(table, table.primaryKey, wanted.sql, '1', 't')}`,
    wanted.parameters,
  );
  const found = new Set(rows.map(([n]) => asked[Number(n)]!.text));
  return texts.filter(text => !found.has(text));
}

/** Records what a table without a key holds now, if that is not what is known of it. Belongs into a write transaction. */
export async function compareAsWhole(workspace: Workspace, target: WorkTable): Promise<number> {
  const {connection, versions} = workspace;
  // What is logged from here on is of later changes; the reading takes one statement's snapshot.
  const digest = new TableDigest();
  for await (const rows of cursorPages(connection, target.table))
    for (const row of rows) digest.add(row.digest);
  const known = (await versions.table(target.id))?.version;
  const moved = known?.digest !== digest.digest;
  if (moved)
    await versions.setTableVersion(
      target.id,
      {
        digest: digest.digest,
        vector: bumpVector(known?.vector ?? '', versions.replica),
        deleted: false,
      },
      digest.rows,
    );
  await markCompared(workspace, target);
  return moved ? 1 : 0;
}

async function markCompared({connection}: Workspace, {id, table}: WorkTable): Promise<void> {
  await connection.run('UPDATE lockstep.tab SET compared = true, signature = $1 WHERE id = $2', [
    table.signature,
    id,
  ]);
}
