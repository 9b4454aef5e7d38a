import type {IdColumn} from '../../../core/id-blocks.js';
import type {ItemRecord, ItemRef, RowRecord, RowRef, TableRecord} from '../../../core/item.js';
import {OperatorError} from '../../../core/operator-error.js';
import type {Position} from '../../../protocol/record-endpoints.js';
import type {StagedRow, WireRow} from '../../site/ports.js';
import {DatabaseReads} from '../database-reads.js';
import {childrenOf, parentsOf} from '../relatives.js';
import type {ImagePiece, TableImage} from '../table-image.js';
import {countRows} from '../table-shape.js';
import type {MariadbAccess} from './mariadb-access.js';
import {rowRecord, rowRecordPages, stagedRows, stagedRowsOf, tableRecord} from './read-records.js';
import {findRows} from './references.js';
import {relationsOf} from './relatives.js';
import {idColumns} from './steer-ids.js';
import {mariadbImageFormat, readMariadbImage, takesLines} from './table-image.js';
import {tellDirectTables, type Workspace, type WorkTable} from './workspace.js';

/** Rows that are looked up in one transaction. */
const lookUpRows = 500;

/** What is read of a MariaDB or MySQL database, beside scans and commits. */
export abstract class MariadbReads extends DatabaseReads<MariadbAccess> {
  async position(): Promise<Position> {
    return await this.#read(async ({versions}) => {
      const {epoch, seq} = (await versions.identity())!;
      return {epoch, seq};
    });
  }

  async *changes(since: Position): AsyncGenerator<RowRecord | TableRecord> {
    const {epoch, targets} = await this.#read(async workspace => ({
      epoch: (await workspace.versions.identity())!.epoch,
      targets: [...(await workspace.tables()).values()],
    }));
    const seq = since.epoch === epoch ? since.seq : 0;
    const connection = await this.access.connect();
    try {
      // Pages without a common snapshot: what moves meanwhile lies after the position that the reader keeps.
      const workspace = this.access.workspace(connection);
      for (const target of targets)
        if (target.table.primaryKey.length > 0)
          for await (const page of rowRecordPages(workspace, target, seq)) yield* page;
      for (const target of targets) {
        const record = await tableRecord(workspace.versions, target);
        if (record !== undefined && record.seq > seq) yield record;
      }
    } catch (error) {
      throw this.access.error(error);
    } finally {
      connection.close();
    }
  }

  async notes(): Promise<readonly string[]> {
    return await this.#read(async ({schema}) => tellDirectTables(schema));
  }

  async idColumns(): Promise<readonly IdColumn[]> {
    return await this.#read(({connection, schema}) =>
      idColumns(connection, schema.shapes, this.frame.serverNumber),
    );
  }

  async textLimit(table: string, column: string): Promise<number | undefined> {
    return await this.#read(async ({schema}) => schema.shapes.get(table)?.textLimits.get(column));
  }

  async findRows(table: string, values: WireRow, limit: number): Promise<readonly (readonly string[])[]> {
    return await this.#read(async workspace =>
      findRows(workspace.connection, (await workspace.tables()).get(table)?.access, values, limit),
    );
  }

  async lookUp(refs: readonly ItemRef[]): Promise<readonly (ItemRecord | undefined)[]> {
    return await this.#readEach(refs, async (workspace, tables, slice) => {
      const found: (ItemRecord | undefined)[] = [];
      const rows = slice.flatMap(ref => (ref.type === 'row' && tables.has(ref.table) ? [ref] : []));
      const versions = new Map<string, Awaited<ReturnType<typeof workspace.versions.getMany>>>();
      for (const [table, wanted] of Map.groupBy(rows, ref => ref.table))
        versions.set(
          table,
          await workspace.versions.getMany(
            tables.get(table)!.id,
            wanted.map(({key}) => JSON.stringify(key)),
          ),
        );
      for (const ref of slice) {
        const target = ref.type === 'file' ? undefined : tables.get(ref.table);
        if (target === undefined || ref.type === 'file') found.push(undefined);
        else if (ref.type === 'table') found.push(await tableRecord(workspace.versions, target));
        else {
          const known = versions.get(ref.table)?.get(JSON.stringify(ref.key));
          found.push(known && rowRecord(target, ref.key, known));
        }
      }
      return found;
    });
  }

  async count(): Promise<number> {
    return await this.#read(async workspace =>
      countRows(await workspace.tables(), await workspace.versions.tables()),
    );
  }

  async readRows(refs: readonly RowRef[]): Promise<readonly (StagedRow | undefined)[]> {
    return await this.#readEach(refs, async (workspace, tables, slice) => {
      const {replica} = (await workspace.versions.identity())!;
      const found = new Map<RowRef, StagedRow>();
      for (const [table, wanted] of Map.groupBy(slice, ref => ref.table)) {
        const target = tables.get(table);
        if (target === undefined) continue;
        const rows = await target.access.readMany(wanted.map(({key}) => key));
        const present = wanted.flatMap(ref => {
          const row = rows.get(JSON.stringify(ref.key));
          return row === undefined ? [] : [{ref, row}];
        });
        const staged = await stagedRowsOf(
          workspace.versions,
          target,
          present.map(({row}) => row),
          replica,
        );
        for (const [index, {ref}] of present.entries()) found.set(ref, staged[index]!);
      }
      return slice.map(ref => found.get(ref));
    });
  }

  async *readTable(table: string): AsyncGenerator<StagedRow> {
    const {access} = this;
    yield* this.#stream(async function* (workspace) {
      const target = (await workspace.tables()).get(table);
      if (target === undefined) throw new OperatorError('NOT_FOUND', `There is no table ${table}.`);
      const {replica} = (await workspace.versions.identity())!;
      const rows = await access.openSnapshot();
      try {
        const {access: rowAccess} = (await workspace.on(rows).tables()).get(table)!;
        yield* stagedRows(workspace.versions, target, rowAccess, replica);
      } finally {
        rows.close();
      }
    });
  }

  async imageFormat(table: string): Promise<string | undefined> {
    return await this.#read(async workspace => {
      const format = mariadbImageFormat(workspace.connection, (await workspace.tables()).get(table));
      return format !== undefined && (await takesLines(workspace.connection)) ? format : undefined;
    });
  }

  async *readImage(table: string, format: string): AsyncGenerator<TableImage | ImagePiece> {
    yield* this.#stream(async function* (workspace) {
      const target = (await workspace.tables()).get(table);
      if (target !== undefined) yield* readMariadbImage(workspace.connection, target, format);
    });
  }

  async *children(refs: readonly RowRef[]): AsyncGenerator<{child: RowRecord; parent: RowRef}> {
    const {tableSettings} = this.frame;
    yield* this.#stream(async function* (workspace) {
      yield* childrenOf(await relationsOf(workspace), refs, tableSettings);
    });
  }

  async *parents(refs: readonly RowRef[]): AsyncGenerator<{child: RowRef; parent: RowRecord}> {
    const {tableSettings} = this.frame;
    yield* this.#stream(async function* (workspace) {
      yield* parentsOf(await relationsOf(workspace), refs, tableSettings);
    });
  }

  /** One consistent read. Scans first where nothing is known of the database yet. */
  async #read<T>(task: (workspace: Workspace) => Promise<T>): Promise<T> {
    if (this.access.schema === undefined) await this.scan({});
    return await this.access.read(task);
  }

  /** Reads something for each reference, in slices that are consistent in themselves. */
  async #readEach<Ref, Found>(
    refs: readonly Ref[],
    read: (
      workspace: Workspace,
      tables: ReadonlyMap<string, WorkTable>,
      slice: readonly Ref[],
    ) => Promise<readonly Found[]>,
  ): Promise<Found[]> {
    const found: Found[] = [];
    for (let from = 0; from < refs.length; from += lookUpRows) {
      const slice = refs.slice(from, from + lookUpRows);
      found.push(...(await this.#read(async workspace => read(workspace, await workspace.tables(), slice))));
    }
    return found;
  }

  async *#stream<T>(read: (workspace: Workspace) => AsyncIterable<T>): AsyncGenerator<T, void> {
    if (this.access.schema === undefined) await this.scan({});
    yield* this.access.stream(read);
  }
}
