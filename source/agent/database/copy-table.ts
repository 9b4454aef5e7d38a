import {TimeSlice} from '../../system/time-slice.js';
import type {RowChange, StagedRow} from '../site/ports.js';
import {contentProblem} from './content-problem.js';
import type {Rejection, RowStore} from './row-store.js';
import type {StagedImage} from './table-image.js';
import type {TableShape} from './table-shape.js';

/**
 * Replaces a whole table by rows that come with their versions (initial sync; tables without a key). What was there
 * goes into history first. Takes all or nothing: a row that the table refuses leaves it as it was.
 */
export async function copyTable({
  store,
  table,
  rows,
  image,
  history,
}: {
  store: RowStore;
  table: string;
  rows: AsyncIterable<StagedRow>;
  /** What came instead of rows. */
  image: StagedImage | undefined;
  history: (change: RowChange) => Promise<void>;
}): Promise<{kind: 'copied'; rows: number} | {kind: 'rejected'; message: string}> {
  const shape = store.shape(table)!;
  const isKeyed = shape.primaryKey.length > 0;
  const slice = new TimeSlice();
  for await (const before of store.rows(table)) {
    await history({
      action: 'delete',
      before,
      item: isKeyed ? {type: 'row', table, key: before.key} : {type: 'table', table},
      after: undefined,
    });
    if (slice.isOver) await slice.yieldIfDue();
  }
  await store.savepoint();
  await store.clear(table);
  let unfit: string | undefined;
  const fitting = async function* () {
    let number = 0;
    for await (const staged of rows) {
      number++;
      const problem = contentProblem(shape, staged, staged.digest);
      if (problem !== undefined) {
        unfit = `row ${number} of ${table}: ${problem.error}`;
        return;
      }
      yield staged;
    }
  };
  const result =
    image !== undefined
      ? await fillFromImage(store, table, image)
      : store.fill
        ? await store.fill(table, fitting())
        : await fillRowByRow(store, shape, fitting());
  const refusal = unfit ?? ('kind' in result ? result.message : undefined);
  if (refusal !== undefined) {
    await store.rollbackToSavepoint();
    return {kind: 'rejected', message: refusal};
  }
  await store.releaseSavepoint();
  if (!isKeyed) await store.noticeTable(table);
  const now = isKeyed ? undefined : await store.tableVersion(table);
  await history({
    action: 'update',
    before: undefined,
    item: {type: 'table', table},
    after: {digest: now?.digest ?? '', vector: now?.vector ?? ''},
  });
  return {kind: 'copied', rows: (result as {rows: number}).rows};
}

async function fillFromImage(
  store: RowStore,
  table: string,
  image: StagedImage,
): Promise<{rows: number} | Rejection> {
  if (store.fillFromImage === undefined || (await store.imageFormat?.(table)) !== image.format)
    return {kind: 'constraint', message: `the table ${table} was altered while it was brought`};
  return await store.fillFromImage(table, image);
}

/** Row by row, for engines that have nothing faster. */
async function fillRowByRow(
  store: RowStore,
  shape: TableShape,
  rows: AsyncIterable<StagedRow>,
): Promise<{rows: number} | Rejection> {
  const slice = new TimeSlice();
  let copied = 0;
  for await (const {table, key, row, digest, vector} of rows) {
    const rejection = await store.insert(table, row, digest);
    if (rejection !== undefined)
      return {...rejection, message: `row ${copied + 1} of ${table}: ${rejection.message}`};
    if (shape.primaryKey.length > 0)
      await store.setVersion(table, key, {digest, vector, deleted: false}, undefined);
    copied++;
    if (slice.isOver) await slice.yieldIfDue();
  }
  return {rows: copied};
}
