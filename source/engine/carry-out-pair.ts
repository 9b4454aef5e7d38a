import {formatSize} from '../core/byte-size.js';
import {OperatorError} from '../core/operator-error.js';
import type {Operation, PlannedCollision, Side} from '../core/plan.js';
import {otherSide} from '../core/take-over.js';
import {expectCollisions, settleCollisions} from './collisions/note-collisions.js';
import {bothSides} from './connect-sites.js';
import {sourceOf} from './initial-sync.js';
import type {MadePlan} from './make-plan.js';
import {lasting, lastingAt, type PairWork, type SeenPositions, uninterrupted} from './pair-work.js';
import {type BackupsMade, makeBackup, sidesWithRows, whyNoBackup} from './run-steps/back-up.js';
import {commitOrRestore} from './run-steps/commit-or-restore.js';
import {commitPlan, type OperationsBySide, operationsOf} from './run-steps/commit-run.js';
import {type CommitHeader, positionsOfScan} from './run-steps/commit-side.js';
import {markUsed} from './run-steps/record-run.js';
import {stageContent} from './run-steps/stage-content.js';
import {type Tally, tallyRun} from './run-steps/tally-run.js';

/** What came of a pair. */
export type PairResult = {
  readonly tally: Tally;
  readonly bytes: number;
  /** Of a side that failed after the other had committed. */
  readonly failure?: OperatorError;
  /** A database that was changed before the failure is as it was (E16). */
  readonly restored: boolean;
};

/**
 * Stages, commits and records a plan that was prepared.
 * @throws OperatorError when nothing was changed
 */
export async function carryOutPair(work: PairWork, made: MadePlan): Promise<PairResult> {
  const {context, runId, log, cancel, ends, saved} = work;
  const {signal} = cancel;
  const operations = operationsOf(made.plan);
  const staged = await log.phase(
    'stage',
    () => lasting(work, () => stageBoth(work, operations), signal),
    ({bytes}) => formatSize(bytes),
  );
  if (saved !== undefined && staged.missing.size > 0)
    throw new OperatorError('STALE_PLAN', `The plan is stale: ${[...staged.missing.values()][0]}`, {
      hint: 'Take a new preview and save that. Nothing was changed.',
    });
  work.faultPoint('run.staged');
  signal.throwIfAborted();
  const backups = await backUp(work, operations);
  signal.throwIfAborted();
  if (saved !== undefined) await markUsed(context, saved.planId, runId);
  signal.throwIfAborted();
  const expected = await expectCollisions(context, ends, runId, made.plan);
  work.faultPoint('run.noted');

  const parts = {
    files: made.scope.includesFiles,
    database: made.scans.local.database !== null && made.scans.remote.database !== null,
  };
  const positions = {
    local: positionsOfScan(made.scans.local, parts),
    remote: positionsOfScan(made.scans.remote, parts),
  };
  const result = await log.phase('commit', () =>
    commitOrRestore(
      () =>
        commitPlan(
          made.plan,
          operations,
          {
            ends,
            runId,
            steps: {main: `main${work.suffix}`, adopt: `adopt${work.suffix}`},
            headers: headersOf(work, made, saved !== undefined),
            missing: staged.missing,
            positions,
            onProgress: log.progress('commit'),
            persist: step => lasting(work, step, uninterrupted),
            afterSide: count => work.faultPoint(`run.committed-${count}`),
            warn: text => log.message('warn', text),
          },
          made.adoptsLineage ? made.scans.local.database?.lineage : undefined,
        ),
      {ends, runId, step: `main${work.suffix}`, by: work.job.by, operations, backups, positions},
      {
        persist: (end, step) => lastingAt(work, end, step),
        tell: text => log.message('warn', text),
      },
    ),
  );
  work.faultPoint('run.adopted');
  const renamed = new Set<PlannedCollision>();
  const tally = tallyRun(made.plan, result.outcomeOf, item => {
    log.write({type: 'run.item', ...item});
    if (item.collision !== undefined) renamed.add(item.collision);
  });
  const certain = result.failure === undefined;
  await keep(work, () => settleCollisions(context, runId, expected, {renamed, certain}));
  const isPart = saved !== undefined || work.limits?.items !== undefined || work.job.select !== undefined;
  const leftNothing = result.complete && tally.skipped === 0 && !isPart;
  await record(work, made, leftNothing ? result.positions : undefined);
  work.faultPoint('run.recorded');
  const {failure, restored} = result;
  return {tally, bytes: staged.bytes, restored, ...(failure === undefined ? {} : {failure})};
}

/** Backs up the databases that the plan changes, if the profile says so (E16). */
async function backUp(work: PairWork, operations: OperationsBySide): Promise<BackupsMade> {
  const {context, ends, runId, job, profile, log, cancel} = work;
  const {signal} = cancel;
  const reason = whyNoBackup(job, profile, await context.state.read());
  const sides = reason === undefined ? sidesWithRows(ends, operations) : [];
  const made = new Map<Side, string>();
  if (sides.length === 0) {
    log.skip('backup', reason ?? 'no database is changed');
    return made;
  }
  const onProgress = log.progress('backup');
  return await log.phase(
    'backup',
    async () => {
      for (const side of sides) {
        const request = {runId, step: `main${work.suffix}`, by: job.by};
        const backup = await lasting(
          work,
          () => makeBackup(ends[side], request, {signal, onProgress}),
          signal,
        );
        made.set(side, backup.name);
      }
      work.faultPoint('run.backed-up');
      return made;
    },
    names => [...names.values()].join(', '),
  );
}

async function stageBoth(
  {runId, ends, cancel, log}: PairWork,
  operations: OperationsBySide,
): Promise<{bytes: number; missing: Map<Operation, string>}> {
  const missing = new Map<Operation, string>();
  let bytes = 0;
  for (const side of bothSides) {
    const staged = await stageContent(ends, runId, side, operations[side], {
      signal: cancel.signal,
      onProgress: log.progress('stage'),
    });
    bytes += staged.bytes;
    for (const [operation, reason] of staged.missing) missing.set(operation, reason);
  }
  return {bytes, missing};
}

function headersOf(
  {job, relationship, ends}: PairWork,
  made: MadePlan,
  strict: boolean,
): Record<Side, CommitHeader> {
  const header: CommitHeader = {strict, by: job.by};
  if (job.kind === 'sync') return {local: header, remote: header};
  const source = sourceOf(relationship);
  const lineage = made.scans[source].database?.lineage;
  const destination: CommitHeader = {
    ...header,
    ...(lineage === undefined ? {} : {lineage}),
    initialSyncFrom: `${ends[source].server.name}/${ends[source].site.name}`,
  };
  return {[source]: header, [otherSide(source)]: destination} as Record<Side, CommitHeader>;
}

/** Without it the next run compares more. */
async function record(work: PairWork, made: MadePlan, positions: SeenPositions | undefined): Promise<void> {
  await keep(work, () => work.log.phase('record', () => work.remember(made, positions)));
}

/** The sites are in step whether or not the console can write it down. */
async function keep({log}: PairWork, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    log.message(
      'warn',
      `What this run has seen could not be kept: ${error instanceof Error ? error.message : error}`,
    );
  }
}
