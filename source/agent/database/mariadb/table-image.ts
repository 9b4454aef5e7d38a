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
import type {MariadbConnection} from './connection.js';
import {computableColumns, digestSql, keySql, lineSql, loadStatement} from './digest-sql.js';
import {constraintOf, isServerError, messageOf} from './server-error.js';
import {literal, quote} from './sql-text.js';
import type {VersionStore} from './version-store.js';
import type {Workspace, WorkTable} from './workspace.js';

/** Rows whose vector is not the usual one, fetched at once. */
const exceptionsAtOnce = 1000;
/** Bytes of lines that are handed on at once. */
const pieceBytes = 128 * 1024;

/** Sum over the first eight bytes of digests. */
const checksumSql = 'CAST(COALESCE(SUM(CAST(CONV(HEX(LEFT(digest, 8)), 16, 10) AS UNSIGNED)), 0) AS CHAR)';

/** The columns of a table whose versions the server can compute; undefined where rows have to be fetched. */
function computed(connection: MariadbConnection, {table, access}: WorkTable) {
  // MySQL writes JSON otherwise.
  if (!connection.isMariadb || !table.transactional || access.localizer !== undefined) return undefined;
  if (table.primaryKey.length === 0 || !table.primaryKey.every(column => table.columns.includes(column)))
    return undefined;
  return computableColumns(table);
}

/** The form of the table's image: lines for LOAD DATA. */
export function mariadbImageFormat(
  connection: MariadbConnection,
  target: WorkTable | undefined,
): string | undefined {
  const columns = target && computed(connection, target);
  return columns && imageFormatOf('mariadb', columns, target!.table.primaryKey);
}

/** Whether the server takes lines that a client sends. */
export async function takesLines(connection: MariadbConnection): Promise<boolean> {
  return String((await connection.query('SELECT @@local_infile'))[0]?.[0]) === '1';
}

/**
 * Gives every row of a table of which nothing is known yet its first version, computed by the server, in a transaction of
 * its own. Locks no row of the site's. Rows that change meanwhile are logged.
 * @returns rows that got one; undefined when the table is to be compared row by row
 */
export async function takeBaseline(
  {connection, versions}: Workspace,
  target: WorkTable,
): Promise<number | undefined> {
  const columns = computed(connection, target);
  if (columns === undefined) return undefined;
  const some = await connection.query(`SELECT 1 FROM lockstep_version WHERE tab = ${target.id} LIMIT 1`);
  if (some.length > 0) return undefined;
  await connection.runAll(['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'START TRANSACTION']);
  try {
    const {replica} = await versions.begin();
    const rows = await computeVersions(connection, versions, target, columns, bumpVector('', replica));
    await versions.flush();
    await connection.run('COMMIT');
    return rows;
  } catch (error) {
    if (connection.isOpen) await connection.run('ROLLBACK').catch(() => {});
    // A key that does not fit, a row that is too large to compute with: row by row more can be said of them.
    if (isServerError(error)) return undefined;
    throw error;
  }
}

/** Computes the versions of all rows of a table that has none. @returns how many */
async function computeVersions(
  connection: MariadbConnection,
  versions: VersionStore,
  {id, table, access}: WorkTable,
  columns: NonNullable<ReturnType<typeof computableColumns>>,
  vector: string,
): Promise<number> {
  const order = table.primaryKey.map(quote).join(', ');
  const {affectedRows} = await connection.run(
    `INSERT INTO lockstep_version (tab, k, digest, vector, deleted, seq)
     SELECT ${id}, ${keySql(table, columns)}, ${digestSql(columns)}, ${literal(vector)}, 0, ${versions.nextSeq()}
     FROM ${quote(table.name)} FORCE INDEX (PRIMARY) ORDER BY ${order}`,
  );
  versions.countLive(id, affectedRows);
  const left = await connection.query(
    `SELECT k, vector FROM lockstep_version WHERE tab = ${id} AND digest = ''`,
  );
  const rows = await access.readMany(left.map(([key]) => JSON.parse(String(key)) as string[]));
  for (const [key] of left) {
    const known = {digest: '', vector, deleted: false};
    const digest = rows.get(String(key))?.digest;
    if (digest !== undefined) await versions.set(id, String(key), {...known, digest}, known);
    // Gone meanwhile, which is logged.
    else await versions.put(id, String(key), undefined, known);
  }
  return affectedRows;
}

/**
 * The table's image in the snapshot of the connections. Nothing when its form is another one, or when something was
 * logged that its versions do not show yet.
 */
export async function* readMariadbImage(
  connection: MariadbConnection,
  target: WorkTable,
  format: string,
): AsyncGenerator<TableImage | ImagePiece, void> {
  const {id, table} = target;
  const columns = computed(connection, target);
  if (columns === undefined || mariadbImageFormat(connection, target) !== format) return;
  if ((await connection.query(`SELECT 1 FROM lockstep_log WHERE tab = ${id} LIMIT 1`)).length > 0) return;
  const live = `FROM lockstep_version WHERE tab = ${id} AND deleted = 0`;
  const [[first] = []] = await connection.query(`SELECT vector ${live} LIMIT 1`);
  let vector = String(first ?? '');
  // Keys with such an escape only we can write (digest-sql.ts).
  const [[rows, checksum, escaped, alike] = []] = await connection.query(
    `SELECT COUNT(*), ${checksumSql}, SUM(LOCATE('\\\\u00', k) > 0), SUM(vector = ${literal(vector)}) ${live}`,
  );
  if (Number(escaped) > 0) return;
  if (2 * Number(alike) < Number(rows)) {
    // Vectors are short; should one be longer, it is one more exception.
    const [[most] = []] = await connection.query(
      `SELECT MIN(vector) ${live} GROUP BY LEFT(vector, 500) ORDER BY COUNT(*) DESC LIMIT 1`,
    );
    vector = String(most ?? '');
  }
  yield {format, vector, rows: Number(rows), checksum: String(checksum)};
  for await (const bytes of connection.bytes(
    `SELECT ${lineSql(columns)} FROM ${quote(table.name)}`,
    pieceBytes,
  ))
    yield {part: 'rows', bytes};
  for (let after = Buffer.alloc(0); ; ) {
    const exceptions = await connection.query(
      `SELECT k, vector ${live} AND k > x'${after.toString('hex')}' AND vector <> ${literal(vector)} ORDER BY k LIMIT ${exceptionsAtOnce}`,
    );
    if (exceptions.length > 0)
      yield {
        part: 'vectors',
        bytes: exceptionLines(exceptions.map(([key, other]) => [String(key), String(other)] as const)),
      };
    if (exceptions.length < exceptionsAtOnce) return;
    after = Buffer.from(exceptions.at(-1)![0]!);
  }
}

/** Fills a table that was cleared from its image; the versions are computed of what the table then holds. */
export async function fillFromMariadbImage(
  {connection, versions}: Workspace,
  target: WorkTable,
  image: StagedImage,
): Promise<{rows: number} | Rejection> {
  const {id, table} = target;
  const columns = computed(connection, target)!;
  let rows: number;
  let warning: string | undefined;
  try {
    await connection.load(loadStatement(table, columns), image.pieces('rows'));
    // A client's lines are taken as far as they fit; what did not is a warning.
    warning = (await connection.query('SHOW WARNINGS LIMIT 1'))[0]?.[2]?.toString();
    rows = await computeVersions(connection, versions, target, columns, image.vector);
  } catch (error) {
    if (constraintOf(error) === undefined) throw error;
    return {kind: 'constraint', message: messageOf(error)};
  }
  await versions.save();
  const [[count, checksum] = []] = await connection.query(
    `SELECT COUNT(*), ${checksumSql} FROM lockstep_version WHERE tab = ${id}`,
  );
  if (Number(count) !== image.rows || String(checksum) !== image.checksum)
    return {
      kind: 'inexact',
      message:
        warning ??
        `${table.name} would store other values than its versions at the source say (or a trigger of the site changes them)`,
    };
  for (const lot of exceptionsOf(image))
    for (let from = 0; from < lot.length; from += exceptionsAtOnce)
      await connection.runAll(
        lot
          .slice(from, from + exceptionsAtOnce)
          .map(
            ([key, vector]) =>
              `UPDATE lockstep_version SET vector = ${literal(vector)} WHERE tab = ${id} AND k = _binary${literal(key)}`,
          ),
      );
  return {rows};
}
