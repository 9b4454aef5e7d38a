import {type IdColumn, ownBlock, steerAfter} from '../../../core/id-blocks.js';
import {quote} from './connection.js';
import type {SqliteTable} from './schema.js';
import type {Workspace} from './workspace.js';

/** Row ids are 64-bit. */
const limit = 2n ** 63n - 1n;

/**
 * Whether the next id of any table would be another server's. AUTOINCREMENT goes on after the highest id that was ever
 * there, so this happens when the server gets its number and whenever rows of a higher block arrive.
 */
export function mustSteer(workspace: Workspace, number: number): boolean {
  return moves(workspace, number).length > 0;
}

/**
 * Lets every AUTOINCREMENT table go on in a block of this server (E25). Belongs into the transaction that applies rows,
 * so that no id is issued in between. Tables without AUTOINCREMENT cannot be steered.
 */
export function steerIds(workspace: Workspace, number: number): void {
  for (const {table, before} of moves(workspace, number)) setIssued(workspace, table, before);
}

/** Lets a table's ids go on after one, if they stand before it (`SiteDatabase.skipIds`). */
export function skipIds(workspace: Workspace, table: string, highest: bigint): void {
  if (workspace.shapes().get(table)?.autoincrement !== true) return;
  if ((issuedIds(workspace).get(table) ?? 0n) < highest) setIssued(workspace, table, highest);
}

function setIssued({connection}: Workspace, table: string, highest: bigint): void {
  if (connection.run('UPDATE sqlite_sequence SET seq = ? WHERE name = ?', highest, table) === 0n)
    connection.run('INSERT INTO sqlite_sequence(name, seq) VALUES (?, ?)', table, highest);
}

function moves(workspace: Workspace, number: number): {table: string; before: bigint}[] {
  const steered = [...workspace.shapes().values()].filter(({autoincrement}) => autoincrement);
  if (steered.length === 0) return [];
  const issued = issuedIds(workspace);
  return steered.flatMap(({name}) => {
    const found = steerAfter(number, issued.get(name) ?? 0n, limit);
    return found.kind === 'move' ? [{table: name, before: found.block.from - 1n}] : [];
  });
}

/** The highest id that each AUTOINCREMENT table ever held. */
function issuedIds({connection}: Workspace): Map<string, bigint> {
  return new Map(
    connection
      .all('SELECT name, max(seq) FROM sqlite_sequence GROUP BY name')
      .map(([name, seq]) => [String(name), typeof seq === 'bigint' ? seq : 0n]),
  );
}

/** The columns whose ids SQLite issues, as they stand now. */
export function idColumns(workspace: Workspace, number: number | undefined): IdColumn[] {
  const shapes = [...workspace.shapes().values()];
  const issued = shapes.some(({autoincrement}) => autoincrement) ? issuedIds(workspace) : new Map();
  return shapes.flatMap((table): IdColumn[] => {
    const {name, idColumn: column, autoincrement: steered} = table;
    if (column === undefined) return [];
    const present = highestPresent(workspace, table);
    const highest = steered && (issued.get(name) ?? 0n) > present ? (issued.get(name) ?? 0n) : present;
    const next = highest + 1n;
    const block = steered && number !== undefined ? ownBlock(number, next, limit) : undefined;
    return [
      {
        table: name,
        column,
        steered,
        highest: String(highest),
        limit: String(limit),
        ...(block === undefined
          ? {}
          : {next: String(next), block: {from: String(block.from), to: String(block.to)}}),
      },
    ];
  });
}

function highestPresent({connection}: Workspace, {name, idColumn}: SqliteTable): bigint {
  const highest = connection.get(`SELECT max(${quote(idColumn!)}) FROM ${quote(name)}`)?.[0];
  return typeof highest === 'bigint' && highest > 0n ? highest : 0n;
}
