import {compareCodePoints} from '../../../core/item.js';
import type {Reference} from '../../../core/site-description.js';
import type {TableShape} from '../table-shape.js';
import {type ColumnKind, columnKind} from './column-kind.js';
import type {MariadbConnection, Row} from './connection.js';
import {type HoldsExactly, holdsExactly} from './holds-exactly.js';
import {isServerError} from './server-error.js';

/** What the engine does with a child when the parent goes or its key changes. */
export type CascadeRule = 'CASCADE' | 'SET NULL' | 'SET DEFAULT' | 'RESTRICT' | 'NO ACTION';

export type ForeignKey = Reference & {readonly onDelete: CascadeRule; readonly onUpdate: CascadeRule};

/** A user table as this driver needs to know it. */
export type MariadbTable = TableShape & {
  readonly foreignKeys: readonly ForeignKey[];
  readonly engine: string;
  /** Whether a transaction can take back what was written to it. */
  readonly transactional: boolean;
  /** Kinds of all columns, generated ones too. */
  readonly kinds: ReadonlyMap<string, ColumnKind>;
  /** For each written column which values it certainly keeps as they are; undefined where only reading back tells. */
  readonly exactness: readonly (HoldsExactly | undefined)[];
  /** Digits after the seconds of the key's columns. */
  readonly keyFractions: readonly number[];
  /** The column whose ids the engine issues, and the largest that it can hold. */
  readonly idColumn: {readonly name: string; readonly limit: bigint} | undefined;
  /** Characters that text columns may hold. */
  readonly textLimits: ReadonlyMap<string, number>;
  /** Changes whenever the digests of unchanged rows may change. */
  readonly signature: string;
  /** Changes when the table is emptied or rebuilt (`TRUNCATE` fires no trigger); '' where the server does not tell. */
  readonly stamp: string;
};

/** What a signature says. */
export type Signature = {
  readonly columns: readonly string[];
  readonly primaryKey: readonly string[];
  readonly types: readonly string[];
  readonly cascades: readonly unknown[];
};

/** A trigger as the server keeps it. */
export type Trigger = {
  readonly name: string;
  readonly table: string;
  readonly timing: string;
  readonly event: string;
  readonly body: string;
};

const here = 'SCHEMA = DATABASE()';

/**
 * The tables that take part: ordinary ones that the filter accepts, no views or sequences, and `all` of them: an
 * excluded one may be what a cascade passes through.
 */
export async function readTables(
  connection: MariadbConnection,
  accepts: (table: string) => boolean,
): Promise<{shapes: Map<string, MariadbTable>; all: Map<string, MariadbTable>}> {
  const listed = await connection.query(
    `SELECT TABLE_NAME, ENGINE, CREATE_TIME, CAST(CONVERT(TABLE_NAME USING filename) AS BINARY) FROM information_schema.TABLES
     WHERE TABLE_${here} AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')`,
  );
  const columns = groupRows(
    await connection.query(
      `SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, EXTRA, DATETIME_PRECISION, CHARACTER_MAXIMUM_LENGTH, CHARACTER_SET_NAME
       FROM information_schema.COLUMNS
       WHERE TABLE_${here} ORDER BY TABLE_NAME, ORDINAL_POSITION`,
    ),
  );
  const indexes = groupRows(
    await connection.query(
      `SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS
       WHERE TABLE_${here} AND NON_UNIQUE = 0 ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
    ),
  );
  const keys = groupRows(await readForeignKeys(connection));
  const stamps = await readStamps(connection);
  const all = new Map<string, MariadbTable>();
  const names = new Set(listed.map(([name]) => String(name)));
  for (const [name, engine, created, file] of [...listed].sort((a, b) =>
    compareCodePoints(String(a[0]), String(b[0])),
  )) {
    const table = String(name);
    all.set(
      table,
      makeTable({
        name: table,
        engine: String(engine ?? ''),
        stamp:
          stamps?.get(String(file)) ??
          // MariaDB keeps the time at which an InnoDB table was made when it is emptied.
          (connection.isMariadb && /^InnoDB$/i.test(String(engine)) ? '' : String(created)),
        columns: columns.get(table) ?? [],
        indexes: indexes.get(table) ?? [],
        foreignKeys: (keys.get(table) ?? []).filter(row => names.has(String(row[3]))),
      }),
    );
  }
  return {shapes: new Map([...all].filter(([name]) => accepts(name))), all};
}

/** All triggers of the database. */
export async function readTriggers(connection: MariadbConnection): Promise<readonly Trigger[]> {
  const rows = await connection.query(
    `SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT
     FROM information_schema.TRIGGERS WHERE TRIGGER_${here} AND EVENT_OBJECT_${here}`,
  );
  return rows.map(row => {
    const [name, table, timing, event, body] = row.map(String) as [string, string, string, string, string];
    return {name, table, timing, event, body};
  });
}

function makeTable(read: {
  name: string;
  engine: string;
  stamp: string;
  columns: readonly Row[];
  indexes: readonly Row[];
  foreignKeys: readonly Row[];
}): MariadbTable {
  const declared = read.columns.map(([, name, type, full, extra, fraction, length, charset]) => ({
    name: String(name),
    kind: columnKind(String(type).toLowerCase()),
    type: String(full),
    fraction: Number(fraction ?? 0),
    exactness: holdsExactly(String(full), charset === null ? null : String(charset)),
    length: length === null || length === undefined ? undefined : Number(length),
    automatic: /\bauto_increment\b/i.test(String(extra)),
    generated: /\b(VIRTUAL|STORED|PERSISTENT)\b/i.test(String(extra)),
  }));
  const byName = new Map(declared.map(column => [column.name, column]));
  const columns = declared
    .filter(({generated}) => !generated)
    .map(({name}) => name)
    .sort(compareCodePoints);
  const unique = Map.groupBy(read.indexes, ([, index]) => String(index));
  const primaryKey = (unique.get('PRIMARY') ?? []).map(([, , column]) => String(column));
  const foreignKeys = [...Map.groupBy(read.foreignKeys, row => String(row[1])).values()].map(
    (parts): ForeignKey => {
      const rule = (at: number) => String(parts[0]![at]) as CascadeRule;
      return {
        columns: parts.map(part => String(part[2])),
        table: String(parts[0]![3]),
        references: parts.map(part => String(part[4])),
        onUpdate: rule(5),
        onDelete: rule(6),
      };
    },
  );
  const signature: Signature = {
    columns,
    primaryKey,
    types: columns.map(name => byName.get(name)!.type),
    cascades: foreignKeys.filter(({onDelete, onUpdate}) => isCascading(onDelete) || isCascading(onUpdate)),
  };
  return {
    name: read.name,
    columns,
    primaryKey,
    textualKey: primaryKey.map(() => true),
    foreignKeys,
    uniques: [...unique]
      .filter(([index]) => index !== 'PRIMARY')
      // Indexes of a prefix or of an expression say nothing about whole values.
      .filter(([, parts]) => parts.every(([, , column, part]) => column !== null && part === null))
      .map(([, parts]) => parts.map(([, , column]) => String(column))),
    engine: read.engine,
    transactional: /^(InnoDB|RocksDB|TokuDB|ndbcluster)$/i.test(read.engine),
    kinds: new Map(declared.map(({name, kind}) => [name, kind])),
    exactness: columns.map(name => byName.get(name)!.exactness),
    keyFractions: primaryKey.map(name => byName.get(name)?.fraction ?? 0),
    idColumn: declared
      .filter(({automatic}) => automatic)
      .map(({name, type}) => ({name, limit: largestInteger(type)}))[0],
    textLimits: new Map(
      declared.flatMap(({name, kind, length}) =>
        kind === 'text' && length !== undefined ? [[name, length] as const] : [],
      ),
    ),
    signature: JSON.stringify(signature),
    stamp: read.stamp,
  };
}

/** Never beyond 64 signed bits, which is what ids are counted in elsewhere. */
function largestInteger(type: string): bigint {
  const bits = {tinyint: 8n, smallint: 16n, mediumint: 24n, int: 32n}[
    /^[a-z]+/i.exec(type)![0].toLowerCase()
  ];
  if (bits === undefined) return 2n ** 63n - 1n;
  return 2n ** (/unsigned/i.test(type) ? bits : bits - 1n) - 1n;
}

export function isCascading(rule: CascadeRule): boolean {
  return rule === 'CASCADE' || rule === 'SET NULL' || rule === 'SET DEFAULT';
}

/** Columns: table, constraint, column, parent, its column, update rule, delete rule; in the order of the key. */
async function readForeignKeys(connection: MariadbConnection): Promise<readonly Row[]> {
  const rules = new Map(
    (
      await connection.query(
        `SELECT CONSTRAINT_NAME, TABLE_NAME, UPDATE_RULE, DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS
         WHERE CONSTRAINT_${here}`,
      )
    ).map(([name, table, onUpdate, onDelete]) => [`${name}\0${table}`, [onUpdate!, onDelete!]] as const),
  );
  const columns = await connection.query(
    `SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
     FROM information_schema.KEY_COLUMN_USAGE
     WHERE TABLE_${here} AND REFERENCED_TABLE_${here} ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION`,
  );
  return columns.flatMap(row => {
    const found = rules.get(`${row[1]}\0${row[0]}`);
    return found === undefined ? [] : [[...row, ...found]];
  });
}

/**
 * InnoDB's number of each table by file name; a table that was emptied by TRUNCATE gets a new one. Undefined without
 * the right PROCESS, or on a server that keeps them elsewhere.
 */
async function readStamps(connection: MariadbConnection): Promise<ReadonlyMap<string, string> | undefined> {
  const view = connection.isMariadb ? 'INNODB_SYS_TABLES' : 'INNODB_TABLES';
  try {
    const rows = await connection.query(
      `SELECT SUBSTRING(NAME, LENGTH(own.folder) + 2), TABLE_ID FROM information_schema.${view},
         (SELECT CAST(CONVERT(DATABASE() USING filename) AS CHAR CHARACTER SET binary) AS folder) AS own
       WHERE LEFT(NAME, LENGTH(own.folder) + 1) = CONCAT(own.folder, '/') ORDER BY NAME`,
    );
    const stamps = new Map<string, string>();
    for (const [name, id] of rows) {
      // A partitioned table is several of these.
      const table = String(name).replace(/#[Pp]#.*$/, '');
      stamps.set(table, `${stamps.get(table) ?? ''} ${id}`.trim());
    }
    return stamps;
  } catch (error) {
    if (isServerError(error)) return undefined;
    throw error;
  }
}

function groupRows(rows: readonly Row[]): Map<string, Row[]> {
  return Map.groupBy(rows, ([table]) => String(table));
}
