import {bumpVector} from '../../../core/version-vector.js';
import type {Rejection} from '../row-store.js';
import {
  exceptionLines,
  exceptionsOf,
  type ImagePiece,
  imageFormatOf,
  type StagedImage,
  type TableImage,
} from '../table-image.js';
import {analysedFrom} from './compare-table.js';
import {type PgConnection, type PgRow, type PgValue, quote} from './connection.js';
import {digestSql, keySql} from './digest-sql.js';
import {rejectionOf} from './errors.js';
import type {PgTable} from './schema.js';
import {copyStatement} from './table-access.js';
import type {Workspace, WorkTable, Write} from './workspace.js';

/** Rows whose versions are made in one transaction. */
const baselineRows = 50_000;
/** Rows whose vector is not the usual one, fetched at once. */
const exceptionsAtOnce = 2000;

/** Sum over the first eight bytes of digests. */
const checksumSql = "coalesce(sum(('x' || encode(substr(digest, 1, 8), 'hex'))::bit(64)::bigint), 0)";

/** Whether the server can compute digests: it knows what characters its text is of, and values are as they travel. */
export async function isComputable(connection: PgConnection, table: PgTable): Promise<boolean> {
  if (table.primaryKey.length === 0 || table.localizer !== undefined) return false;
  return (await connection.row('SHOW server_encoding'))?.[0] !== 'SQL_ASCII';
}

/** The form of the table's image: COPY's text format. None for a table whose values change on their way (E28). */
export function pgImageFormat(table: PgTable | undefined): string | undefined {
  if (table === undefined || table.primaryKey.length === 0 || table.localizer !== undefined) return undefined;
  return imageFormatOf(
    'postgres',
    table.columns.map(column => [column, table.column.get(column)!.kind] as const),
    table.primaryKey,
  );
}

/**
 * Gives every row of a table of which nothing is known yet its first version, computed by the server. Rows that change
 * meanwhile are logged; a row that has a version by then keeps it.
 * @returns rows that got one; undefined when the table is to be compared row by row
 */
export async function takeBaseline(
  {connection, versions}: Workspace,
  write: Write,
  {id, table}: WorkTable,
  {signal, progress}: {signal?: AbortSignal | undefined; progress?: ((rows: number) => void) | undefined},
): Promise<number | undefined> {
  if (!(await isComputable(connection, table)) || (await hasVersions(connection, id))) return undefined;
  const whole = await write(async () => {
    const [count] = (await connection.row(`SELECT count(*) FROM ${table.from} AS t`)) as [string];
    if (!(await outweighs(connection, Number(count)))) return undefined;
    return await withoutIndexes(connection, async () => {
      const rows = await connection.run(
        `${insertVersions} SELECT ${versionSql({id, table}, versions.nextSeq())} FROM ${table.from} AS t`,
        [bumpVector('', versions.replica)],
      );
      versions.countLive(id, rows);
      return rows;
    });
  });
  if (whole !== undefined) return whole;
  const order = table.primaryKey.map(column => `t.${quote(column)}`).join(', ');
  let after: PgRow | undefined;
  let done = 0;
  for (;;) {
    signal?.throwIfAborted();
    const from: readonly PgValue[] = after ?? [];
    const last: PgRow | undefined = await write(async () => {
      const [end] = await connection.rows(
        `SELECT ${order} FROM ${table.from} AS t ${where([[order, '>', from]])} ORDER BY ${order} OFFSET ${baselineRows - 1} LIMIT 1`,
        from,
      );
      const until = end ?? [];
      const rows = await connection.run(
        `${insertVersions} SELECT ${versionSql({id, table}, versions.nextSeq())}
         FROM ${table.from} AS t ${where(
           [
             [order, '>', from],
             [order, '<=', until],
           ],
           2,
         )} ON CONFLICT (tab, key) DO NOTHING`,
        [bumpVector('', versions.replica), ...from, ...until],
      );
      versions.countLive(id, rows);
      done += rows;
      return end;
    });
    if (last === undefined) return done;
    after = last;
    progress?.(done);
  }
}

const insertVersions = 'INSERT INTO lockstep.version(tab, key, digest, vector, deleted, seq)';

/** The version of each row of the table as `t`, with the vector in $1. */
function versionSql({id, table}: WorkTable, seq: number): string {
  return `${id}, ${keySql(table, 't')}, ${digestSql(table, 't')}, $1, false, ${seq}`;
}

/** Whether so many new versions are most of all, so that making the indexes anew costs less than adding to them. */
async function outweighs(connection: PgConnection, rows: number): Promise<boolean> {
  if (rows < analysedFrom) return false;
  const [present] = (await connection.row('SELECT count(*) FROM lockstep.version')) as [string];
  return rows > 2 * Number(present);
}

/** Adds to the version table while it has no indexes. Whoever reads versions meanwhile waits for the transaction. */
async function withoutIndexes<T>(connection: PgConnection, work: () => Promise<T>): Promise<T> {
  await connection.run(
    'ALTER TABLE lockstep.version DROP CONSTRAINT version_pkey; DROP INDEX lockstep.version_seq',
  );
  const result = await work();
  await connection.run(
    'ALTER TABLE lockstep.version ADD PRIMARY KEY (tab, key); CREATE INDEX version_seq ON lockstep.version (tab, seq)',
  );
  return result;
}

/** Bounds in the order of the key, as a WHERE clause with parameters from `first` on. */
function where(
  bounds: readonly (readonly [order: string, operator: string, values: readonly PgValue[]])[],
  first = 1,
): string {
  let number = first;
  const conditions = bounds
    .filter(([, , values]) => values.length > 0)
    .map(
      ([order, operator, values]) =>
        `(${order}) ${operator} (${values.map(() => `$${number++}`).join(', ')})`,
    );
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
}

async function hasVersions(connection: PgConnection, id: number): Promise<boolean> {
  return (await connection.row('SELECT 1 FROM lockstep.version WHERE tab = $1 LIMIT 1', [id])) !== undefined;
}

/**
 * The table's image inside the transaction that is open. Nothing when its form is another one, or when something was
 * logged that its versions do not show yet.
 */
export async function* readPgImage(
  {connection}: Workspace,
  {id, table}: WorkTable,
  format: string,
): AsyncGenerator<TableImage | ImagePiece, void> {
  if (pgImageFormat(table) !== format) return;
  if ((await connection.row('SELECT 1 FROM lockstep.log WHERE tab = $1 LIMIT 1', [id])) !== undefined) return;
  const found = await connection.row(
    `WITH part AS MATERIALIZED (SELECT vector, count(*) AS rows, ${checksumSql} AS sum
       FROM lockstep.version WHERE tab = $1 AND NOT deleted GROUP BY vector)
     SELECT coalesce((SELECT vector FROM part ORDER BY rows DESC LIMIT 1), ''), coalesce(sum(rows), 0), coalesce(sum(sum), 0) FROM part`,
    [id],
  );
  const [vector, rows, checksum] = found as [string, string, string];
  yield {format, vector, rows: Number(rows), checksum};
  const names = table.columns.map(column => `t.${quote(column)}`).join(', ');
  for await (const bytes of connection.copyOut(`COPY (SELECT ${names} FROM ${table.from} AS t) TO STDOUT`))
    yield {part: 'rows', bytes};
  for (let after = ''; ; ) {
    const exceptions = await connection.rows(
      `SELECT key, vector FROM lockstep.version WHERE tab = $1 AND key > $2 AND NOT deleted AND vector <> $3
       ORDER BY key LIMIT ${exceptionsAtOnce}`,
      [id, after, vector],
    );
    if (exceptions.length > 0)
      yield {part: 'vectors', bytes: exceptionLines(exceptions as [string, string][])};
    if (exceptions.length < exceptionsAtOnce) return;
    after = exceptions.at(-1)![0]!;
  }
}

/** Fills a table that was cleared from its image; the versions are computed of what the table then holds. */
export async function fillFromPgImage(
  {connection, versions}: Workspace,
  {id, table}: WorkTable,
  image: StagedImage,
): Promise<{rows: number} | Rejection> {
  try {
    await connection.copy(copyStatement(table), image.pieces('rows'));
  } catch (error) {
    const rejection = rejectionOf(error);
    if (rejection === undefined) throw error;
    return rejection;
  }
  await versions.writeOut();
  const make = async () => {
    await connection.run(
      `${insertVersions} SELECT ${versionSql({id, table}, versions.nextSeq())} FROM ${table.from} AS t`,
      [image.vector],
    );
    return await connection.row(`SELECT count(*), ${checksumSql} FROM lockstep.version WHERE tab = $1`, [id]);
  };
  const isMost = await outweighs(connection, image.rows);
  const [count, checksum] = (await (isMost ? withoutIndexes(connection, make) : make())) as [string, string];
  const rows = Number(count);
  if (rows !== image.rows || checksum !== image.checksum)
    return {
      kind: 'inexact',
      message: `${table.name} would store other values than its versions at the source say`,
    };
  versions.countLive(id, rows);
  for (const lot of exceptionsOf(image))
    await connection.run(
      `UPDATE lockstep.version AS v SET vector = w.vector
       FROM unnest($2::text[], $3::text[]) AS w(key, vector) WHERE v.tab = $1 AND v.key = w.key`,
      [id, lot.map(([key]) => key), lot.map(([, vector]) => vector)],
    );
  if (rows >= analysedFrom) await connection.run(`ANALYZE lockstep.version; ANALYZE ${table.sql}`);
  return {rows};
}
