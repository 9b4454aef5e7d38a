import {errorCodes} from '../core/error-codes.js';
import type {FaultPoint} from '../core/fault-point.js';
import {asOperatorError, OperatorError} from '../core/operator-error.js';
import type {RunHolder, RunStatus, RunSummary} from '../core/run-event.js';
import type {State, StoredProfile, StoredRelationship} from '../state/state.js';
import {carryOutPair} from './carry-out-pair.js';
import {closeGroup, connectGroup, endsOf, type Group} from './connect-group.js';
import {closeSites, connectSites, type SiteEnds} from './connect-sites.js';
import {type EngineContext, findCluster} from './engine-context.js';
import {withEverything} from './initial-sync.js';
import {lasting, type PairWork, uninterrupted} from './pair-work.js';
import {loadPlan, type SavedPlan} from './plan-file.js';
import {preparePair} from './prepare-pair.js';
import {runCluster} from './run-cluster.js';
import type {SyncJob} from './run-job.js';
import {takeAfterSync} from './run-steps/after-sync.js';
import {errorDocument} from './run-steps/error-document.js';
import type {Leases} from './run-steps/hold-leases.js';
import {mustBeUnused, recordInitialSync, recordSync} from './run-steps/record-run.js';
import type {RunLog} from './run-steps/run-log.js';
import {takeSites} from './run-steps/take-sites.js';
import type {Tally} from './run-steps/tally-run.js';

/** A run that has begun. */
export type RunWork = {
  readonly context: EngineContext;
  readonly runId: string;
  readonly job: SyncJob;
  readonly relationship: StoredRelationship;
  readonly profile: StoredProfile;
  readonly log: RunLog;
  /** Aborted to end the run cleanly; heeded until the commit begins, which is always taken to its end. */
  readonly cancel: AbortController;
  readonly faultPoint: FaultPoint;
};

export type RunResult = Omit<RunSummary, 'runId' | 'durationMs'>;

const nothingDone: Tally = {applied: 0, skipped: 0, total: 0, conflicts: 0, collisions: 0, deleted: 0};

/**
 * The life of a sync run (DESIGN.md): lease, plan, guard, stage, commit, record, and whatever happens the leases
 * are given back. Never throws: how it ended is in the answer.
 */
export async function performRun(work: RunWork): Promise<RunResult> {
  const {context, job, log, cancel} = work;
  let ends: SiteEnds | undefined;
  let leases: Leases | undefined;
  try {
    const state = await context.state.read();
    const saved = job.planFile === undefined ? undefined : await loadPlan(job.planFile);
    if (saved !== undefined) mustStillApply(saved, work);
    if (saved !== undefined) mustBeUnused(state, saved.planId);
    if (work.relationship.cluster !== undefined) return await performOverCluster(work, state, saved);
    await log.phase('lease', async () => {
      ends = await connectSites(context, state, work.relationship, cancel.signal);
      leases = await takeSites([ends.local, ends.remote], work);
    });
    work.faultPoint('run.leased');
    return await runLeased(work, ends!, leases!, saved);
  } catch (thrown) {
    return failed(work.cancel.signal.aborted ? work.cancel.signal.reason : thrown);
  } finally {
    await leases?.end();
    closeSites(ends);
    work.faultPoint('run.ended');
  }
}

/** The same over the members of a cluster (E23). */
async function performOverCluster(
  work: RunWork,
  state: State,
  saved: SavedPlan | undefined,
): Promise<RunResult> {
  const {context, relationship, log, cancel} = work;
  const cluster = findCluster(state, relationship.cluster!);
  let group: Group | undefined;
  let leases: Leases | undefined;
  try {
    await log.phase('lease', async () => {
      const addresses = {local: relationship.local, members: cluster.members};
      group = await connectGroup(context, state, addresses, cancel.signal);
      leases = await takeSites(endsOf(group), work, {localOnly: true});
    });
    work.faultPoint('run.leased');
    return await runCluster(work, group!, leases!, cluster, saved);
  } finally {
    await leases?.end();
    closeGroup(group);
  }
}

function mustStillApply(saved: SavedPlan, {profile}: RunWork): void {
  if (saved.revision === profile.revision) return;
  throw new OperatorError('STALE_PLAN', 'The profile was changed after the plan was saved.', {
    hint: 'Take a new preview.',
  });
}

async function runLeased(
  work: RunWork,
  ends: SiteEnds,
  leases: Leases,
  saved: SavedPlan | undefined,
): Promise<RunResult> {
  const {context, runId, job, profile} = work;
  const initial = job.kind === 'initial-sync';
  const pair: PairWork = {
    ...work,
    profile: initial ? withEverything(profile, ends) : profile,
    ends,
    leases,
    saved,
    suffix: '',
    remember: ({firstRun}, positions) =>
      initial
        ? recordInitialSync(context, profile, {runId, positions})
        : recordSync(context, profile, {positions, firstRunDone: firstRun}),
  };
  const {tally, bytes, failure, restored} = await carryOutPair(pair, await preparePair(pair));
  const isWhole = tally.skipped === 0 && failure === undefined;
  if (restored) work.log.skip('after-sync', 'the run was taken back');
  const well =
    restored ||
    (await takeAfterSync([ends.local, ends.remote], {
      runId,
      log: work.log,
      persist: step => lasting(pair, step, uninterrupted),
    }));
  return {
    status: restored ? 'restored' : isWhole && well ? 'success' : 'warning',
    ...(failure === undefined ? {} : {error: errorDocument(failure)}),
    ...tally,
    bytes,
  };
}

/** A run that ended before anything was changed. */
export function failed(thrown: unknown): RunResult {
  const error = asOperatorError(thrown);
  const holder = (error.details as {holder?: RunHolder} | undefined)?.holder;
  return {
    status: statusOf(error),
    error: errorDocument(error),
    ...(error.code === 'SITE_BUSY' && holder !== undefined ? {holder} : {}),
    ...nothingDone,
    bytes: 0,
  };
}

function statusOf({code}: OperatorError): RunStatus {
  if (code === 'RUN_CANCELLED') return 'cancelled';
  return [6, 7, 8].includes(errorCodes[code].exit) ? 'refused' : 'failed';
}
