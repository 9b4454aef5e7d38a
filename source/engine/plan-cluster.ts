import pMap from 'p-map';
import {expectedRecords} from '../core/expected-records.js';
import {type DraftAction, finishPlan} from '../core/finish-plan.js';
import type {ItemRecord} from '../core/item.js';
import {asOperatorError, type OperatorError} from '../core/operator-error.js';
import type {Action, Plan, Side} from '../core/plan.js';
import type {Selected} from '../core/selection.js';
import type {StoredCluster, StoredProfile} from '../state/state.js';
import type {Group, Member, MissingMember} from './connect-group.js';
import {sharingDatabase} from './connect-group.js';
import type {MadePlan, PlanObserver} from './make-plan.js';
import {makePlan} from './make-plan.js';
import {memberPart} from './member-part.js';
import type {PlanLimits} from './plan-limits.js';
import {changesSide, stopsAll} from './run-group.js';

/** Members that are asked at the same time. */
const concurrency = 4;

export type ClusterPlan = {
  /** Every action names its member. */
  readonly plan: Plan;
  readonly made: readonly {readonly member: Member; readonly made: MadePlan}[];
  /** Members that cannot take part, with the reason. */
  readonly missing: readonly MissingMember[];
};

/**
 * What a run between a site and a cluster would do (E13, E23). What one member brings is shown for the others too,
 * as if it were at the local site already.
 * @throws OperatorError of the first member when none can be planned for
 */
export async function planCluster(
  group: Group,
  cluster: StoredCluster,
  profile: StoredProfile,
  observer: PlanObserver,
  selection?: readonly Selected[],
): Promise<ClusterPlan> {
  const sharing = sharingDatabase(group.members, cluster.sharedDatabase);
  const missing: MissingMember[] = [...group.missing];
  const [leader] = group.members;
  const plan = async (member: Member, limits: PlanLimits) => {
    const part = memberPart(profile, member, {isFirst: member === leader, sharing});
    const request = {
      ...part,
      everything: false,
      acceptRoot: profile.maxDelete >= 100,
      ...(selection === undefined ? {} : {selection}),
    };
    return await makePlan(member.ends, {...request, limits: {...part.limits, ...limits}}, observer);
  };
  const found = await pMap(group.members, member => attempt(member, () => plan(member, {}), missing), {
    concurrency,
  });
  const planned = found.filter(one => one !== undefined);
  if (planned.length === 0) throw missing.at(-1)!.error;

  const bringing = planned.filter(({made}) => changesSide(made, 'local'));
  if (bringing.length === 0)
    return {plan: joined(planned.map(({member, made}) => named(made, member))), made: planned, missing};
  const expected = new Map<string, ItemRecord>();
  const local = new Map(planned.map(({member, made}) => [member, made]));
  for (const {member, made} of bringing) {
    const knowing = expected.size === 0 ? made : await plan(member, {expected: new Map(expected)});
    local.set(member, knowing);
    for (const [id, record] of expectedRecords(knowing.plan, 'local')) expected.set(id, record);
  }
  const parts = planned.map(({member}) => named(local.get(member)!, member, 'local'));
  if (profile.direction !== 'download') {
    const spread = await pMap(planned, ({member}) => plan(member, {expected}), {concurrency});
    parts.push(...planned.map(({member}, index) => named(spread[index]!, member, 'remote')));
  } else parts.push(...planned.map(({member, made}) => named(made, member, 'remote')));
  return {plan: joined(parts), made: planned, missing};
}

async function attempt(
  member: Member,
  work: () => Promise<MadePlan>,
  missing: MissingMember[],
): Promise<{member: Member; made: MadePlan} | undefined> {
  try {
    return {member, made: await work()};
  } catch (thrown) {
    const error: OperatorError = asOperatorError(thrown);
    if (stopsAll.has(error.code)) throw error;
    missing.push({name: member.name, error});
    return undefined;
  }
}

/** A plan's actions under the name of their member; only those of one side when it is given. */
export function named({plan}: MadePlan, member: Member, side?: Side): DraftAction[] {
  return plan.actions
    .filter(action => side === undefined || action.side === side)
    .map(({id: _, ...action}: Action) => ({...action, member: member.name}));
}

/** Plans of several members as one. */
export function joined(parts: readonly (readonly DraftAction[])[]): Plan {
  return finishPlan(parts.flat(), []);
}
