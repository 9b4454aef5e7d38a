import type {StoredProfile} from '../state/state.js';
import type {Member} from './connect-group.js';
import type {PlanLimits} from './plan-limits.js';

/**
 * What of a profile is one member's part. One way down, the first member's content counts; from the others comes
 * only what is newer there, so that none undoes what another brought.
 */
export function memberPart(
  profile: StoredProfile,
  member: Member,
  {
    isFirst,
    sharing,
    items,
  }: {isFirst: boolean; sharing: ReadonlySet<string>; items?: ReadonlySet<string> | undefined},
): {profile: StoredProfile; limits: PlanLimits} {
  const own = {...profile, memory: memoryOf(profile, member.name)};
  const limits = {...limitsOf(member, sharing), ...(items === undefined ? {} : {items})};
  return profile.direction === 'download' && !isFirst
    ? {
        profile: {...own, direction: 'bidirectional', policy: 'remote-wins'},
        limits: {...limits, only: 'local'},
      }
    : {profile: own, limits};
}

function memoryOf({memory}: StoredProfile, member: string): StoredProfile['memory'] {
  const {positions: _, members, ...rest} = memory;
  const positions = members?.[member];
  return {...rest, ...(positions === undefined ? {} : {positions})};
}

/** What every step with a member is held to: a shared database is written once (E23). */
export function limitsOf({name}: Member, sharing: ReadonlySet<string>): PlanLimits {
  return sharing.has(name) ? {withoutDatabase: true} : {};
}
