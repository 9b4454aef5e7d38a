import type {StagedRow, WireRow} from '../../site/ports.js';
import {TableDigest} from '../row-digest.js';
import type {Rejection} from '../row-store.js';
import {constraintOf, messageOf} from './server-error.js';
import type {Workspace, WorkTable} from './workspace.js';

/** Rows, and characters of them, that are written with one statement. */
const batchRows = 500;
const batchCharacters = 512 * 1024;

type Fill = {
  readonly workspace: Workspace;
  readonly target: WorkTable;
  /** Whether the site has triggers of its own on the table. */
  readonly isTriggered: boolean;
};

/** Fills a table that was cleared, with rows and their versions. @param beforeLot told of rows before they are written */
export async function fillTable(
  workspace: Workspace,
  target: WorkTable,
  rows: AsyncIterable<StagedRow>,
  {isTriggered, beforeLot}: {isTriggered: boolean; beforeLot: (rows: readonly WireRow[]) => Promise<void>},
): Promise<{rows: number} | Rejection> {
  const fill: Fill = {workspace, target, isTriggered};
  const isKeyed = target.table.primaryKey.length > 0;
  const digest = new TableDigest();
  let count = 0;
  let batch: StagedRow[] = [];
  let characters = 0;
  let isCertain = true;
  // One batch is written while the next one is read.
  let writing: Promise<Rejection | undefined> = Promise.resolve(undefined);
  const write = async () => {
    const lot = batch;
    batch = [];
    characters = 0;
    const rejection = await writing;
    if (rejection !== undefined || lot.length === 0) return rejection;
    await beforeLot(lot.map(({row}) => row));
    const certain = isCertainOf(fill, lot);
    isCertain &&= certain;
    writing = fillLot(fill, lot, count - lot.length, certain);
    // Whoever awaits it next is told.
    writing.catch(() => {});
    return undefined;
  };
  for await (const staged of rows) {
    batch.push(staged);
    count++;
    if (!isKeyed) digest.add(staged.digest);
    for (const value of Object.values(staged.row)) characters += value?.length ?? 0;
    if (batch.length < batchRows && characters < batchCharacters) continue;
    const rejection = await write();
    if (rejection !== undefined) return rejection;
  }
  const rejection = (await write()) ?? (await writing);
  if (rejection !== undefined) return rejection;
  if (!isKeyed && !isCertain) {
    const found = new TableDigest();
    for await (const row of target.access.rows()) found.add(row.digest);
    if (found.digest !== digest.digest)
      return {
        kind: 'inexact',
        message: `a column of ${target.table.name} would store another value than it is given`,
      };
  }
  return {rows: count};
}

async function fillLot(
  {workspace: {versions}, target: {id, table: shape, access}}: Fill,
  lot: readonly StagedRow[],
  before: number,
  isCertain: boolean,
): Promise<Rejection | undefined> {
  try {
    await access.connection.run(access.insertStatement(lot.map(({row}) => row)));
  } catch (error) {
    if (constraintOf(error) === undefined) throw error;
    // One of them; a table without transactions keeps those before it.
    for (const [index, {row, key}] of lot.entries()) {
      if (!shape.transactional && key.length > 0) await access.remove(key);
      const rejection = await access.insert(row);
      if (rejection !== undefined)
        return {...rejection, message: `row ${before + index + 1} of ${shape.name}: ${rejection.message}`};
    }
    return {kind: 'constraint', message: messageOf(error)};
  }
  if (shape.primaryKey.length === 0) return undefined;
  const stored = isCertain ? undefined : await access.readMany(lot.map(({key}) => key));
  for (const [index, {key, row, digest, vector}] of lot.entries()) {
    const found = stored?.get(JSON.stringify(key));
    if (stored !== undefined && found?.digest !== digest) {
      const column = shape.columns.find(name => found?.row[name] !== (row[name] ?? null));
      return {
        kind: 'inexact',
        message: `row ${before + index + 1} of ${shape.name}: the column ${column} would store another value than it is given`,
      };
    }
    await versions.set(id, JSON.stringify(key), {digest, vector, deleted: false}, undefined);
  }
  return undefined;
}

/** Whether the table will hold the rows as they are, without being asked. */
function isCertainOf({target, isTriggered}: Fill, rows: readonly StagedRow[]): boolean {
  const {columns, exactness} = target.table;
  return (
    !isTriggered &&
    !exactness.includes(undefined) &&
    target.access.localizer === undefined &&
    rows.every(({row}) => columns.every((column, index) => exactness[index]!(row[column] ?? null)))
  );
}
