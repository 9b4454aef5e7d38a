import {heldVersionOf} from '../../core/hold.js';
import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import {joinOutcomes, type PackedOutcomes, unpackOutcomes} from '../../core/outcome-runs.js';
import type {OperationOutcome} from '../../core/site-description.js';
import {
  beginFiles,
  beginRows,
  type CommitRequest,
  type CommitSite,
  involvedIn,
} from './commit-participants.js';
import {faultPoint} from './fault-point.js';
import {type CommitPositions, changesSite, type JournalEntry} from './journal.js';
import {asSpaceError} from './no-space.js';
import type {OperationSpool} from './operation-spool.js';
import type {
  DatabaseParticipant,
  FilesParticipant,
  IndexedOperation,
  Participant,
  Progress,
} from './ports.js';
import {finishRecords, recoverStep} from './recovery.js';
import type {RowHistory} from './row-history.js';
import type {NewHold} from './undo-records.js';

export type CommitResult = {
  readonly outcomes: PackedOutcomes;
  readonly positions: CommitPositions;
};

/**
 * Carries out a run's operations at one side: files and rows together, all or nothing. The database's COMMIT is the
 * decisive point, and where no database takes part a line of the journal; what a crash leaves on this side of it is
 * undone and on the other side finished (recovery.ts). A repeated call answers what the first one did.
 * @throws OperatorError STALE_PLAN with `strict`; whatever refuses the whole commit. Nothing is changed then.
 */
export async function commit(
  request: CommitRequest,
  operations: OperationSpool,
  site: CommitSite,
  progress?: Progress,
): Promise<CommitResult> {
  const {runId, step} = request;
  const {journal} = site;
  const kept = () => {
    const last = journal.states().get(step);
    return last?.state === 'done'
      ? {outcomes: journal.outcomes(step), positions: last.positions}
      : last?.state;
  };
  let last = kept();
  if (last !== undefined && last !== 'undone' && typeof last !== 'object') {
    // An earlier call failed between the two: a full disk while it was finished, a database that went away.
    await recoverStep(site, {runId, step, journal});
    last = kept();
  }
  if (typeof last === 'object') return last;

  const involved = involvedIn(operations);
  const withDatabase = site.database !== null && (involved.database || request.lineage !== undefined);
  if (involved.database && site.database === null)
    throw new OperatorError('BAD_REQUEST', 'The site has no database for these operations.');
  const note = (entry: EntryBody) => journal.append({...entry, step, at: new Date().toISOString()});
  note({state: 'begun', by: request.by, files: involved.files, database: withDatabase});
  faultPoint('commit.begun');

  const before = {files: site.files.position(), database: (await site.database?.position()) ?? null};
  const counts = {files: 0, database: 0};
  const report =
    (part: keyof typeof counts): Progress =>
    done => {
      counts[part] = done;
      progress?.(counts.files + counts.database, operations.count);
    };
  const files = involved.files ? beginFiles(request, operations, site, report('files')) : undefined;
  const database = withDatabase
    ? beginRows(request, operations, involved.tables, site, report('database'))
    : undefined;
  let outcomes: PackedOutcomes = [];
  const begun: Pick<Participant, 'undo'>[] = [];
  try {
    site.rowHistory.undo(runId, step);
    site.undoRecords.undo(runId, step);
    if (database !== undefined) {
      begun.push(database);
      outcomes = (await database.prepare({strict: request.strict})).toSorted((a, b) => a.index - b.index);
      site.rowHistory.flush();
      faultPoint('commit.database-prepared');
    }
    if (files !== undefined) {
      begun.push(files);
      outcomes = joinOutcomes(outcomes, await files.prepare({strict: request.strict}));
      faultPoint('commit.files-prepared');
    }
    forgetRefused(request, operations, outcomes, site.rowHistory);
    if (request.undo !== undefined)
      site.undoRecords.note(request, request.undo, holdsOf(operations, outcomes));
    journal.keepOutcomes(step, outcomes);
    site.keepArrivals?.(journal.stepFolder(step), operations, outcomes);
    note({state: 'applying'});
    await files?.apply();
    faultPoint('commit.files-applied');
    await database?.apply();
    faultPoint('commit.database-committed');
  } catch (error) {
    // A COMMIT whose answer was lost may have happened all the same.
    if (database === undefined || !(await wasCommitted(site, runId, step))) {
      for (const participant of begun.reverse()) await participant.undo();
      site.rowHistory.undo(runId, step);
      site.undoRecords.undo(runId, step);
      note({state: 'undone', error: asOperatorError(error).message});
      throw asSpaceError(error, site.root);
    }
  }
  note({state: 'decided'});
  faultPoint('commit.decided');
  await files?.finish();
  faultPoint('commit.files-finished');
  await database?.finish();
  await finishRecords(site, runId, step);
  const positions = positionsOf(before, files, database);
  note({state: 'done', positions, changed: changesSite(step, outcomes)});
  faultPoint('commit.finished');
  return {outcomes, positions};
}

type EntryBody = JournalEntry extends infer Entry
  ? Entry extends JournalEntry
    ? Omit<Entry, 'step' | 'at'>
    : never
  : never;

async function wasCommitted({database}: CommitSite, runId: string, step: string): Promise<boolean> {
  return database !== null && (await database.wasCommitted(runId, step));
}

/**
 * Where a part stood before and after. What takes no part did not move: what a scan finds meanwhile is not of this
 * commit, and the run must not take it for seen.
 */
function positionsOf(
  before: {files: CommitPositions['files']['before']; database: CommitPositions['files']['before'] | null},
  files: FilesParticipant | undefined,
  database: DatabaseParticipant | undefined,
): CommitPositions {
  return {
    files: files?.positions() ?? {before: before.files, after: before.files},
    database:
      database?.positions() ??
      (before.database === null ? null : {before: before.database, after: before.database}),
  };
}

/** What was told of a table whose copy was refused in the end never happened. */
function forgetRefused(
  {runId, step}: CommitRequest,
  operations: Iterable<IndexedOperation>,
  outcomes: PackedOutcomes,
  history: RowHistory,
): void {
  const skipped = indexesOf('skipped', outcomes);
  if (skipped.size === 0) return;
  for (const {index, operation} of operations)
    if (operation.op === 'copy-table' && skipped.has(index))
      history.forgetTable(runId, step, operation.table);
}

function indexesOf(wanted: OperationOutcome['outcome'], outcomes: PackedOutcomes): Set<number> {
  const indexes = new Set<number>();
  for (const {index, outcome} of unpackOutcomes(outcomes)) if (outcome === wanted) indexes.add(index);
  return indexes;
}

/** What the operations of an undo hold, as far as they are carried out. */
function* holdsOf(operations: Iterable<IndexedOperation>, outcomes: PackedOutcomes): Generator<NewHold> {
  const applied = indexesOf('applied', outcomes);
  for (const {index, operation} of operations) {
    if (operation.op === 'adopt' || operation.hold === undefined || !applied.has(index)) continue;
    switch (operation.op) {
      case 'put':
      case 'touch':
        yield {item: operation.record, own: heldVersionOf(operation.record), ...operation.hold};
        break;
      case 'delete':
        yield {
          item: operation.item,
          own: {vector: operation.vector, digest: '', deleted: true},
          ...operation.hold,
        };
        break;
      case 'copy-table':
        yield {item: {type: 'table', table: operation.table}, own: undefined, ...operation.hold};
        break;
    }
  }
}
