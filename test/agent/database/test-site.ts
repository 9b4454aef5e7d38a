import type {SiteDatabaseOptions} from '../../../source/agent/database/database-options.js';
import type {ImagePiece, StagedImage} from '../../../source/agent/database/table-image.js';
import type {DatabaseCommit, SiteDatabase, StagedRow} from '../../../source/agent/site/ports.js';
import type {ItemRecord, ItemRef, RowRecord, RowRef} from '../../../source/core/item.js';
import type {Expectation, Operation} from '../../../source/core/plan.js';
import type {OperationOutcome} from '../../../source/core/site-description.js';

/** What a test needs of an engine besides its driver. */
export type TestDatabase = {
  readonly database: SiteDatabase;
  /** Runs statements as the site would: on a connection of its own. */
  execute(sql: string): Promise<void>;
  /** Rows as the site would read them. */
  query(sql: string): Promise<unknown[][]>;
  /** A further connection of the site, for transactions that stay open beside others; it goes away with the test. */
  connect(): Promise<SiteConnection>;
  /** Closes the driver and opens it again with other options, as an agent whose agent.json was changed does. */
  reopen(options: Partial<SiteDatabaseOptions>): Promise<TestDatabase>;
  /** Everything in the database, ours included, as comparable text. */
  dump(): Promise<string>;
};

export type SiteConnection = {execute(sql: string): Promise<void>};

export type History = Parameters<DatabaseCommit['history']>[0];

let runs = 0;

/** Commits operations whose content is given by item; answers outcomes and history. */
export async function commit(
  database: SiteDatabase,
  operations: readonly Operation[],
  options: {
    rows?: ReadonlyMap<string, StagedRow>;
    tables?: Readonly<Record<string, readonly StagedRow[]>>;
    images?: Readonly<Record<string, StagedImage>>;
    strict?: boolean;
    lineage?: string;
    undo?: boolean;
  } = {},
): Promise<{outcomes: readonly OperationOutcome[]; history: History[]; runId: string}> {
  const history: History[] = [];
  const runId = `20261121-000000-${String(++runs).padStart(6, '0')}`;
  const participant = database.beginCommit({
    runId,
    step: 'main',
    ...(options.lineage === undefined ? {} : {lineage: options.lineage}),
    operations: (async function* () {
      for (const [index, operation] of operations.entries()) yield {index, operation};
    })(),
    tables: new Set(operations.flatMap(operation => tableOf(operation) ?? [])),
    async stagedRow(index) {
      const operation = operations[index]!;
      return operation.op === 'put' ? options.rows?.get(idOf(operation.record as RowRecord)) : undefined;
    },
    async *stagedTable(table) {
      yield* options.tables?.[table] ?? [];
    },
    stagedImage: table => options.images?.[table],
    async history(entry) {
      history.push(entry);
    },
  });
  const outcomes = await participant.prepare({strict: options.strict ?? false});
  if (options.undo === true) await participant.undo();
  else {
    await participant.apply();
    await participant.finish();
  }
  return {outcomes, history, runId};
}

function tableOf(operation: Operation): string | undefined {
  if (operation.op === 'copy-table') return operation.table;
  const item: ItemRef = 'record' in operation ? operation.record : operation.item;
  return item.type === 'file' ? undefined : item.table;
}

/** All records of a database by item. */
export async function records(database: SiteDatabase): Promise<Map<string, ItemRecord>> {
  const found = new Map<string, ItemRecord>();
  for await (const record of database.changes({epoch: '', seq: 0})) found.set(idOf(record), record);
  return found;
}

/** Brings every row of `from` to `to` in one commit, also deletions. Both are scanned first. */
export async function bring(
  from: SiteDatabase,
  to: SiteDatabase,
  options: {accept?: (record: RowRecord) => boolean; strict?: boolean} = {},
): Promise<Awaited<ReturnType<typeof commit>>> {
  await from.scan({});
  await to.scan({});
  const there = await records(to);
  const operations: Operation[] = [];
  const refs: RowRef[] = [];
  for (const record of (await records(from)).values()) {
    if (record.type !== 'row' || options.accept?.(record) === false) continue;
    const other = there.get(idOf(record));
    const expect = expectation(other);
    if (record.deleted) {
      if (other !== undefined && expect.state === 'present')
        operations.push({op: 'delete', item: refOf(record), expect, vector: record.vector});
    } else if (expect.state === 'absent' || expect.digest !== record.digest) {
      operations.push({op: 'put', record, expect});
      refs.push(refOf(record));
    }
  }
  return await commit(to, operations, {rows: await stagedRows(from, refs), strict: options.strict ?? false});
}

/** The content of rows by item. */
export async function stagedRows(
  database: SiteDatabase,
  refs: readonly RowRef[],
): Promise<Map<string, StagedRow>> {
  const rows = await database.readRows(refs);
  return new Map(
    rows.flatMap((row, index) => (row === undefined ? [] : [[idOf(refs[index]!), row] as const])),
  );
}

/** The image of a table as it arrives, its pieces cut as a network might; undefined when it cannot be had. */
export async function readImage(
  database: SiteDatabase,
  table: string,
  format: string,
): Promise<StagedImage | undefined> {
  const [image, ...pieces] = await collect(database.readImage!(table, format));
  if (image === undefined || !('format' in image)) return undefined;
  return {
    ...image,
    *pieces(part) {
      const bytes = Buffer.concat(
        (pieces as ImagePiece[]).filter(piece => piece.part === part).map(piece => piece.bytes),
      );
      for (let from = 0; from < bytes.length; from += 7) yield bytes.subarray(from, from + 7);
    },
  };
}

export async function readTable(database: SiteDatabase, table: string): Promise<StagedRow[]> {
  return await collect(database.readTable(table));
}

export function expectation(record: ItemRecord | undefined): Expectation {
  return record === undefined || record.deleted
    ? {state: 'absent'}
    : {state: 'present', digest: record.digest};
}

export function row(table: string, ...key: string[]): RowRef {
  return {type: 'row', table, key};
}

export function refOf(record: RowRecord): RowRef {
  return {type: 'row', table: record.table, key: record.key};
}

export function idOf(item: ItemRef): string {
  return item.type === 'row'
    ? `${item.table}:${item.key.join('|')}`
    : item.type === 'table'
      ? item.table
      : item.path;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
