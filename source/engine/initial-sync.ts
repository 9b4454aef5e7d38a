import type {OperatorError} from '../core/operator-error.js';
import type {Side} from '../core/plan.js';
import {checkInitialSync, initialSyncError} from '../core/preconditions.js';
import {otherSide} from '../core/take-over.js';
import type {State, StoredProfile, StoredRelationship} from '../state/state.js';
import type {Member} from './connect-group.js';
import {bothSides, type SiteEnds} from './connect-sites.js';
import {countLive, guardPlan} from './guard-plan.js';
import type {MadePlan} from './make-plan.js';
import {membersOf} from './members.js';
import {newProfile} from './profiles.js';

/** The profile that an initial sync leaves behind (E6). */
export const initialProfileName = 'Default DB profile1';

/** The profile that an initial sync leaves behind: the database and its resource folders (E6). */
export function initialSyncProfile({name, initial}: StoredRelationship): StoredProfile {
  return newProfile({
    relationship: name,
    name: initialProfileName,
    items: ['database'],
    direction: initial,
    policy: initial === 'upload' ? 'local-wins' : 'remote-wins',
    filter: {kind: 'none'},
    replace: 'newer',
    backup: 'off',
    maxDelete: 50,
  });
}

/** What an initial sync itself is about: everything, because it makes the destination a mirror (E2). */
export function withEverything(profile: StoredProfile, ends: SiteEnds): StoredProfile {
  const {local, remote} = ends;
  return {
    ...profile,
    items: Object.keys(local.site.groups).filter(name => Object.hasOwn(remote.site.groups, name)),
  };
}

export function sourceOf({initial}: Pick<StoredRelationship, 'initial'>): Side {
  return initial === 'upload' ? 'local' : 'remote';
}

/**
 * The members of a cluster that an initial sync is about: those that never had one, all when none is left or by force;
 * downloading takes the first member's content (E23).
 */
export function membersToMirror(
  {initial}: Pick<StoredRelationship, 'initial'>,
  members: readonly Member[],
  force: boolean,
): readonly Member[] {
  if (initial === 'download') return members.slice(0, 1);
  const fresh = members.filter(({ends}) => ends.remote.site.initialSync === undefined);
  return force || fresh.length === 0 ? members : fresh;
}

/**
 * Why an initial sync must not go on (E6, E15), if so. What the destination has more than the source goes, so
 * the share of deletions that other runs are held to does not count here; the roots and the room do.
 */
export async function refuseInitialSync(request: {
  ends: SiteEnds;
  state: State;
  relationship: StoredRelationship;
  profile: StoredProfile;
  force: boolean;
  made: MadePlan;
  signal: AbortSignal;
}): Promise<OperatorError | undefined> {
  const {ends, state, relationship, profile, force, made, signal} = request;
  const destination = otherSide(sourceOf(relationship));
  const [local, remote] = await Promise.all(bothSides.map(side => countLive(ends[side], profile, signal)));
  const counts = {local: local!, remote: remote!};
  const address = relationship[destination];
  const [refusal] = checkInitialSync({
    force,
    initialSync: ends[destination].site.initialSync,
    source: counts[otherSide(destination)],
    destination: counts[destination],
    allowForce: ends[destination].site.allowForceInitial,
    sitesAtDestination: ends[destination].sitesAtServer,
    relationshipsOfDestination: state.relationships
      .filter(entry =>
        [entry.local, ...membersOf(state, entry)].some(
          end => end.server === address.server && end.site === address.site,
        ),
      )
      .map(entry => entry.name),
  });
  if (refusal !== undefined) return initialSyncError(refusal);
  return await guardPlan(ends, profile, {...made.plan, actions: withoutDeletes(made)}, made.scans, {
    maxDelete: undefined,
    signal,
  });
}

function withoutDeletes({plan}: MadePlan): MadePlan['plan']['actions'] {
  return plan.actions.map(action => ({
    ...action,
    operations: action.operations.filter(({operation}) => operation.op !== 'delete'),
  }));
}
