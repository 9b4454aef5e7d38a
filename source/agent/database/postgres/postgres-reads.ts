import type {IdColumn} from '../../../core/id-blocks.js';
import type {ItemRecord, ItemRef, RowRecord, RowRef, TableRecord} from '../../../core/item.js';
import {OperatorError} from '../../../core/operator-error.js';
import type {Position} from '../../../protocol/record-endpoints.js';
import type {StagedRow, WireRow} from '../../site/ports.js';
import {DatabaseReads} from '../database-reads.js';
import {childrenOf, parentsOf} from '../relatives.js';
import type {ImagePiece, TableImage} from '../table-image.js';
import {countRows} from '../table-shape.js';
import type {PostgresAccess} from './postgres-access.js';
import {rowRecordPages, stagedRows, tableRecord, withVersions} from './read-records.js';
import {findRows} from './references.js';
import {relationsOf} from './relatives.js';
import {idColumns} from './steer-ids.js';
import {readForeignRows} from './table-access.js';
import {isComputable, pgImageFormat, readPgImage} from './table-image.js';
import type {Workspace} from './workspace.js';

/** References that are looked up in one transaction. */
const lookedUpAtOnce = 500;

/** What is read of a PostgreSQL database, each in one snapshot, beside scans and commits. */
export abstract class PostgresReads extends DatabaseReads<PostgresAccess> {
  async position(): Promise<Position> {
    const {epoch, seq} = await this.#read(async ({versions}) => (await versions.identity())!);
    return {epoch, seq};
  }

  async *changes(since: Position): AsyncGenerator<RowRecord | TableRecord, void> {
    const {epoch} = await this.position();
    const seq = since.epoch === epoch ? since.seq : 0;
    const targets = [...this.access.catalog!.values()];
    for (const target of targets) {
      if (target.table.primaryKey.length === 0) continue;
      // Pages without a common snapshot: what moves meanwhile lies after the position that the reader keeps.
      for await (const page of rowRecordPages(task => this.#read(task), target, seq)) yield* page;
    }
    const states = await this.#read(({versions}) => versions.tables());
    for (const target of targets) {
      const record = tableRecord(
        target,
        states.find(({id}) => id === target.id),
      );
      if (record !== undefined && record.seq > seq) yield record;
    }
  }

  async lookUp(refs: readonly ItemRef[]): Promise<readonly (ItemRecord | undefined)[]> {
    const found: (ItemRecord | undefined)[] = refs.map(() => undefined);
    for (const [name, part] of lots(refs, ref => (ref.type === 'file' ? undefined : ref.table)))
      await this.#read(async ({versions, tables}) => {
        const target = tables.get(name);
        if (target === undefined) return;
        const rows = part.filter(({ref}) => ref.type === 'row') as {ref: RowRef; index: number}[];
        const known = await versions.getMany(
          target.id,
          rows.map(({ref}) => JSON.stringify(ref.key)),
        );
        for (const {ref, index} of rows) {
          const version = known.get(JSON.stringify(ref.key));
          if (version !== undefined) found[index] = {type: 'row', table: name, key: ref.key, ...version};
        }
        for (const {ref, index} of part)
          if (ref.type === 'table') found[index] = tableRecord(target, await versions.table(target.id));
      });
    return found;
  }

  async idColumns(): Promise<readonly IdColumn[]> {
    return await this.#read(workspace => idColumns(workspace, this.frame.serverNumber));
  }

  async textLimit(table: string, column: string): Promise<number | undefined> {
    return await this.#read(async ({tables}) => tables.get(table)?.table.column.get(column)?.textLimit);
  }

  async findRows(table: string, values: WireRow, limit: number): Promise<readonly (readonly string[])[]> {
    return await this.#read(({connection, tables}) =>
      findRows(connection, tables.get(table)?.table, values, limit),
    );
  }

  async count(): Promise<number> {
    return await this.#read(async ({versions, tables}) => countRows(tables, await versions.tables()));
  }

  async readRows(refs: readonly RowRef[]): Promise<readonly (StagedRow | undefined)[]> {
    const found: (StagedRow | undefined)[] = refs.map(() => undefined);
    for (const [name, part] of lots(refs, ref => ref.table))
      await this.#read(async workspace => {
        const target = workspace.tables.get(name);
        if (target === undefined) return;
        const rows = await readForeignRows(
          workspace.connection,
          target.table,
          part.map(({ref}) => ref.key),
        );
        const {replica} = (await workspace.versions.identity())!;
        const staged = await withVersions(workspace, target, [...rows.values()], replica);
        const byKey = new Map(staged.map(row => [JSON.stringify(row.key), row]));
        for (const {ref, index} of part) found[index] = byKey.get(JSON.stringify(ref.key));
      });
    return found;
  }

  async *readTable(table: string): AsyncGenerator<StagedRow, void> {
    yield* this.#stream(async function* (workspace) {
      const target = workspace.tables.get(table);
      if (target === undefined) throw new OperatorError('NOT_FOUND', `There is no table ${table}.`);
      const {replica} = (await workspace.versions.identity())!;
      yield* stagedRows(workspace, target, replica);
    });
  }

  async imageFormat(table: string): Promise<string | undefined> {
    return await this.#read(async ({tables, connection}) => {
      const shape = tables.get(table)?.table;
      if (shape === undefined || !(await isComputable(connection, shape))) return undefined;
      return pgImageFormat(shape);
    });
  }

  async *readImage(table: string, format: string): AsyncGenerator<TableImage | ImagePiece, void> {
    yield* this.#stream(async function* (workspace) {
      const target = workspace.tables.get(table);
      if (target !== undefined) yield* readPgImage(workspace, target, format);
    });
  }

  async *children(refs: readonly RowRef[]): AsyncGenerator<{child: RowRecord; parent: RowRef}, void> {
    yield* this.#stream(workspace => childrenOf(relationsOf(workspace), refs, this.frame.tableSettings));
  }

  async *parents(refs: readonly RowRef[]): AsyncGenerator<{child: RowRef; parent: RowRecord}, void> {
    yield* this.#stream(workspace => parentsOf(relationsOf(workspace), refs, this.frame.tableSettings));
  }

  /** One consistent read. Scans first where nothing is known of the database yet. */
  async #read<T>(task: (workspace: Workspace) => Promise<T>): Promise<T> {
    if (this.access.catalog === undefined) await this.scan({});
    return await this.access.read(task);
  }

  async *#stream<T>(read: (workspace: Workspace) => AsyncIterable<T>): AsyncGenerator<T, void> {
    if (this.access.catalog === undefined) await this.scan({});
    yield* this.access.stream(read);
  }
}

/** Items by table, in lots, each with its place. */
function* lots<Ref>(
  refs: readonly Ref[],
  tableOf: (ref: Ref) => string | undefined,
): Generator<[table: string, lot: {ref: Ref; index: number}[]], void> {
  const indexed = refs.map((ref, index) => ({ref, index}));
  for (const [table, group] of Map.groupBy(indexed, ({ref}) => tableOf(ref)))
    if (table !== undefined)
      for (let start = 0; start < group.length; start += lookedUpAtOnce)
        yield [table, group.slice(start, start + lookedUpAtOnce)];
}
