import {type IdColumn, ownBlock, steerAfter} from '../../../core/id-blocks.js';
import type {MariadbConnection} from './connection.js';
import {withPatience} from './install-capture.js';
import type {MariadbTable} from './schema.js';
import {quote} from './sql-text.js';

/** The id that each of the tables with ids of the engine's would issue next. */
export async function nextIds(
  connection: MariadbConnection,
  shapes: ReadonlyMap<string, MariadbTable>,
): Promise<ReadonlyMap<string, bigint>> {
  if (![...shapes.values()].some(({idColumn}) => idColumn !== undefined)) return new Map();
  // MySQL would tell what it knew a day ago.
  if (!connection.isMariadb) await connection.run('SET SESSION information_schema_stats_expiry = 0');
  const rows = await connection.query(
    'SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND AUTO_INCREMENT IS NOT NULL',
  );
  const next = new Map(rows.map(([table, id]) => [String(table), BigInt(String(id))]));
  return new Map(
    [...shapes.values()].flatMap(({name, idColumn}) =>
      idColumn === undefined ? [] : [[name, next.get(name) ?? 1n] as const],
    ),
  );
}

/**
 * Lets every table whose next id would be another server's go on in a block of this server (E25). For ids that are
 * issued until then see `MariadbRowStore`, which never lets the counter follow a row that arrives.
 */
export async function steerIds(
  connection: MariadbConnection,
  shapes: ReadonlyMap<string, MariadbTable>,
  number: number,
  signal?: AbortSignal,
): Promise<void> {
  for (const [table, next] of await nextIds(connection, shapes)) {
    const found = steerAfter(number, next - 1n, shapes.get(table)!.idColumn!.limit);
    if (found.kind === 'move')
      await withPatience(
        connection,
        `ALTER TABLE ${quote(table)} AUTO_INCREMENT = ${found.block.from}`,
        signal,
      );
  }
}

/** Lets a table's ids go on after one, if they stand before it (`SiteDatabase.skipIds`). */
export async function skipIds(
  connection: MariadbConnection,
  shapes: ReadonlyMap<string, MariadbTable>,
  table: string,
  highest: bigint,
  signal?: AbortSignal,
): Promise<void> {
  const next = (await nextIds(connection, shapes)).get(table);
  if (next === undefined || next > highest) return;
  await withPatience(connection, `ALTER TABLE ${quote(table)} AUTO_INCREMENT = ${highest + 1n}`, signal);
}

/** The columns whose ids the database issues, as they stand now. */
export async function idColumns(
  connection: MariadbConnection,
  shapes: ReadonlyMap<string, MariadbTable>,
  number: number | undefined,
): Promise<IdColumn[]> {
  return [...(await nextIds(connection, shapes))].map(([table, next]) => {
    const {name, limit} = shapes.get(table)!.idColumn!;
    const block = number === undefined ? undefined : ownBlock(number, next, limit);
    return {
      table,
      column: name,
      steered: true,
      highest: String(next - 1n),
      limit: String(limit),
      ...(block === undefined
        ? {}
        : {next: String(next), block: {from: String(block.from), to: String(block.to)}}),
    };
  });
}
