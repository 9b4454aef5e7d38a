import {TimeSlice} from '../../../system/time-slice.js';
import {encodeKeyPart} from '../key-text.js';
import {noticeChange} from '../row-version.js';
import {maxLoggedKey} from './capture.js';
import type {SqliteValue} from './connection.js';
import {exactValues} from './table-access.js';
import type {Transactions, Workspace, WorkTable} from './workspace.js';

/** Log entries that are handled in one transaction; it holds the site's write lock for some ten milliseconds. */
const batchSize = 2000;

export type Drained = {
  /** Log entries that were read. */
  entries: number;
  /** Rows whose version moved. */
  changed: number;
  /** Numbers of the tables that had entries. */
  readonly tables: Set<bigint>;
};

/**
 * Turns what the triggers logged into row versions, in batches. Each batch reads entries and rows and deletes exactly
 * the entries it read, in one write transaction; a transaction of the site that commits later adds entries that the
 * next drain reads, whatever number they have. Work is proportional to the log, not to the tables.
 */
export async function drainLog(
  workspace: Workspace,
  {read, write}: Transactions,
  options: {signal?: AbortSignal | undefined; progress?: ((done: number) => void) | undefined} = {},
): Promise<Drained> {
  const drained: Drained = {entries: 0, changed: 0, tables: new Set()};
  const {connection} = workspace;
  // Not further than here, so that a busy site cannot keep a scan from ending.
  const last = await read(() => connection.get('SELECT max(id) FROM lockstep_log')?.[0]);
  if (typeof last !== 'bigint') return drained;
  for (;;) {
    const entries = await write(() => drainBatch(workspace, last, drained, options.signal));
    if (entries === 0) return drained;
    drained.entries += entries;
    options.progress?.(drained.entries);
  }
}

async function drainBatch(
  workspace: Workspace,
  last: bigint,
  drained: Drained,
  signal: AbortSignal | undefined,
): Promise<number> {
  const {connection} = workspace;
  const entries = connection.all(
    'SELECT id, tab FROM lockstep_log WHERE id <= ? ORDER BY id LIMIT ?',
    last,
    BigInt(batchSize),
  );
  if (entries.length === 0) return 0;
  const range = [entries[0]![0]!, entries.at(-1)![0]!] as const;
  const logged = new Set(entries.map(([, tab]) => tab));
  for (const table of workspace.tables().values()) {
    if (!logged.has(table.id)) continue;
    drained.tables.add(table.id);
    if (isLoggedAsWhole(table))
      connection.run('UPDATE lockstep_table SET compared = 0 WHERE id = ?', table.id);
    else drained.changed += await drainTable(workspace, table, range, signal);
  }
  connection.run('DELETE FROM lockstep_log WHERE id BETWEEN ? AND ?', ...range);
  return entries.length;
}

function isLoggedAsWhole({table}: WorkTable): boolean {
  return table.primaryKey.length === 0 || table.primaryKey.length > maxLoggedKey;
}

async function drainTable(
  workspace: Workspace,
  {id, table, access}: WorkTable,
  range: readonly [SqliteValue, SqliteValue],
  signal: AbortSignal | undefined,
): Promise<number> {
  const {connection, versions} = workspace;
  const {replica} = versions.identity()!;
  const columns = connection.exactColumns(table.primaryKey.map((_, index) => `k${index}`));
  const keys = new Map<string, readonly string[]>();
  for (const row of connection.all(
    `SELECT ${columns} FROM lockstep_log WHERE id BETWEEN ? AND ? AND tab = ?`,
    range[0],
    range[1],
    id,
  )) {
    const values = exactValues(row);
    if (values.some(value => value === null)) continue;
    const key = values.map((value, index) => encodeKeyPart(value!, table.textualKey[index]!));
    keys.set(JSON.stringify(key), key);
  }
  let changed = 0;
  const slice = new TimeSlice();
  for (const [text, key] of keys) {
    const known = versions.get(id, text);
    const version = noticeChange(known, access.read(key)?.digest, replica);
    if (version !== undefined) {
      versions.set(id, text, version, known);
      changed++;
    }
    if (slice.isOver) await slice.yieldIfDue(signal);
  }
  return changed;
}
