import type {ItemRef} from '../../core/item.js';
import type {PackedOutcomes} from '../../core/outcome-runs.js';
import {contentOf, type Operation} from '../../core/plan.js';
import {deriveRow} from '../database/derive-row.js';
import type {CommitJournal} from './journal.js';
import type {OperationSpool} from './operation-spool.js';
import type {
  DatabaseParticipant,
  FilesParticipant,
  IndexedOperation,
  Progress,
  SiteDatabase,
  SiteFiles,
} from './ports.js';
import type {RowHistory} from './row-history.js';
import type {Staging} from './staging.js';
import type {UndoRecords} from './undo-records.js';

export type CommitRequest = {
  readonly runId: string;
  readonly step: string;
  readonly strict: boolean;
  readonly by: string;
  readonly lineage?: string;
  /** The run that this commit undoes or redoes here (X2). */
  readonly undo?: {readonly runId: string; readonly kind: 'undo' | 'redo'};
};

export type CommitSite = {
  readonly root: string;
  readonly files: SiteFiles;
  readonly database: SiteDatabase | null;
  readonly staging: Staging;
  readonly journal: CommitJournal;
  readonly rowHistory: RowHistory;
  readonly undoRecords: UndoRecords;
  /** Keeps what a commit brings of the content, for a web alert (E29); undefined where nobody is told. */
  readonly keepArrivals?: (
    stepFolder: string,
    operations: Iterable<IndexedOperation>,
    outcomes: PackedOutcomes,
  ) => void;
};

/** Which parts of a site operations are about. */
export type Involved = {files: boolean; database: boolean; readonly tables: Set<string>};

export function involvedIn(operations: Iterable<IndexedOperation>): Involved {
  const involved: Involved = {files: false, database: false, tables: new Set()};
  for (const {operation} of operations) {
    involved[partOf(operation)] = true;
    const table = tableOf(operation);
    if (table !== undefined) involved.tables.add(table);
  }
  return involved;
}

/** The table that an operation of the database is about. */
function tableOf(operation: Operation): string | undefined {
  if (operation.op === 'copy-table') return operation.table;
  const item: ItemRef = 'record' in operation ? operation.record : operation.item;
  return item.type === 'file' ? undefined : item.table;
}

/** Which participant an operation is for. */
function partOf(operation: Operation): 'files' | 'database' {
  switch (operation.op) {
    case 'put':
    case 'touch':
      return operation.record.type === 'file' ? 'files' : 'database';
    case 'delete':
    case 'adopt':
      return operation.item.type === 'file' ? 'files' : 'database';
    case 'copy-table':
      return 'database';
  }
}

function* only(
  part: 'files' | 'database',
  operations: Iterable<IndexedOperation>,
): Generator<IndexedOperation, void> {
  for (const entry of operations) if (partOf(entry.operation) === part) yield entry;
}

export function beginFiles(
  {runId, step}: CommitRequest,
  operations: OperationSpool,
  {files, staging, journal}: CommitSite,
  progress: Progress,
): FilesParticipant {
  return files.beginCommit({
    runId,
    step,
    folder: journal.stepFolder(step),
    operations: () => only('files', operations),
    staged: digest => staging.pathOf(digest),
    progress,
  });
}

export function beginRows(
  {runId, step, lineage}: CommitRequest,
  operations: OperationSpool,
  tables: ReadonlySet<string>,
  {database, staging, rowHistory}: CommitSite,
  progress: Progress,
): DatabaseParticipant {
  const wanted = new PutLookup(operations);
  return database!.beginCommit({
    runId,
    step,
    ...(lineage === undefined ? {} : {lineage}),
    operations: (async function* () {
      yield* only('database', operations);
    })(),
    tables,
    async stagedRow(index) {
      const operation = wanted.find(index);
      if (operation?.op !== 'put' || operation.record.type !== 'row') return undefined;
      const {record, derived} = operation;
      const content = contentOf(record, derived);
      const staged = staging.rows.find(content, content.digest);
      return staged && derived ? deriveRow(staged, record, derived) : staged;
    },
    stagedTable: table => staging.rows.table(table),
    stagedImage: table => staging.rows.image(table),
    async history(entry) {
      rowHistory.add(runId, step, entry);
    },
    progress,
  });
}

/** Finds operations by position; cheap as long as positions rise, which is how a database asks. */
class PutLookup {
  readonly #operations: OperationSpool;
  #iterator: Iterator<IndexedOperation, void> | undefined;
  readonly #recent = new Map<number, Operation>();
  #next = 0;

  constructor(operations: OperationSpool) {
    this.#operations = operations;
  }

  find(index: number): Operation | undefined {
    const known = this.#recent.get(index);
    if (known !== undefined) return known;
    if (this.#iterator === undefined || index < this.#next) {
      this.#iterator = this.#operations[Symbol.iterator]();
      this.#next = 0;
      this.#recent.clear();
    }
    for (;;) {
      const step = this.#iterator.next();
      if (step.done) return undefined;
      this.#next = step.value.index + 1;
      this.#recent.set(step.value.index, step.value.operation);
      if (this.#recent.size > 20_000) this.#recent.delete(this.#recent.keys().next().value!);
      if (step.value.index === index) return step.value.operation;
    }
  }
}
