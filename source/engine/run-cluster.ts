import {itemId} from '../core/item.js';
import {OperatorError} from '../core/operator-error.js';
import {essenceText} from '../core/plan-hash.js';
import type {StoredCluster} from '../state/state.js';
import {type Group, type Member, sharingDatabase} from './connect-group.js';
import {initialSyncProfile, membersToMirror, withEverything} from './initial-sync.js';
import {mustMeetPreconditions, type PlanObserver} from './make-plan.js';
import {limitsOf, memberPart} from './member-part.js';
import type {RunResult, RunWork} from './perform-run.js';
import {planCluster} from './plan-cluster.js';
import type {SavedPlan} from './plan-file.js';
import {GroupRun, type GroupStep} from './run-group.js';
import {itemOf, nameOf} from './run-steps/check-plan.js';
import type {Leases} from './run-steps/hold-leases.js';
import {markUsed, recordInitialSync, recordMember, recordMirrored} from './run-steps/record-run.js';
import {gather, prepareAll, spread} from './serve-members.js';

/**
 * A run between a site and a cluster (E23): the first member first, then the others side by side. What a member
 * brings reaches the others in the same run.
 */
export async function runCluster(
  work: RunWork,
  group: Group,
  leases: Leases,
  cluster: StoredCluster,
  saved: SavedPlan | undefined,
): Promise<RunResult> {
  const run = new GroupRun(work, group, leases);
  try {
    if (work.job.kind === 'initial-sync') await mirrorCluster(work, run, cluster);
    else await syncCluster(work, run, cluster, await takeSaved(work, group, cluster, saved));
  } catch (error) {
    // What some members have got stays; the run says so.
    if (!run.changed || !work.cancel.signal.aborted) throw error;
    const cancelled = new OperatorError(
      'RUN_CANCELLED',
      'The run was cancelled before all members were served.',
      {
        hint: 'Run again when it suits: the next run brings the others up to date.',
      },
    );
    return {...run.summary(), status: 'cancelled', error: {code: cancelled.code, message: cancelled.message}};
  }
  const summary = run.summary();
  return (await run.takeAfterSync()) ? summary : {...summary, status: 'warning'};
}

/**
 * What a saved plan mentions, by member. Everything in it must still be what would be done (X2).
 * @throws OperatorError STALE_PLAN
 */
async function takeSaved(
  {context, runId, profile, log, cancel}: RunWork,
  group: Group,
  cluster: StoredCluster,
  saved: SavedPlan | undefined,
): Promise<ReadonlyMap<string, ReadonlySet<string>> | undefined> {
  if (saved === undefined) return undefined;
  const {signal} = cancel;
  const quiet: PlanObserver = {signal, phase: (_, step) => step(), progress: log.progress};
  const now = await log.phase('reconcile', () => planCluster(group, cluster, profile, quiet));
  const known = new Set(now.plan.actions.map(essenceText));
  const stale = saved.plan.actions.find(action => action.kind !== 'skip' && !known.has(essenceText(action)));
  if (stale !== undefined)
    throw new OperatorError('STALE_PLAN', `The plan is stale: ${nameOf(stale.item)} has changed since.`, {
      hint: 'Take a new preview and save that. Nothing was changed.',
      details: {item: stale.item, member: stale.member},
    });
  await markUsed(context, saved.planId, runId);
  const mentioned = new Map<string, Set<string>>(group.members.map(({name}) => [name, new Set()]));
  for (const {member = '', kind, item, operations} of saved.plan.actions)
    if (kind !== 'skip') {
      mentioned.get(member)?.add(itemId(item));
      for (const {operation} of operations) mentioned.get(member)?.add(itemId(itemOf(operation)));
    }
  return mentioned;
}

async function syncCluster(
  work: RunWork,
  run: GroupRun,
  cluster: StoredCluster,
  mentioned: ReadonlyMap<string, ReadonlySet<string>> | undefined,
): Promise<void> {
  const {context, profile} = work;
  const sharing = sharingDatabase(run.members, cluster.sharedDatabase);
  const [leader] = run.members;
  const step = (member: Member): GroupStep => ({
    member,
    ...memberPart(profile, member, {isFirst: member === leader, sharing, items: mentioned?.get(member.name)}),
    remember: ({firstRun}, positions) =>
      recordMember(context, profile, member.name, {positions, firstRunDone: firstRun}),
  });
  for (const member of run.members) {
    const {profile, limits} = step(member);
    mustMeetPreconditions(member.ends, profile, limits);
  }
  await mirrorPending(work, run, sharing);
  const gathered = await gather(run, step);
  if (profile.direction === 'download') return;
  const behind = run.members.filter(({name}) => !gathered.inStep.has(name));
  await spread(
    run,
    behind,
    async member =>
      gathered.planned.find(prepared => prepared.member === member) ?? (await run.prepare(step(member))),
  );
}

/** An initial sync of all members, or of those that never had one; downloading takes the first member's content. */
async function mirrorCluster(work: RunWork, run: GroupRun, cluster: StoredCluster): Promise<void> {
  const {context, runId, profile, relationship, job, log} = work;
  const sharing = sharingDatabase(run.members, cluster.sharedDatabase);
  const wanted = membersToMirror(relationship, run.members, job.force);
  for (const member of run.members)
    if (!wanted.includes(member))
      log
        .within({member: member.name})
        .message('info', `${member.name} is not part of it; the next run compares it.`);
  const step = (member: Member) => mirrorStep(work, member, sharing);
  for (const member of wanted) {
    const {profile, limits} = step(member);
    mustMeetPreconditions(member.ends, profile, limits);
  }
  const planned = await prepareAll(run, wanted, step);
  const prepare = async (member: Member) => planned.find(prepared => prepared.member === member);
  await spread(
    run,
    wanted.filter(member => planned.some(prepared => prepared.member === member)),
    prepare,
  );
  if (wanted.every(({name}) => run.failed.includes(name))) return;
  const pending = relationship.initial === 'upload' ? run.failed : [];
  await log.phase('record', () =>
    recordInitialSync(context, profile, {runId, positions: undefined, pending}),
  );
}

/** Makes mirrors of members that could not be reached at the initial sync and answer now. */
async function mirrorPending(work: RunWork, run: GroupRun, sharing: ReadonlySet<string>): Promise<void> {
  const {context, relationship} = work;
  const pending = relationship.initialSync?.pending ?? [];
  for (const member of run.members) {
    if (!pending.includes(member.name)) continue;
    if (member.ends.remote.site.initialSync === undefined) {
      const prepared = await run.prepare({...mirrorStep(work, member, sharing), kind: 'initial-sync'});
      if (prepared === undefined || (await run.carryOut(prepared)) === undefined) continue;
    }
    await recordMirrored(context, relationship.name, member.name);
  }
}

function mirrorStep({relationship}: RunWork, member: Member, sharing: ReadonlySet<string>): GroupStep {
  return {
    member,
    profile: withEverything(initialSyncProfile(relationship), member.ends),
    limits: limitsOf(member, sharing),
    remember: async () => {},
  };
}
