import {type IdBlock, type IdColumn, ownBlock, steerWithin} from '../../../core/id-blocks.js';
import {type PgConnection, quote} from './connection.js';
import type {PgTable} from './schema.js';
import type {Workspace} from './workspace.js';

/** A sequence that issues the ids of a column, whether a column owns it or its default only names it. */
type IdSequence = {
  readonly table: PgTable;
  readonly column: string;
  /** The sequence as SQL. */
  readonly sequence: string;
  readonly from: bigint;
  readonly to: bigint;
  /** The id that it issues next. */
  readonly next: bigint;
  /** Largest id that column and sequence can hold. */
  readonly limit: bigint;
};

const limits: Readonly<Record<string, bigint>> = {
  smallint: 2n ** 15n - 1n,
  integer: 2n ** 31n - 1n,
  bigint: 2n ** 63n - 1n,
};

/** Whether a sequence issues ids that are not this server's, or has come to the end of its block. */
export async function mustSteer(workspace: Workspace, number: number): Promise<boolean> {
  for (const sequence of await sequencesOf(workspace))
    if (!(await isRight(workspace.connection, sequence, number))) return true;
  return false;
}

/**
 * Lets every sequence issue ids of this server's block only (E25). Unlike other engines PostgreSQL does not go on after
 * the highest id present, so rows of other servers do not matter. Belongs into a write transaction.
 */
export async function steerIds(workspace: Workspace, number: number): Promise<void> {
  const {connection} = workspace;
  for (const sequence of await sequencesOf(workspace)) {
    if (await isRight(connection, sequence, number)) continue;
    const found = await steerWithin(number, sequence.limit, async block => {
      // What was issued and deleted since is not issued again.
      const issued = sequence.next - 1n;
      const isIssuedHere = issued >= block.from && issued <= block.to;
      const present = await highestIn(connection, sequence, block);
      return isIssuedHere && (present === undefined || issued > present) ? issued : present;
    });
    if (found.kind === 'full') continue;
    const {block, next} = found;
    await connection.run(
      `ALTER SEQUENCE ${sequence.sequence} MINVALUE ${block.from} MAXVALUE ${block.to} START ${next} RESTART ${next} NO CYCLE`,
    );
  }
}

/** Lets a table's sequence go on after an id of this server's, if it stands before it (`SiteDatabase.skipIds`). */
export async function skipIds(
  workspace: Workspace,
  table: string,
  highest: bigint,
  number: number,
): Promise<void> {
  for (const sequence of await sequencesOf(workspace)) {
    const block = ownBlock(number, highest + 1n, sequence.limit);
    if (sequence.table.name !== table || sequence.next > highest || block === undefined) continue;
    await workspace.connection.run(
      `ALTER SEQUENCE ${sequence.sequence} MINVALUE ${block.from} MAXVALUE ${block.to} START ${highest + 1n} RESTART ${highest + 1n}`,
    );
  }
}

/** The columns whose ids PostgreSQL issues, as they stand now. */
export async function idColumns(workspace: Workspace, number: number | undefined): Promise<IdColumn[]> {
  const columns: IdColumn[] = [];
  for (const sequence of await sequencesOf(workspace)) {
    const {table, column, limit, next} = sequence;
    const highest = await highestIn(workspace.connection, sequence, {from: 1n, to: limit});
    const block = number === undefined ? undefined : ownBlock(number, next, limit);
    columns.push({
      table: table.name,
      column,
      steered: true,
      highest: String(highest ?? 0n),
      limit: String(limit),
      ...(block === undefined
        ? {}
        : {next: String(next), block: {from: String(block.from), to: String(block.to)}}),
    });
  }
  return columns;
}

async function isRight(connection: PgConnection, sequence: IdSequence, number: number): Promise<boolean> {
  const {from, to, next, limit} = sequence;
  const block = ownBlock(number, from, limit);
  // A column too narrow for this server cannot be steered; `idProblem` names it.
  if (block === undefined || block.from !== from || block.to !== to || next > to) return false;
  // Rows of this block can come from elsewhere: renumbered ones (E18), and what was issued before a restore.
  return (await highestIn(connection, sequence, {from: next, to})) === undefined;
}

async function highestIn(
  connection: PgConnection,
  {table, column}: IdSequence,
  {from, to}: IdBlock,
): Promise<bigint | undefined> {
  const row = await connection.row(
    `SELECT max(${quote(column)}) FROM ${table.from} WHERE ${quote(column)} BETWEEN $1::bigint AND $2::bigint`,
    [String(from), String(to)],
  );
  return row?.[0] === null || row?.[0] === undefined ? undefined : BigInt(row[0]);
}

/** Sequences that a column owns (serial, identity) and those that its default calls. */
async function sequencesOf({connection, tables}: Workspace): Promise<IdSequence[]> {
  const byOid = new Map([...tables.values()].map(({table}) => [table.oid, table]));
  const rows = await connection.rows(
    `SELECT DISTINCT ON (used.tab, used.col) used.tab, a.attname, format_type(a.atttypid, -1), used.seq::regclass, s.seqtypid::regtype, s.seqmin, s.seqmax,
       coalesce(pg_sequence_last_value(used.seq) + s.seqincrement, s.seqstart)
     FROM (
       SELECT d.refobjid AS tab, d.refobjsubid AS col, d.objid AS seq FROM pg_depend d
         WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
       UNION ALL
       SELECT f.adrelid, f.adnum, d.refobjid FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
         WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'n'
     ) AS used JOIN pg_sequence s ON s.seqrelid = used.seq
     JOIN pg_attribute a ON a.attrelid = used.tab AND a.attnum = used.col
     WHERE used.tab = ANY($1::oid[]) AND s.seqincrement = 1 ORDER BY used.tab, used.col, used.seq`,
    [[...byOid.keys()]],
  );
  return (rows as string[][]).flatMap(
    ([oid, column, type, sequence, sequenceType, from, to, next]): IdSequence[] => {
      const limit = limits[type!];
      const own = limits[sequenceType!];
      if (limit === undefined || own === undefined) return [];
      return [
        {
          table: byOid.get(oid!)!,
          column: column!,
          sequence: sequence!,
          from: BigInt(from!),
          to: BigInt(to!),
          next: BigInt(next!),
          limit: limit < own ? limit : own,
        },
      ];
    },
  );
}
