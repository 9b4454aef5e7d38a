/** A run of ids that one server alone issues; both ends belong to it. */
export type IdBlock = {readonly from: bigint; readonly to: bigint};

/** Ids of a server's first block (E25). */
export const blockSize = 10n ** 12n;
/** Servers that can be told apart by their ids. */
export const maxServers = 1000;
/** Columns that hold at least this much get the blocks of E25; narrower ones have their own range split. */
const wide = 10n ** 15n;
/** Ids of a later block in a wide column. Small, so that ids stay below 2⁵³ for a long time. */
const laterSize = 10n ** 8n;
/** A narrow column's range is split into so many blocks; the upper half is kept for later blocks. */
const narrowBlocks = 200n;

/** How the ids of a column are dealt out; everything follows from the largest id it can hold. */
type Layout = {
  readonly servers: bigint;
  readonly firstSize: bigint;
  /** Where the later blocks begin. */
  readonly later: bigint;
  readonly laterSize: bigint;
};

function layoutOf(limit: bigint): Layout {
  if (limit >= wide * 2n)
    return {
      servers: BigInt(maxServers),
      firstSize: blockSize,
      later: BigInt(maxServers) * blockSize,
      laterSize,
    };
  const firstSize = limit / narrowBlocks;
  const servers = narrowBlocks / 2n;
  return {servers, firstSize, later: servers * firstSize, laterSize: firstSize / 1000n || 1n};
}

/**
 * The ids that server `number` issues first: (n−1)·10¹²+1 to n·10¹² (E25), or its share of a narrow column.
 * @param limit largest id that the column can hold
 * @returns undefined when the column has no room for that server
 */
export function firstBlock(number: number, limit: bigint): IdBlock | undefined {
  const {servers, firstSize} = layoutOf(limit);
  if (number < 1 || BigInt(number) > servers || firstSize < 1n) return undefined;
  return {from: BigInt(number - 1) * firstSize + 1n, to: BigInt(number) * firstSize};
}

/**
 * The server's lowest later block that lies wholly above an id. Engines that continue after the highest id present
 * (SQLite, MariaDB) leave their block when a row of a higher one arrives and go on here. Later blocks follow from the
 * number alone (block k belongs to server k modulo the number of servers), so no server has to ask another for one.
 */
export function laterBlock(number: number, above: bigint, limit: bigint): IdBlock | undefined {
  const {servers, later, laterSize: size} = layoutOf(limit);
  if (number < 1 || BigInt(number) > servers) return undefined;
  const round = servers * size;
  const start = later + BigInt(number - 1) * size;
  const generation = above < start ? 0n : (above - start + round) / round;
  const before = start + generation * round;
  return before + size <= limit ? {from: before + 1n, to: before + size} : undefined;
}

/** The server's own block that holds an id; undefined when the id is another server's. */
export function ownBlock(number: number, id: bigint, limit: bigint): IdBlock | undefined {
  const first = firstBlock(number, limit);
  if (first === undefined) return undefined;
  if (id >= first.from && id <= first.to) return first;
  const {servers, later, laterSize: size} = layoutOf(limit);
  if (id <= later) return undefined;
  const index = (id - later - 1n) / size;
  if (index % servers !== BigInt(number - 1)) return undefined;
  const before = later + index * size;
  return {from: before + 1n, to: before + size};
}

/** Where a column's ids go on. */
export type Steering =
  /** The next id is the server's own already. */
  | {readonly kind: 'right'; readonly block: IdBlock}
  /** The next id must be made the first of this block. */
  | {readonly kind: 'move'; readonly block: IdBlock}
  /** The column is too narrow for this server. */
  | {readonly kind: 'full'};

/**
 * Where the ids of a column whose engine continues after the highest one present have to go on, so that no other
 * server issues the same (E25).
 * @param highest the highest id that the column ever held; 0 for none
 */
export function steerAfter(number: number, highest: bigint, limit: bigint): Steering {
  const own = ownBlock(number, highest + 1n, limit);
  if (own !== undefined) return {kind: 'right', block: own};
  const first = firstBlock(number, limit);
  const block = first !== undefined && highest < first.from ? first : laterBlock(number, highest, limit);
  return block === undefined ? {kind: 'full'} : {kind: 'move', block};
}

/**
 * Where the ids of a column go on whose engine keeps to a range whatever rows arrive (PostgreSQL's sequences).
 * @param highestIn the highest id that is present in a block; undefined for none
 */
export async function steerWithin(
  number: number,
  limit: bigint,
  highestIn: (block: IdBlock) => bigint | undefined | Promise<bigint | undefined>,
): Promise<{kind: 'range'; block: IdBlock; next: bigint} | {kind: 'full'}> {
  let block = firstBlock(number, limit);
  while (block !== undefined) {
    const highest = await highestIn(block);
    if (highest === undefined || highest < block.to)
      return {kind: 'range', block, next: highest === undefined ? block.from : highest + 1n};
    block = laterBlock(number, block.to, limit);
  }
  return {kind: 'full'};
}

/** A column whose ids the database issues, as an agent tells of it (`server show`, `doctor`). Ids as decimal text. */
export type IdColumn = {
  readonly table: string;
  readonly column: string;
  /** Whether the engine lets us say where ids go on; if not, clashes are renumbered (E18). */
  readonly steered: boolean;
  /** The highest id present or issued; 0 for none. */
  readonly highest: string;
  /** Largest id that the column can hold. */
  readonly limit: string;
  /** The id that the next row gets and the block it lies in; undefined while the server has no number. */
  readonly next?: string;
  readonly block?: {readonly from: string; readonly to: string};
};

/** What an operator should know of a column's ids; undefined when all is well. */
export function idProblem(column: IdColumn, number: number | undefined): string | undefined {
  if (!column.steered || number === undefined) return undefined;
  const limit = BigInt(column.limit);
  const name = `${column.table}.${column.column}`;
  const left =
    column.block === undefined ? 0n : BigInt(column.block.to) - BigInt(column.next ?? column.block.from);
  if (column.block === undefined)
    return `${name} holds ids up to ${column.limit} only, which leaves none for server ${number}: make it a 64-bit integer.`;
  if (limit >= wide * 2n) return undefined;
  return (
    `${name} holds ids up to ${column.limit} only: server ${number} issues ${column.block.from} to ${column.block.to} ` +
    `(${left + 1n} left) instead of a range of 10¹². A 64-bit integer would do.`
  );
}

/** Whether a column's ids are about to run out: none left for the server, or less than a tenth of its block. */
export function isRunningOut({steered, next, block, limit}: IdColumn, number: number | undefined): boolean {
  if (!steered || number === undefined) return false;
  if (block === undefined || next === undefined) return true;
  const [from, to] = [BigInt(block.from), BigInt(block.to)];
  // A later block of a wide column is small by design, and there is always another one.
  if (BigInt(limit) >= wide * 2n && from > BigInt(maxServers) * blockSize) return false;
  return (to - BigInt(next)) * 10n < to - from;
}

/**
 * The number for a server that joins: its own if it has one that nobody else uses, else the next (E25).
 * @param last the highest number that was ever given
 */
export function assignNumber(own: number | undefined, used: ReadonlySet<number>, last = 0): number {
  if (own !== undefined && !used.has(own)) return own;
  return Math.max(last, ...used) + 1;
}
