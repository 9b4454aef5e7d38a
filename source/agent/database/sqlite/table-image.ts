import {setImmediate} from 'node:timers/promises';
import {limits} from '../../../protocol/endpoint.js';
import {relieve} from '../../memory.js';
import type {Rejection} from '../row-store.js';
import {
  exceptionLines,
  exceptionsOf,
  type ImagePiece,
  imageFormatOf,
  type StagedImage,
  type TableImage,
} from '../table-image.js';
import {type ColumnValue, decodeWire, InvalidText} from '../wire-value.js';
import {presentTriggers} from './capture.js';
import {computeVersions, isComputable} from './compute-versions.js';
import {constraintOf, messageOf, quote, SqliteConnection, type SqliteValue} from './connection.js';
import {damage, defineFunctions, rowSql} from './digest-sql.js';
import {bind, type Cursor} from './table-access.js';
import {nextRange, type TableRange} from './table-range.js';
import {surroundingTransaction, type Workspace, type WorkTable} from './workspace.js';

/*
 * The image of a SQLite table is lines of JSON, each an array of a row's wire values in the order of their columns: SQLite
 * writes them, and reading them is a parser's and the binder's work. Not a database file, which the receiver could not
 * attach inside its transaction, and whose every page would have to be taken from a peer as it is.
 */

/** Rows that are read at once, if they are not larger than `bytesAtOnce` together. */
const rowsAtOnce = 500;
const bytesAtOnce = 2 * 1024 * 1024;
/** Versions that are looked through at once. */
const versionsAtOnce = 20_000;
/** Rows whose vector is not the usual one, fetched at once. */
const exceptionsAtOnce = 1000;
/** Values in one statement that inserts; SQLite takes 32,766. */
const valuesAtOnce = 400;
/** Bytes of lines that are parsed at once. */
const parsedAtOnce = 32 * 1024;

/** The form of the table's image. None for a table whose values change on their way (E28). */
export function sqliteImageFormat(workspace: Workspace, target: WorkTable | undefined): string | undefined {
  if (target === undefined || !isComputable(workspace, target)) return undefined;
  // Any column holds any kind of value.
  return imageFormatOf(
    'sqlite',
    target.table.columns.map(column => [column, ''] as const),
    target.table.primaryKey,
  );
}

/** One reading of the database; waits while the site holds a lock. */
type Read = <T>(task: () => T) => Promise<T>;

/**
 * The table's image. Nothing when its form is another one, or when something was logged that its versions do not show
 * yet. Where an open read would keep the site from writing, all is read in short ones first, into a temporary file of the
 * agent's; nothing then when the site wrote in between.
 */
export async function* readSqliteImage(
  workspace: Workspace,
  target: WorkTable,
  format: string,
  {read, isSnapshot}: {read: Read; isSnapshot: boolean},
): AsyncGenerator<TableImage | ImagePiece, void> {
  const {connection, versions} = workspace;
  if (sqliteImageFormat(workspace, target) !== format) return;
  const state = () =>
    connection.get('SELECT 1 FROM lockstep_log WHERE tab = ? LIMIT 1', target.id) === undefined
      ? versions.identity()?.seq
      : undefined;
  const before = await read(state);
  if (before === undefined) return;
  const {vector, ...sums} = await sumUp(connection, target.id, read);
  const image = {format, vector, ...sums};
  const pieces = readPieces(workspace, target, vector, read);
  if (isSnapshot) {
    yield image;
    yield* pieces;
    return;
  }
  const spool = new SqliteConnection('');
  try {
    spool.exec('CREATE TABLE piece (number INTEGER PRIMARY KEY, part TEXT NOT NULL, bytes BLOB NOT NULL)');
    spool.exec('BEGIN');
    let count = 0n;
    for await (const {part, bytes} of pieces)
      spool.run('INSERT INTO piece VALUES (?, ?, ?)', ++count, part, bytes);
    if ((await read(state)) !== before) return;
    yield image;
    for (let number = 1n; number <= count; number++) {
      const [part, bytes] = spool.get('SELECT part, bytes FROM piece WHERE number = ?', number)!;
      yield {part: part as ImagePiece['part'], bytes: Buffer.from(bytes as Uint8Array)};
    }
  } finally {
    spool.close();
  }
}

async function* readPieces(
  {connection}: Workspace,
  target: WorkTable,
  vector: string,
  read: Read,
): AsyncGenerator<ImagePiece, void> {
  defineFunctions(connection);
  for (let after: Cursor | undefined; ; ) {
    const range = await read(() => nextRange(connection, target.table, after, rowsAtOnce));
    const lines = await read(() => linesOf(connection, target, range));
    if (typeof lines === 'string') yield {part: 'rows', bytes: Buffer.from(lines)};
    else for (const line of lines) yield {part: 'rows', bytes: Buffer.from(line)};
    if (range.end === undefined) break;
    after = range.end;
    await setImmediate();
  }
  for (let after = ''; ; ) {
    const exceptions = await read(() =>
      connection.all(
        'SELECT key, vector FROM lockstep_version WHERE tab = ? AND key > ? AND NOT deleted AND vector <> ? ORDER BY key LIMIT ?',
        ...[target.id, after, vector, BigInt(exceptionsAtOnce)],
      ),
    );
    if (exceptions.length > 0)
      yield {part: 'vectors', bytes: exceptionLines(exceptions as [string, string][])};
    if (exceptions.length < exceptionsAtOnce) return;
    after = String(exceptions.at(-1)![0]);
  }
}

/** The lines of some rows; one by one where they are large, or hold what SQLite cannot write as JSON. */
function linesOf(
  connection: SqliteConnection,
  {table, access}: WorkTable,
  {sql, values, after}: TableRange,
): string | Iterable<string> {
  const sizes = table.columns.map(column => `coalesce(octet_length(${quote(column)}), 0)`);
  const [count, bytes] = connection.get(`SELECT count(*), sum(${sizes.join(' + ')}) ${sql}`, ...values)!;
  if (count === 0n) return '';
  if (Number(bytes) <= bytesAtOnce) {
    const text = String(
      connection.get(`SELECT group_concat(${rowSql(table)}, char(10)) ${sql}`, ...values)![0],
    );
    if (!text.includes(damage)) return `${text}\n`;
  }
  return (function* () {
    let left = Number(count);
    for (const {row} of access.rows(after)) {
      if (row.key === undefined) continue;
      yield `${JSON.stringify(table.columns.map(column => row.row[column]))}\n`;
      if (--left === 0) return;
    }
  })();
}

/**
 * How many live versions a table has, the sum over the first eight bytes of their digests, and a vector that most of
 * them have.
 */
async function sumUp(
  connection: SqliteConnection,
  id: bigint,
  read: Read,
): Promise<{rows: number; checksum: string; vector: string}> {
  const vectors = new Map<string, number>();
  let rows = 0;
  let high = 0n;
  let low = 0n;
  for (let after = ''; ; ) {
    const [count, last, vector, digests] = (await read(() =>
      connection.get(
        `SELECT count(*), max(key), min(vector), group_concat(CASE WHEN deleted THEN '' ELSE hex(substr(digest, 1, 8)) END, '')
         FROM (SELECT key, digest, vector, deleted FROM lockstep_version WHERE tab = ? AND key > ? ORDER BY key LIMIT ?)`,
        ...[id, after, BigInt(versionsAtOnce)],
      ),
    ))!;
    const bytes = Buffer.from(String(digests ?? ''), 'hex');
    let [highs, lows] = [0, 0];
    for (let offset = 0; offset < bytes.length; offset += 8) {
      highs += bytes.readUInt32BE(offset);
      lows += bytes.readUInt32BE(offset + 4);
    }
    high += BigInt(highs);
    low += BigInt(lows);
    rows += bytes.length / 8;
    if (vector !== null) vectors.set(String(vector), (vectors.get(String(vector)) ?? 0) + Number(count));
    if (Number(count) < versionsAtOnce) break;
    after = String(last);
    await setImmediate();
  }
  const [most = ''] = [...vectors].sort(([, a], [, b]) => b - a)[0] ?? [];
  return {rows, checksum: String((high << 32n) + low), vector: most};
}

/** Fills a table that was cleared from its image; the versions are computed of what the table then holds. */
export async function fillFromSqliteImage(
  workspace: Workspace,
  target: WorkTable,
  image: StagedImage,
): Promise<{rows: number} | Rejection> {
  const {connection} = workspace;
  const {id, table} = target;
  // They would only look, for every row, whether they are to log it.
  const capture = [...presentTriggers(connection)].filter(([name]) => name.startsWith(`lockstep_${id}_`));
  for (const [name] of capture) connection.exec(`DROP TRIGGER ${quote(name)}`);
  const refusal = await insertLines(target, connection, image);
  for (const [, sql] of capture) connection.exec(sql);
  if (refusal !== undefined) return refusal;
  await computeVersions(workspace, surroundingTransaction.write, target, image.vector);
  const {rows, checksum} = await sumUp(connection, id, async task => task());
  if (rows !== image.rows || checksum !== image.checksum)
    return {
      kind: 'inexact',
      message: `${table.name} would store other values than its versions at the source say`,
    };
  for (const lot of exceptionsOf(image))
    for (const [key, vector] of lot)
      connection.run('UPDATE lockstep_version SET vector = ? WHERE tab = ? AND key = ?', vector, id, key);
  return {rows};
}

async function insertLines(
  {table}: WorkTable,
  connection: SqliteConnection,
  image: StagedImage,
): Promise<Rejection | undefined> {
  const {columns} = table;
  const statement = `INSERT OR ABORT INTO ${quote(table.name)} (${columns.map(quote).join(', ')}) VALUES `;
  const several = Math.max(1, Math.floor(valuesAtOnce / columns.length));
  const plain = `(${columns.map(() => '?').join(', ')})`;
  const insertSeveral = statement + Array(several).fill(plain).join(', ');
  let done = 0;
  let lot: SqliteValue[] = [];
  const insert = (row: readonly ColumnValue[]) => {
    const bound = row.map(bind);
    connection.run(
      `${statement}(${bound.map(({placeholder}) => placeholder).join(', ')})`,
      ...bound.map(({value}) => value),
    );
    done++;
  };
  const flush = () => {
    for (let from = 0; from < lot.length; from += columns.length)
      insert(lot.slice(from, from + columns.length));
    lot = [];
  };
  try {
    for (const rows of rowsOf(image)) {
      for (const line of rows) {
        const row = valuesOf(line, columns.length);
        if (row.some(value => value instanceof InvalidText)) {
          flush();
          insert(row);
          continue;
        }
        for (const value of row) lot.push(value as SqliteValue);
        if (lot.length < several * columns.length) continue;
        connection.run(insertSeveral, ...lot);
        done += several;
        lot = [];
      }
      relieve();
      await setImmediate();
    }
    flush();
    return undefined;
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError) && constraintOf(error) === undefined)
      throw error;
    return {kind: 'constraint', message: `after row ${done} of ${table.name}: ${messageOf(error)}`};
  }
}

/** The lines of an image, parsed, some at a time. */
function* rowsOf(image: StagedImage): Generator<readonly unknown[], void> {
  let rest: Buffer[] = [];
  let size = 0;
  for (const piece of image.pieces('rows')) {
    const end = piece.lastIndexOf(0x0a);
    if (end < 0) rest.push(piece);
    else {
      yield* parsedLines(Buffer.concat([...rest, piece.subarray(0, end)]));
      rest = [piece.subarray(end + 1)];
      size = 0;
    }
    size += piece.length - end - 1;
    if (size > limits.line) throw new RangeError('a row is too large');
  }
  if (size > 0) throw new RangeError('the last row is cut off');
}

/** Not all at once, because what is parsed takes ten times the room. */
function* parsedLines(bytes: Buffer): Generator<readonly unknown[], void> {
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, from + parsedAtOnce);
    const end = newline < 0 ? bytes.length : newline;
    yield JSON.parse(`[${bytes.toString('utf8', from, end).replaceAll('\n', ',')}]`) as unknown[];
    from = end + 1;
  }
}

function valuesOf(line: unknown, columns: number): ColumnValue[] {
  if (!Array.isArray(line) || line.length !== columns) throw new RangeError('not a row of this table');
  return line.map((value: unknown) => {
    if (value !== null && typeof value !== 'string') throw new RangeError('not a wire value');
    return decodeWire(value);
  });
}
