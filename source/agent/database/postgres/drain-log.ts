import {noticeChange} from '../row-version.js';
import type {PgRow} from './connection.js';
import {readRows} from './table-access.js';
import {keyPartOf} from './values.js';
import type {Workspace, WorkTable, Write} from './workspace.js';

/** Log entries that are handled in one transaction. */
const batchSize = 2000;
/** Rows that are read at once; content may be large. */
const readAtOnce = 200;

/**
 * Turns what the triggers logged into row versions, in batches. Each batch reads entries, then rows, and deletes
 * exactly the entries it read: one of a transaction that began earlier and commits later has a lower number than some
 * that are gone, and is found by the next drain all the same. Work is proportional to the log, not to the tables.
 */
export async function drainLog(
  workspace: Workspace,
  write: Write,
  options: {signal?: AbortSignal | undefined; progress?: ((done: number) => void) | undefined} = {},
): Promise<void> {
  // Not further than here, so that a busy site cannot keep a scan from ending.
  const last = (await workspace.connection.row('SELECT max(id) FROM lockstep.log'))?.[0];
  if (last === undefined || last === null) return;
  let done = 0;
  for (;;) {
    options.signal?.throwIfAborted();
    const entries = await write(() => drainBatch(workspace, last));
    done += entries;
    if (entries < batchSize) return;
    options.progress?.(done);
  }
}

async function drainBatch(workspace: Workspace, last: string): Promise<number> {
  const {connection} = workspace;
  const entries = await connection.rows(
    'SELECT id, tab, to_json(key) FROM lockstep.log WHERE id <= $1 ORDER BY id LIMIT $2',
    [last, batchSize],
  );
  if (entries.length === 0) return 0;
  const byTable = Map.groupBy(entries, ([, tab]) => Number(tab));
  for (const target of workspace.tables.values()) {
    const logged = byTable.get(target.id);
    if (logged === undefined) continue;
    const keys = keysOf(target, logged);
    if (keys === undefined)
      await connection.run('UPDATE lockstep.tab SET compared = false WHERE id = $1', [target.id]);
    else await noticeRows(workspace, target, keys);
  }
  await connection.run('DELETE FROM lockstep.log WHERE id = ANY($1::bigint[])', [entries.map(([id]) => id!)]);
  return entries.length;
}

/** The keys of entries, each once; undefined when one of them is about the whole table. */
function keysOf({table}: WorkTable, entries: readonly PgRow[]): string[][] | undefined {
  if (table.primaryKey.length === 0) return undefined;
  const keys = new Map<string, string[]>();
  for (const [, , json] of entries) {
    if (json === undefined || json === null) return undefined;
    const values = JSON.parse(json) as (string | null)[];
    if (values.length !== table.primaryKey.length || values.includes(null)) return undefined;
    const key = values.map((value, index) =>
      keyPartOf(value!, table.column.get(table.primaryKey[index]!)!.kind),
    );
    keys.set(JSON.stringify(key), key);
  }
  return [...keys.values()];
}

async function noticeRows(
  {connection, versions}: Workspace,
  {id, table}: WorkTable,
  keys: string[][],
): Promise<void> {
  for (let start = 0; start < keys.length; start += readAtOnce) {
    const wanted = keys.slice(start, start + readAtOnce);
    const texts = wanted.map(key => JSON.stringify(key));
    const [found, known] = await Promise.all([
      readRows(connection, table, wanted),
      versions.getMany(id, texts),
    ]);
    for (const text of texts) {
      const version = noticeChange(known.get(text), found.get(text)?.digest, versions.replica);
      if (version !== undefined) await versions.set(id, text, version, known.get(text));
    }
  }
}
