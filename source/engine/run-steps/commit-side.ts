import {OperatorError} from '../../core/operator-error.js';
import {unpackOutcomes} from '../../core/outcome-runs.js';
import type {Operation} from '../../core/plan.js';
import type {OperationOutcome, ScanResult} from '../../core/site-description.js';
import type {Position} from '../../protocol/record-endpoints.js';
import {commitRun} from '../../protocol/run-endpoints.js';
import type {SiteEnd} from '../connect-sites.js';
import type {OnProgress} from '../scan-sites.js';
import {tableSet} from '../table-set.js';

/** What one side did of what it was asked. */
export type CommittedSide = {
  /** By operation, for those that were sent. */
  readonly outcomes: ReadonlyMap<Operation, OperationOutcome>;
  readonly positions: CommittedPositions;
};

export type CommittedPositions = {
  readonly files: {readonly before: Position; readonly after: Position};
  readonly database: {readonly before: Position; readonly after: Position} | null;
};

export type CommitHeader = {
  readonly strict: boolean;
  readonly by: string;
  readonly lineage?: string;
  readonly initialSyncFrom?: string;
  /** The run that is undone or redone (X2). */
  readonly undo?: {readonly runId: string; readonly kind: 'undo' | 'redo'};
};

/** Asks one side to carry out its operations, all or, after a failure, none. Repeatable by run id and step. */
export async function commitSide(
  end: SiteEnd,
  runId: string,
  step: string,
  header: CommitHeader,
  operations: readonly Operation[],
  onProgress: OnProgress,
): Promise<CommittedSide> {
  const reply = await end.client.call(commitRun, {
    params: {site: end.site.name, runId, step},
    body: (async function* () {
      yield header;
      yield* operations;
    })(),
  });
  const outcomes = new Map<Operation, OperationOutcome>();
  for await (const line of reply) {
    switch (line.type) {
      case 'progress':
        onProgress({side: end.side, done: line.done, total: line.total, unit: 'items'});
        break;
      case 'outcome':
      case 'outcomes':
        for (const outcome of unpackOutcomes([line.type === 'outcome' ? line.outcome : line.run])) {
          const operation = operations[outcome.index];
          // What was not asked for has no outcome, however many of it are named.
          if (operation === undefined) break;
          outcomes.set(operation, outcome);
        }
        break;
      case 'committed':
        return {outcomes, positions: {files: line.files, database: line.database}};
    }
  }
  throw new OperatorError('CONNECTION_LOST', `${end.server.name} did not say how its commit ended.`);
}

/** `tables` says for which the position in the database counts (table-set.ts). */
export type SidePositions = {files?: Position; database?: Position; tables?: string};

/** Where a side's streams stood at the scan: what a run without commits may record as seen. */
export function positionsOfScan(scan: ScanResult, parts: {files: boolean; database: boolean}): SidePositions {
  return {
    ...(parts.files ? {files: {epoch: scan.files.epoch, seq: scan.files.seq}} : {}),
    ...(parts.database && scan.database !== null
      ? {
          database: {epoch: scan.database.epoch, seq: scan.database.seq},
          tables: tableSet(scan.database),
        }
      : {}),
  };
}

/**
 * Positions after a commit. It may be skipped over only when nothing else had changed since the scan: otherwise
 * the old position stays, and the run's own changes are seen again and found to be alike.
 */
export function advance(positions: SidePositions, committed: CommittedPositions): SidePositions {
  const step = (known: Position | undefined, moved: {before: Position; after: Position} | null) =>
    known !== undefined &&
    moved !== null &&
    moved.before.epoch === known.epoch &&
    moved.before.seq === known.seq
      ? moved.after
      : known;
  const files = step(positions.files, committed.files);
  const database = step(positions.database, committed.database);
  return {
    ...positions,
    ...(files === undefined ? {} : {files}),
    ...(database === undefined ? {} : {database}),
  };
}
