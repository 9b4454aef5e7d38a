import {noticeChange} from '../row-version.js';
import {isLoggedAsWhole} from './capture.js';
import {loggedKeyPart} from './column-kind.js';
import type {Row} from './connection.js';
import {fitsKey} from './version-store.js';
import {hasDirectTables, inOpenTransaction, type Workspace, type WorkTable, type Write} from './workspace.js';

/** Log entries that are handled in one transaction. */
const batchSize = 2000;

export type Drained = {
  /** Log entries that were read. */
  entries: number;
  /** Rows whose version moved. */
  changed: number;
  /** Numbers of the tables that had entries. */
  readonly tables: Set<number>;
};

/**
 * Turns what the triggers logged into row versions, in batches. Each batch sees entries and rows in one snapshot and
 * deletes exactly the entries it read: a transaction of the site that began earlier and commits later adds entries
 * with lower numbers, which the next drain reads. Nothing waits for such a transaction. Work is proportional to the
 * log, not to the tables.
 */
export async function drainLog(
  workspace: Workspace,
  write: Write,
  options: {signal?: AbortSignal | undefined; progress?: ((done: number) => void) | undefined} = {},
): Promise<Drained> {
  const drained: Drained = {entries: 0, changed: 0, tables: new Set()};
  // Aria takes no part in a transaction with savepoints, so a commit looks at such tables elsewhere.
  const direct = write !== inOpenTransaction && hasDirectTables(workspace.schema);
  const logs = direct ? ['lockstep_log', 'lockstep_direct_log'] : ['lockstep_log'];
  for (const log of logs) {
    // Not further than here, so that a busy site cannot keep a scan from ending.
    const last = (await workspace.connection.query(`SELECT MAX(id) FROM ${log}`))[0]?.[0];
    if (last === null || last === undefined) continue;
    for (;;) {
      options.signal?.throwIfAborted();
      const ids = await write(() => drainBatch(workspace, log, String(last), drained));
      // Entries of a log without transactions may only go when the versions they led to are there to stay.
      if (log === 'lockstep_direct_log') await deleteEntries(workspace, log, ids);
      drained.entries += ids.length;
      if (ids.length > 0) options.progress?.(drained.entries);
      if (ids.length < batchSize) break;
    }
  }
  return drained;
}

async function drainBatch(
  workspace: Workspace,
  log: string,
  last: string,
  drained: Drained,
): Promise<readonly string[]> {
  const entries = await workspace.connection.query(
    `SELECT * FROM ${log} WHERE id <= ${last} ORDER BY id LIMIT ${batchSize}`,
  );
  const byTable = Map.groupBy(entries, ([, tab]) => Number(tab));
  for (const table of (await workspace.tables()).values()) {
    const logged = byTable.get(table.id);
    if (logged === undefined) continue;
    drained.tables.add(table.id);
    if (isLoggedAsWhole(table.table)) await workspace.versions.updateTable(table.id, {compared: false});
    else drained.changed += await drainTable(workspace, table, logged);
  }
  const ids = entries.map(([id]) => String(id));
  if (log === 'lockstep_log') await deleteEntries(workspace, log, ids);
  return ids;
}

/** Reads by number and nothing else: an entry of a transaction that is still open must not be waited for. */
async function deleteEntries({connection}: Workspace, log: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  for (let from = 0; from < ids.length; from += 500)
    await connection.run(
      `DELETE l FROM ${log} AS l FORCE INDEX (PRIMARY) WHERE l.id IN (${ids.slice(from, from + 500).join(',')})`,
    );
}

async function drainTable(
  {versions}: Workspace,
  {id, table, access}: WorkTable,
  logged: readonly Row[],
): Promise<number> {
  const {replica} = (await versions.identity())!;
  const keys = new Map<string, readonly string[]>();
  for (const [, , ...values] of logged) {
    const parts = values.slice(0, table.primaryKey.length);
    if (parts.some(value => value === null)) continue;
    const key = parts.map((value, index) =>
      loggedKeyPart(table.kinds.get(table.primaryKey[index]!)!, value!, table.keyFractions[index]!),
    );
    const text = JSON.stringify(key);
    if (fitsKey(text)) keys.set(text, key);
  }
  const known = await versions.getMany(id, keys.keys());
  const found = await access.readMany(keys.values());
  let changed = 0;
  for (const text of keys.keys()) {
    const version = noticeChange(known.get(text), found.get(text)?.digest, replica);
    if (version === undefined) continue;
    await versions.set(id, text, version, known.get(text));
    changed++;
  }
  return changed;
}
