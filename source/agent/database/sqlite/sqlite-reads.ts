import type {IdColumn} from '../../../core/id-blocks.js';
import type {ItemRecord, ItemRef, RowRecord, RowRef, TableRecord} from '../../../core/item.js';
import {OperatorError} from '../../../core/operator-error.js';
import type {Position} from '../../../protocol/record-endpoints.js';
import {TimeSlice} from '../../../system/time-slice.js';
import type {StagedRow, WireRow} from '../../site/ports.js';
import {DatabaseReads} from '../database-reads.js';
import {childrenOf, parentsOf} from '../relatives.js';
import type {ImagePiece, TableImage} from '../table-image.js';
import {countRows} from '../table-shape.js';
import {
  rowRecord,
  rowRecordPages,
  stagedRow,
  stagedRowPages,
  stagedRows,
  tableRecord,
} from './read-records.js';
import {findRows} from './references.js';
import {relationsOf} from './relatives.js';
import type {SqliteAccess} from './sqlite-access.js';
import {idColumns} from './steer-ids.js';
import {readSqliteImage, sqliteImageFormat} from './table-image.js';
import type {Workspace, WorkTable} from './workspace.js';

/** What is read of a SQLite database, beside scans and commits. */
export abstract class SqliteReads extends DatabaseReads<SqliteAccess> {
  async position(): Promise<Position> {
    return await this.#read(({versions}) => {
      const {epoch, seq} = versions.identity()!;
      return {epoch, seq};
    });
  }

  async *changes(since: Position): AsyncGenerator<RowRecord | TableRecord> {
    const {epoch, targets} = await this.#read(workspace => ({
      epoch: workspace.versions.identity()!.epoch,
      targets: [...workspace.tables().values()],
    }));
    const seq = since.epoch === epoch ? since.seq : 0;
    const slice = new TimeSlice();
    for (const target of targets) {
      if (target.table.primaryKey.length === 0) continue;
      // Pages without a common snapshot: what moves meanwhile lies after the position that the reader keeps.
      const pages = rowRecordPages((await this.access.open()).reader, target, seq);
      for (;;) {
        const page = await this.#read(() => pages.next());
        if (page.done === true) break;
        yield* page.value;
        await slice.yieldIfDue();
      }
    }
    for (const target of targets) {
      const record = await this.#read(workspace => tableRecord(workspace, target));
      if (record !== undefined && record.seq > seq) yield record;
    }
  }

  async lookUp(refs: readonly ItemRef[]): Promise<readonly (ItemRecord | undefined)[]> {
    return await this.#readEach(refs, (workspace, tables, ref) => {
      const target = ref.type === 'file' ? undefined : tables.get(ref.table);
      if (target === undefined || ref.type === 'file') return undefined;
      return ref.type === 'table' ? tableRecord(workspace, target) : rowRecord(workspace, target, ref.key);
    });
  }

  async idColumns(): Promise<readonly IdColumn[]> {
    return await this.#read(workspace => idColumns(workspace, this.frame.serverNumber));
  }

  async textLimit(table: string, column: string): Promise<number | undefined> {
    return await this.#read(workspace => workspace.shapes().get(table)?.textLimits.get(column));
  }

  async findRows(table: string, values: WireRow, limit: number): Promise<readonly (readonly string[])[]> {
    return await this.#read(workspace => findRows(workspace, table, values, limit));
  }

  async count(): Promise<number> {
    return await this.#read(workspace => countRows(workspace.tables(), workspace.versions.tables()));
  }

  async readRows(refs: readonly RowRef[]): Promise<readonly (StagedRow | undefined)[]> {
    return await this.#readEach(refs, (workspace, tables, ref) => {
      const target = tables.get(ref.table);
      const row = target?.access.read(ref.key);
      return row && stagedRow(workspace, target!, row, workspace.versions.identity()!.replica);
    });
  }

  async *readTable(table: string): AsyncGenerator<StagedRow> {
    yield* this.#stream(function* (workspace, isSnapshot) {
      const target = workspace.tables().get(table);
      if (target === undefined) throw new OperatorError('NOT_FOUND', `There is no table ${table}.`);
      // Without a write-ahead log an open read keeps the site from writing, so the pages are read one at a time; a
      // row that changes in between is logged and travels with the next run.
      if (isSnapshot) yield* stagedRows(workspace, target);
      else for (const page of stagedRowPages(workspace, target)) yield* page;
    });
  }

  async imageFormat(table: string): Promise<string | undefined> {
    return await this.#read(workspace => sqliteImageFormat(workspace, workspace.tables().get(table)));
  }

  async *readImage(table: string, format: string): AsyncGenerator<TableImage | ImagePiece, void> {
    const {access} = this;
    const read = <T>(task: () => T) => access.named(() => access.whenFree(task));
    yield* this.#stream(async function* (workspace, isSnapshot) {
      const target = await read(() => workspace.tables().get(table));
      if (target !== undefined) yield* readSqliteImage(workspace, target, format, {read, isSnapshot});
    });
  }

  async *children(refs: readonly RowRef[]): AsyncGenerator<{child: RowRecord; parent: RowRef}> {
    yield* this.#stream(workspace => childrenOf(relationsOf(workspace), refs, this.frame.tableSettings));
  }

  async *parents(refs: readonly RowRef[]): AsyncGenerator<{child: RowRef; parent: RowRecord}> {
    yield* this.#stream(workspace => parentsOf(relationsOf(workspace), refs, this.frame.tableSettings));
  }

  /** One consistent read. Scans first where the database is not what it has to be yet. */
  async #read<T>(task: (workspace: Workspace) => T): Promise<T> {
    const first = await this.access.read(task);
    if (first !== undefined) return first.result;
    await this.scan({});
    return (await this.access.read(task))!.result;
  }

  /** Reads something for each reference, in slices that are consistent in themselves. */
  async #readEach<Ref, Found>(
    refs: readonly Ref[],
    read: (workspace: Workspace, tables: ReadonlyMap<string, WorkTable>, ref: Ref) => Found,
  ): Promise<Found[]> {
    const found: Found[] = [];
    const slice = new TimeSlice();
    while (found.length < refs.length) {
      await this.#read(workspace => {
        const tables = workspace.tables();
        do found.push(read(workspace, tables, refs[found.length]!));
        while (found.length < refs.length && !slice.isOver);
      });
      await slice.yieldIfDue();
    }
    return found;
  }

  async *#stream<T>(
    read: (workspace: Workspace, isSnapshot: boolean) => Iterable<T> | AsyncIterable<T>,
  ): AsyncGenerator<T, void> {
    await this.#read(() => {});
    yield* this.access.stream(read);
  }
}
