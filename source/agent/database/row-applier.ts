import {type ItemRef, itemId, type RowRecord, type RowRef} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import type {DerivedContent, Expectation, Operation} from '../../core/plan.js';
import type {OperationOutcome} from '../../core/site-description.js';
import {mergeVectors} from '../../core/version-vector.js';
import type {IndexedOperation, RowChange, StagedRow, WireRow} from '../site/ports.js';
import {contentProblem} from './content-problem.js';
import {copyTable} from './copy-table.js';
import {deriveRow} from './derive-row.js';
import {judge} from './row-expectation.js';
import type {Rejection, RowStore, StoredVersion} from './row-store.js';
import type {Version} from './row-version.js';
import type {StagedImage} from './table-image.js';

type Put = Extract<Operation, {op: 'put'}> & {record: RowRecord};
type RowOperation = {
  readonly index: number;
  readonly record: RowRecord;
  /** Its version until now. */
  readonly known: StoredVersion | undefined;
};
type Waiting = RowOperation & {readonly rejection: Rejection};

export type ApplierOptions = {
  readonly strict: boolean;
  stagedRow(index: number): Promise<StagedRow | undefined>;
  stagedTable(table: string): AsyncIterable<StagedRow>;
  stagedImage(table: string): StagedImage | undefined;
  history(change: RowChange): Promise<void>;
};

/**
 * Carries out row operations inside one transaction, engine by engine through a RowStore. Deletions and whatever can
 * be written at once is done as it comes; a row whose unique values are still held by another one waits and is tried
 * again (`settle`), at last with all waiting rows parked, so that they can swap values. What still cannot be written
 * is skipped alone with the engine's message; a row in the way is never deleted to make room.
 */
export class RowApplier {
  readonly #store: RowStore;
  readonly #options: ApplierOptions;
  readonly outcomes = new Map<number, OperationOutcome>();
  readonly #skipped = new Set<string>();
  #waiting: Waiting[] = [];
  /** Contents made from rows of this database, by operation. There are as many as collisions. */
  readonly #derived = new Map<number, StagedRow | undefined>();

  constructor(store: RowStore, options: ApplierOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** @throws OperatorError STALE_PLAN when `strict` and the database is not what the plan saw */
  async take({index, operation}: IndexedOperation): Promise<void> {
    switch (operation.op) {
      case 'put':
        if (operation.record.type === 'row') return await this.#put(index, operation as Put);
        break;
      case 'delete':
        if (operation.item.type === 'row') return await this.#delete(index, operation.item, operation);
        break;
      case 'adopt':
        if (operation.item.type === 'row') return await this.#adopt(index, operation.item, operation);
        if (operation.item.type === 'table')
          return await this.#adoptTable(index, operation.item.table, operation);
        break;
      case 'copy-table':
        return await this.#copy(index, operation);
      case 'touch':
        break;
    }
    throw new OperatorError('BAD_REQUEST', `The database cannot carry out "${operation.op}" of a file.`);
  }

  /** Writes what had to wait for other rows. */
  async settle(): Promise<void> {
    const first = this.#waiting;
    this.#waiting = [];
    for (const operation of first) {
      const {table, key} = operation.record;
      await this.#write(operation, (await this.#store.read(table, key))?.row);
    }
    let parked: readonly Waiting[] = this.#waiting;
    this.#waiting = [];
    while (parked.length > 0) parked = await this.#park(parked);
  }

  /** Whether an operation on that row was skipped or taken back. */
  wasSkipped(row: RowRef): boolean {
    return this.#skipped.has(itemId(row));
  }

  /** Records why an operation was not carried out, or was taken back. */
  skip(index: number, item: ItemRef, error: string, conflict?: string): void {
    this.#skipped.add(itemId(item));
    this.outcomes.set(index, {
      index,
      outcome: 'skipped',
      error,
      ...(conflict === undefined ? {} : {conflict}),
    });
  }

  async #put(index: number, {record, expect, derived}: Put): Promise<void> {
    if (!this.#isKeyed(index, record)) return;
    const known = await this.#store.version(record.table, record.key);
    const present = await this.#store.read(record.table, record.key);
    // Now, because a later operation of the same plan may replace the row that it comes from.
    if (derived?.here === true) await this.#deriveHere(index, record, derived);
    const verdict = judge({op: 'put', expect, found: present?.digest, known, wanted: record.digest});
    if (verdict.kind === 'unmet') return this.#refuse(index, record, verdict);
    if (verdict.kind === 'already') {
      if (verdict.stale) this.#refuseStale(record, verdict.error);
      const vector = mergeVectors(known?.vector ?? '', record.vector);
      await this.#setVersion(record, known, {digest: record.digest, vector, deleted: false});
      this.outcomes.set(index, {index, outcome: 'unchanged'});
      return;
    }
    await this.#write({index, record, known}, present?.row);
  }

  /** @param before the row as it is now */
  async #write(operation: RowOperation, before: WireRow | undefined): Promise<void> {
    const {index, record} = operation;
    const staged = await this.#staged(operation);
    if (staged === undefined) return;
    const rejection =
      before === undefined
        ? await this.#store.insert(record.table, staged.row, record.digest)
        : await this.#store.update(record.table, record.key, staged.row, record.digest, before);
    if (rejection === undefined) await this.#applied(operation, before);
    else if (rejection.kind === 'unique') this.#waiting.push({...operation, rejection});
    else this.skip(index, record, rejection.message);
  }

  /** Takes the content of a row of this database with other values (E18). */
  async #deriveHere(index: number, record: RowRecord, derived: DerivedContent): Promise<void> {
    const {table} = record;
    const source = await this.#store.read(table, derived.key);
    this.#derived.set(
      index,
      source?.digest === derived.digest
        ? deriveRow({...record, row: source.row}, record, derived)
        : undefined,
    );
  }

  async #content(index: number): Promise<StagedRow | undefined> {
    return this.#derived.has(index) ? this.#derived.get(index) : await this.#options.stagedRow(index);
  }

  /** The row's content, when it is what the plan announced and fits the table. */
  async #staged({index, record}: RowOperation): Promise<StagedRow | undefined> {
    const staged = await this.#content(index);
    if (staged === undefined) {
      this.skip(index, record, 'its content has changed at the source since the preview', 'update_differing');
      return undefined;
    }
    const problem = contentProblem(this.#store.shape(record.table)!, staged, record.digest);
    if (problem !== undefined) {
      this.skip(index, record, problem.error, problem.conflict);
      return undefined;
    }
    return staged;
  }

  async #delete(
    index: number,
    item: RowRef,
    {expect, vector}: {expect: Expectation; vector: string},
  ): Promise<void> {
    if (!this.#isKeyed(index, item)) return;
    const known = await this.#store.version(item.table, item.key);
    const present = await this.#store.read(item.table, item.key);
    const verdict = judge({op: 'delete', expect, found: present?.digest, known});
    if (verdict.kind === 'unmet') return this.#refuse(index, item, verdict);
    if (verdict.kind === 'already') {
      if (verdict.stale) this.#refuseStale(item, verdict.error);
      await this.#setVersion(item, known, {
        digest: '',
        vector: mergeVectors(known?.vector ?? '', vector),
        deleted: true,
      });
      this.outcomes.set(index, {index, outcome: 'unchanged'});
      return;
    }
    await this.#store.remove(item.table, item.key);
    await this.#store.journal.add({
      index,
      table: item.table,
      key: item.key,
      action: 'delete',
      before: present!.row,
      version: known,
      after: {digest: '', vector},
    });
    await this.#store.setVersion(item.table, item.key, {digest: '', vector, deleted: true}, known);
    this.outcomes.set(index, {index, outcome: 'applied'});
  }

  async #adopt(
    index: number,
    item: RowRef,
    {expect, vector}: {expect: Expectation; vector: string},
  ): Promise<void> {
    if (!this.#isKeyed(index, item)) return;
    const known = await this.#store.version(item.table, item.key);
    const found = known === undefined || known.deleted ? undefined : known.digest;
    const verdict = judge({op: 'adopt', expect, found, known});
    if (verdict.kind === 'unmet') return this.#refuse(index, item, verdict);
    await this.#setVersion(item, known, {digest: found ?? '', vector, deleted: found === undefined});
    this.outcomes.set(index, {index, outcome: 'applied'});
  }

  async #adoptTable(
    index: number,
    table: string,
    {expect, vector}: {expect: Expectation; vector: string},
  ): Promise<void> {
    const known = this.#store.shape(table) && (await this.#store.tableVersion(table));
    const verdict = judge({op: 'adopt', expect, found: known?.digest, known});
    if (verdict.kind === 'unmet') return this.#refuse(index, {type: 'table', table}, verdict);
    if (known !== undefined) await this.#store.setTableVector(table, vector);
    this.outcomes.set(index, {index, outcome: 'applied'});
  }

  async #copy(index: number, operation: Extract<Operation, {op: 'copy-table'}>): Promise<void> {
    const {table, expect} = operation;
    const item: ItemRef = {type: 'table', table};
    if (this.#store.shape(table) === undefined)
      return this.skip(index, item, `there is no table ${table} here`);
    if (expect !== undefined) {
      const known = await this.#store.tableVersion(table);
      const verdict = judge({op: 'copy-table', expect, found: known?.digest, known});
      if (verdict.kind === 'unmet') return this.#refuse(index, item, verdict);
    }
    const result = await copyTable({
      store: this.#store,
      table,
      rows: this.#options.stagedTable(table),
      image: this.#options.stagedImage(table),
      history: this.#options.history,
    });
    if (result.kind === 'rejected') this.skip(index, item, result.message);
    else this.outcomes.set(index, {index, outcome: 'applied', rows: result.rows});
  }

  /**
   * Tries the rows with all of them out of the way first. Those that are refused even so are skipped and the others
   * tried again without them; answers what is left to try.
   */
  async #park(operations: readonly Waiting[]): Promise<readonly Waiting[]> {
    await this.#store.savepoint();
    const before = new Map<number, WireRow | undefined>();
    for (const {index, record} of operations) {
      const present = await this.#store.read(record.table, record.key);
      before.set(index, present?.row);
      if (present !== undefined) await this.#store.remove(record.table, record.key);
    }
    const refused: Waiting[] = [];
    for (const operation of operations) {
      const staged = await this.#staged(operation);
      const rejection =
        staged === undefined
          ? undefined
          : await this.#store.insert(operation.record.table, staged.row, operation.record.digest);
      if (staged === undefined) refused.push(operation);
      else if (rejection !== undefined) refused.push({...operation, rejection});
    }
    if (refused.length === 0) {
      await this.#store.releaseSavepoint();
      for (const operation of operations) await this.#applied(operation, before.get(operation.index));
      return [];
    }
    await this.#store.rollbackToSavepoint();
    for (const {index, record, rejection} of refused)
      this.skip(
        index,
        record,
        rejection.message,
        await this.#conflictOf(record, index, rejection, before.get(index)),
      );
    const gone = new Set(refused.map(({index}) => index));
    return operations.filter(({index}) => !gone.has(index));
  }

  async #conflictOf(
    record: RowRecord,
    index: number,
    {kind}: Rejection,
    before: WireRow | undefined,
  ): Promise<string | undefined> {
    if (kind !== 'unique') return undefined;
    const staged = await this.#content(index);
    const blockers = staged === undefined ? 0 : (await this.#store.blockers(record.table, staged.row)).length;
    return before !== undefined || blockers > 1 ? 'multiple_unique_conflicts' : 'insert_exists';
  }

  async #applied({index, record, known}: RowOperation, before: WireRow | undefined): Promise<void> {
    const {digest, vector} = record;
    await this.#store.journal.add({
      index,
      table: record.table,
      key: record.key,
      action: before === undefined ? 'create' : 'update',
      before,
      version: known,
      after: {digest, vector},
    });
    await this.#store.setVersion(record.table, record.key, {digest, vector, deleted: false}, known);
    this.outcomes.set(index, {index, outcome: 'applied'});
  }

  async #setVersion(item: RowRef, known: Version | undefined, version: Version): Promise<void> {
    const same =
      known?.vector === version.vector &&
      known.digest === version.digest &&
      known.deleted === version.deleted;
    if (!same) await this.#store.setVersion(item.table, item.key, version, known);
  }

  #isKeyed(index: number, item: RowRef): boolean {
    const shape = this.#store.shape(item.table);
    if (shape !== undefined && shape.primaryKey.length === item.key.length) return true;
    this.skip(
      index,
      item,
      shape === undefined
        ? `there is no table ${item.table} here`
        : `the primary key of table ${item.table} is another one here`,
    );
    return false;
  }

  #refuse(index: number, item: ItemRef, verdict: {readonly error: string; readonly conflict: string}): void {
    this.#refuseStale(item, verdict.error);
    this.skip(index, item, verdict.error, verdict.conflict);
  }

  #refuseStale(item: ItemRef, error: string): void {
    if (!this.#options.strict) return;
    throw new OperatorError('STALE_PLAN', `${nameOf(item)} is not what the plan saw: ${error}.`, {
      hint: 'Preview again and run the new plan.',
      details: {item: itemId(item)},
    });
  }
}

function nameOf(item: ItemRef): string {
  return item.type === 'row' ? `${item.table} ${item.key.join(', ')}` : itemId(item).slice(2);
}
