import {createHash} from 'node:crypto';
import type {LiveStage} from '../../core/live-stages.js';
import type {StoredLive, StoredProfile} from '../../state/state.js';
import type {Member} from '../connect-group.js';
import type {SiteEnd} from '../connect-sites.js';
import type {PlanLimits} from '../plan-limits.js';
import {newProfile} from '../profiles.js';

/** Under this name a phase's files and rows stand among the item groups of both sites. */
const groupName = 'live sync';

/** A phase of a live sync as a pair of sites sees it: what it is about, and how it is decided. */
export type LiveStep = {
  readonly member: Member;
  readonly profile: StoredProfile;
  readonly limits: PlanLimits;
  /** Under which its positions are kept; another one when the phase means something else. */
  readonly key: string;
};

/**
 * What a phase does between the editorial site and one live server. A pull takes what is newer there; a push gives
 * what is newer here. The rights are the editorial site's: theirs replace what a live server has (G4).
 */
export function liveStep(live: StoredLive, stage: LiveStage, member: Member, maxDelete?: number): LiveStep {
  const key = keyOf(live, stage, member.ends.local);
  const positions = live.memory[member.name]?.positions[key];
  const pulls = stage.phase === 'rights-pull' || stage.phase === 'tenant-pull';
  const profile = newProfile(
    {
      relationship: live.name,
      name: stage.tenant ?? 'rights',
      items: [groupName],
      direction: stage.phase === 'rights-push' ? 'upload' : 'bidirectional',
      policy: live.policy,
      filter: {kind: 'none'},
      replace: 'newer',
      backup: 'off',
      maxDelete: maxDelete ?? live.maxDelete,
    },
    {firstFileRunDone: true, ...(positions === undefined ? {} : {positions})},
  );
  const {local, remote} = member.ends;
  return {
    member: {...member, ends: {local: withGroup(local, stage), remote: withGroup(remote, stage)}},
    profile,
    limits: {
      acceptsTable: stage.acceptsTable,
      ...(pulls ? {only: 'local'} : stage.phase === 'tenant-push' ? {only: 'remote'} : {}),
    },
    key,
  };
}

/** The live server's own item group of a tenant's name counts too: what it leaves out does not travel. */
function withGroup(end: SiteEnd, {tenant, group}: LiveStage): SiteEnd {
  const {groups, engine} = end.site;
  const own = tenant !== undefined && Object.hasOwn(groups, tenant) ? groups[tenant]! : group;
  const {[tenant ?? '']: _, ...others} = groups;
  return {
    ...end,
    site: {...end.site, groups: {...others, [groupName]: {...own, database: engine !== null}}},
  };
}

/** Positions count for one meaning of a phase only: other tables in a group are not known to have been seen. */
function keyOf({extra}: StoredLive, {phase, tenant = '', group}: LiveStage, {site}: SiteEnd): string {
  const meaning = JSON.stringify([group, site.tableGroups ?? {}, site.userTables ?? [], extra ?? null]);
  return `${phase}:${tenant}:${createHash('sha256').update(meaning).digest('hex').slice(0, 16)}`;
}
