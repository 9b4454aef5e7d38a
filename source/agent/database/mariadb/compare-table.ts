import {bumpVector} from '../../../core/version-vector.js';
import {TableDigest} from '../row-digest.js';
import {noticeChange, noticeRow} from '../row-version.js';
import type {MariadbConnection, Row} from './connection.js';
import type {Signature} from './schema.js';
import {quote} from './sql-text.js';
import {type ReadRow, TableAccess} from './table-access.js';
import {takeBaseline} from './table-image.js';
import {fitsKey, type MariadbTableState} from './version-store.js';
import type {Workspace, WorkTable, Write} from './workspace.js';

/** Rows that are handled in one transaction. */
const chunkRows = 2000;

/** Rows at either end of a table that are looked at to notice that it was emptied. */
const probedKeys = 10;

export type CompareOptions = {
  signal?: AbortSignal | undefined;
  progress?: ((rows: number) => void) | undefined;
  /** A connection of its own, which sees the table as it is now. */
  openSnapshot(): Promise<MariadbConnection>;
};

export type Compared = {
  /** Rows whose version moved. */
  readonly changed: number;
  /** Rows that cannot take part because their key is too long for the version table. */
  readonly unfit: number;
};

/**
 * Compares every row of a table with its version and records what differs: the baseline of a new table, and the
 * repair of one whose triggers were missing. Capture is in place before, so rows that change meanwhile are logged
 * and drained after.
 */
export async function compareTable(
  workspace: Workspace,
  write: Write,
  target: WorkTable,
  state: MariadbTableState,
  options: CompareOptions,
): Promise<Compared> {
  if (state.signature === null) {
    const changed = await takeBaseline(workspace, target);
    if (changed !== undefined) {
      await write(() => markCompared(workspace, target));
      return {changed, unfit: 0};
    }
  }
  const connection = await options.openSnapshot();
  try {
    const access = new TableAccess(connection, target.table, target.access.localizer);
    if (target.table.primaryKey.length === 0) {
      const changed = await compareAsWhole(workspace, write, target, access, options.signal);
      return {changed: Number(changed), unfit: 0};
    }
    const compared = await compareRows(workspace, write, target, access, state, options);
    const gone = state.signature === null ? 0 : await findDeleted(workspace, write, target, options);
    await write(() => markCompared(workspace, target));
    return {...compared, changed: compared.changed + gone};
  } finally {
    connection.close();
  }
}

/** The columns that versions were made of, when columns were only added since and every change was logged (`noticeRow`). */
function columnsBefore({table}: WorkTable, state: MariadbTableState): readonly string[] | undefined {
  if (!state.compared || state.signature === null || state.signature === table.signature) return undefined;
  const before = JSON.parse(state.signature) as Signature;
  const now = JSON.parse(table.signature) as Signature;
  const typeOf = (signature: Signature, column: string) => signature.types[signature.columns.indexOf(column)];
  const onlyAdded =
    before.columns.every(column => typeOf(before, column) === typeOf(now, column)) &&
    JSON.stringify(before.primaryKey) === JSON.stringify(now.primaryKey);
  return onlyAdded ? before.columns : undefined;
}

async function compareRows(
  workspace: Workspace,
  write: Write,
  {id, ...target}: WorkTable,
  access: TableAccess,
  state: MariadbTableState,
  {signal, progress}: CompareOptions,
): Promise<{changed: number; unfit: number}> {
  const {versions} = workspace;
  const before = columnsBefore({id, ...target}, state);
  const replica = (await versions.identity())!.replica;
  let done = 0;
  let changed = 0;
  let unfit = 0;
  const compare = async (rows: ReadonlyMap<string, ReadRow>) => {
    // Nothing is known of a table that never was compared.
    const known = state.signature === null ? undefined : await versions.getMany(id, rows.keys());
    for (const [text, row] of rows) {
      const version = known?.get(text);
      const noticed = noticeRow(version, row, before, replica);
      if (noticed === undefined) continue;
      await versions.set(id, text, noticed, version);
      changed++;
    }
  };
  let chunk = new Map<string, ReadRow>();
  const end = async () => {
    const rows = chunk;
    chunk = new Map();
    if (rows.size > 0) await write(() => compare(rows));
    done += rows.size;
    progress?.(done);
    signal?.throwIfAborted();
  };
  for await (const row of access.rows()) {
    const text = JSON.stringify(row.key);
    if (!fitsKey(text)) unfit++;
    // The content is only needed where columns were added.
    else chunk.set(text, before === undefined ? {key: row.key, digest: row.digest, row: {}} : row);
    if (chunk.size >= chunkRows) await end();
  }
  await end();
  return {changed, unfit};
}

/**
 * Whether rows that were there first or last are gone although nothing was logged. Asked where the server does not tell
 * that a table was emptied (its user lacks the right PROCESS); costs the same however large the table is.
 */
export async function looksTruncated(
  {connection, versions}: Workspace,
  {id, table, access}: WorkTable,
  {live}: MariadbTableState,
): Promise<boolean> {
  if (live === 0) return false;
  const some = await connection.query(`SELECT 1 FROM ${quote(table.name)} LIMIT 1`);
  if (some.length === 0) return true;
  if (table.primaryKey.length === 0) return false;
  const ends = ['ASC', 'DESC'].map(
    order => `SELECT k FROM lockstep_version WHERE tab = ${id} ORDER BY k ${order} LIMIT ${probedKeys}`,
  );
  const keys = (await connection.runAll(ends)).flatMap(rows =>
    (rows as readonly Row[]).map(([key]) => String(key)),
  );
  // Rows first: one that goes meanwhile is only looked for in vain.
  const rows = await access.readMany(keys.map(key => JSON.parse(key) as string[]));
  const known = await versions.getMany(id, keys);
  return keys.some(key => known.get(key)?.deleted === false && !rows.has(key));
}

/**
 * Finds rows that went without a trigger (`TRUNCATE`, a partition that was dropped): there are fewer than live
 * versions then. Only asked when the table's storage is another than before.
 */
export async function findTruncated(
  workspace: Workspace,
  write: Write,
  target: WorkTable,
  options: {signal?: AbortSignal | undefined},
): Promise<number> {
  const {connection, versions} = workspace;
  const isShort = await write(async () => {
    const rows = Number((await connection.query(`SELECT COUNT(*) FROM ${quote(target.table.name)}`))[0]![0]);
    return rows < ((await versions.table(target.id))?.live ?? 0);
  });
  const gone = isShort ? await findDeleted(workspace, write, target, options) : 0;
  await write(() => versions.updateTable(target.id, {stamp: target.table.stamp}));
  return gone;
}

/** Versions whose row is gone become tombstones. @returns how many */
async function findDeleted(
  {connection, versions}: Workspace,
  write: Write,
  {id, access}: WorkTable,
  {signal}: {signal?: AbortSignal | undefined},
): Promise<number> {
  const {replica} = (await versions.identity())!;
  let after = Buffer.alloc(0);
  let gone = 0;
  for (let more = true; more; ) {
    signal?.throwIfAborted();
    await write(async () => {
      const keys = (
        await connection.query(
          `SELECT k FROM lockstep_version WHERE tab = ${id} AND k > x'${after.toString('hex')}' AND deleted = 0 ORDER BY k LIMIT ${chunkRows}`,
        )
      ).map(([key]) => key!);
      const found = await access.readMany(keys.map(key => JSON.parse(String(key)) as string[]));
      const missing = keys.map(String).filter(key => !found.has(key));
      const known = await versions.getMany(id, missing);
      for (const text of missing) {
        const version = noticeChange(known.get(text), undefined, replica);
        if (version === undefined) continue;
        await versions.set(id, text, version, known.get(text));
        gone++;
      }
      more = keys.length === chunkRows;
      after = Buffer.from(keys.at(-1) ?? after);
    });
  }
  return gone;
}

/** Records what a table without a key holds now, if that is not what is known of it. */
export async function compareAsWhole(
  workspace: Workspace,
  write: Write,
  target: WorkTable,
  access: TableAccess,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const {versions} = workspace;
  const digest = new TableDigest();
  for await (const row of access.rows()) {
    digest.add(row.digest);
    signal?.throwIfAborted();
  }
  return await write(async () => {
    const known = (await versions.table(target.id))?.version;
    const changed = known?.digest !== digest.digest;
    if (changed) {
      const vector = bumpVector(known?.vector ?? '', (await versions.identity())!.replica);
      await versions.setTableVersion(target.id, {digest: digest.digest, vector, deleted: false}, digest.rows);
    }
    await markCompared(workspace, target);
    return changed;
  });
}

async function markCompared({versions}: Workspace, {id, table}: WorkTable): Promise<void> {
  await versions.updateTable(id, {compared: true, signature: table.signature, stamp: table.stamp});
}
