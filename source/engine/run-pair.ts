import {formatSize} from '../core/byte-size.js';
import {asOperatorError, OperatorError} from '../core/operator-error.js';
import type {Operation, PlannedCollision, Side} from '../core/plan.js';
import {parseSelected} from '../core/selection.js';
import {otherSide} from '../core/take-over.js';
import {expectCollisions, settleCollisions, takeUpCollisions} from './collisions/note-collisions.js';
import {bothSides, type SiteEnd, type SiteEnds} from './connect-sites.js';
import {guardPlan} from './guard-plan.js';
import {refuseInitialSync, sourceOf} from './initial-sync.js';
import {type MadePlan, makePlan, mustMeetPreconditions, type PlanObserver} from './make-plan.js';
import {numberSites} from './number-sites.js';
import type {RunWork} from './perform-run.js';
import type {SavedPlan} from './plan-file.js';
import type {PlanLimits} from './plan-limits.js';
import {type BackupsMade, makeBackup, sidesWithRows, whyNoBackup} from './run-steps/back-up.js';
import {checkPlan} from './run-steps/check-plan.js';
import {commitOrRestore} from './run-steps/commit-or-restore.js';
import {commitPlan, type OperationsBySide, operationsOf} from './run-steps/commit-run.js';
import {type CommitHeader, positionsOfScan, type SidePositions} from './run-steps/commit-side.js';
import type {Leases} from './run-steps/hold-leases.js';
import {persist} from './run-steps/persist.js';
import {markUsed} from './run-steps/record-run.js';
import {stageContent} from './run-steps/stage-content.js';
import {type Tally, tallyRun} from './run-steps/tally-run.js';
import {databaseWarnings, scanSites} from './scan-sites.js';

/** A run between two sites that are connected and leased: all of a run, or one step of a run over several. */
export type PairWork = RunWork & {
  readonly ends: SiteEnds;
  readonly leases: Leases;
  /** The plan to be carried out exactly (X2); undefined to make one. */
  readonly saved: SavedPlan | undefined;
  readonly limits?: PlanLimits;
  /** Follows the names of this pair's commits, so that a site which takes part in several pairs tells them apart. */
  readonly suffix: string;
  /** Keeps what was seen; positions are undefined when something was left undone and must be seen again. */
  readonly remember: (made: MadePlan, positions: SeenPositions | undefined) => Promise<void>;
};

/** Where both sides' change streams stood when a pair was in step. */
export type SeenPositions = Record<Side, SidePositions>;

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
 * Plans and checks; changes nothing.
 * @throws OperatorError of whatever stands against the run
 */
export async function preparePair(work: PairWork): Promise<MadePlan> {
  const {log, saved, cancel} = work;
  const {signal} = cancel;
  const observer: PlanObserver = {
    signal,
    phase: (phase, step, describe) => log.phase(phase, () => lasting(work, step, signal), describe),
    progress: log.progress,
  };
  // Sites of relationships from before there were numbers get theirs here (E25).
  // A database that members share has the number of the first.
  if (work.limits?.withoutDatabase !== true)
    await numberSites(work.context, work.ends, sourceOf(work.relationship));
  const made = saved === undefined ? await planRun(work, observer) : await takeSaved(work, observer, saved);
  for (const warning of databaseWarnings(work.ends, made.scans)) log.message('warn', warning);
  await takeUpOpenCollisions(work, made);
  work.faultPoint('run.planned');
  await log.phase('guard', () => lasting(work, () => mustPassGuard(work, made), signal));
  return made;
}

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

/** What a run that died has renamed is on the list from now on (E18). */
async function takeUpOpenCollisions(
  {context, ends, cancel, log}: PairWork,
  {scans}: MadePlan,
): Promise<void> {
  if (bothSides.some(side => scans[side].database === null)) return;
  const {signal} = cancel;
  try {
    const count = await takeUpCollisions(context, ends, signal);
    const rows = count === 1 ? 'a row' : `${count} rows`;
    if (count > 0)
      log.message(
        'warn',
        `An earlier run ended before it could say that it renamed ${rows}: \`lockstep collisions list\`.`,
      );
  } catch (error) {
    signal.throwIfAborted();
    // The next run tries again.
    log.message(
      'warn',
      `What an earlier run renamed could not be found out: ${asOperatorError(error).message}`,
    );
  }
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

/** Does a step again when the connection was lost, with the leases taken back before. */
export function lasting<T>(
  {log, leases, ends}: Pick<PairWork, 'log' | 'leases'> & {ends?: SiteEnds},
  step: () => Promise<T>,
  until: AbortSignal,
): Promise<T> {
  return persist(step, {
    signal: until,
    beforeRetry: () => leases.renew(ends && [ends.local, ends.remote]),
    tell: log.message,
  });
}

/** A database that was changed and cannot be put back is a night's work for somebody: that is worth waiting for. */
const restorePatienceMs = 180_000;

/** The same for what only one side has to do: the other may be lost already. */
function lastingAt<T>(
  {log, leases}: Pick<PairWork, 'log' | 'leases'>,
  end: SiteEnd,
  step: () => Promise<T>,
): Promise<T> {
  return persist(step, {
    signal: uninterrupted,
    patienceMs: restorePatienceMs,
    beforeRetry: () => leases.renew([end]),
    tell: log.message,
  });
}

/** A commit that has begun is taken to its end. */
export const uninterrupted = new AbortController().signal;

async function planRun(work: PairWork, observer: PlanObserver): Promise<MadePlan> {
  const {ends, profile, job, relationship, faultPoint, log} = work;
  const initial = job.kind === 'initial-sync';
  const selection = job.select?.map(parseSelected);
  if (job.select !== undefined)
    log.message('info', `Only what is selected: ${describeSelection(job.select)}`);
  const made = await makePlan(
    ends,
    {
      profile,
      ...(initial ? {mirrorOf: sourceOf(relationship)} : {}),
      ...(selection === undefined ? {} : {selection}),
      everything: job.verify,
      verify: job.verify,
      acceptRoot: !initial && (job.maxDelete ?? profile.maxDelete) >= 100,
      ...(work.limits === undefined ? {} : {limits: work.limits}),
    },
    {
      ...observer,
      async phase(phase, step, describe) {
        const result = await observer.phase(phase, step, describe);
        if (phase === 'scan') faultPoint('run.scanned');
        return result;
      },
    },
  );
  return made;
}

/** Of many selections the first. */
function describeSelection(select: readonly string[]): string {
  const shown = select.slice(0, 10).join(', ');
  return select.length > 10 ? `${shown} and ${select.length - 10} more` : shown;
}

/** A saved plan with the world as it is now: everything that it mentions must be as it was (X2). */
async function takeSaved(work: PairWork, observer: PlanObserver, saved: SavedPlan): Promise<MadePlan> {
  const {ends, profile, job, log, faultPoint} = work;
  const {signal} = observer;
  const scope = await observer.phase('preconditions', async () => mustMeetPreconditions(ends, profile));
  const scans = await observer.phase('scan', () =>
    scanSites(
      ends,
      {
        files: scope.includesFiles,
        database: scope.includesDatabase,
        acceptRoot: (job.maxDelete ?? profile.maxDelete) >= 100,
        verify: job.verify,
      },
      {signal, onProgress: observer.progress('scan')},
    ),
  );
  faultPoint('run.scanned');
  log.skip('changes', 'the plan is given');
  await observer.phase('reconcile', () => checkPlan(ends, saved.plan, signal));
  const {plan, adoptsLineage, firstRun} = saved;
  return {plan, scope, scans, adoptsLineage, firstRun};
}

async function mustPassGuard(work: PairWork, made: MadePlan): Promise<void> {
  const {context, ends, profile, relationship, job, cancel} = work;
  const {signal} = cancel;
  const refusal =
    job.kind === 'initial-sync'
      ? await refuseInitialSync({
          ends,
          state: await context.state.read(),
          relationship,
          profile,
          force: job.force,
          made,
          signal,
        })
      : await guardPlan(ends, profile, made.plan, made.scans, {maxDelete: job.maxDelete, signal});
  if (refusal !== undefined) throw refusal;
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
