import type {State, StoredRelationship} from '../state/state.js';
import type {SiteAddress} from './engine.js';
import {findCluster} from './engine-context.js';

/** The remote sites of a relationship: one, or the members of its cluster, the first one first (E23). */
export function membersOf(
  state: State,
  {remote, cluster}: Pick<StoredRelationship, 'remote' | 'cluster'>,
): readonly SiteAddress[] {
  return cluster === undefined ? [remote] : findCluster(state, cluster).members;
}

/** Every local site with a remote one that it works with: of relationships, clusters and live syncs. */
export function partnersOf(state: State): readonly {local: SiteAddress; remote: SiteAddress}[] {
  return [
    ...state.relationships.flatMap(entry =>
      membersOf(state, entry).map(remote => ({local: entry.local, remote})),
    ),
    ...(state.lives ?? []).flatMap(({local, servers, cluster}) =>
      (cluster === undefined ? servers : findCluster(state, cluster).members).map(remote => ({
        local,
        remote,
      })),
    ),
  ];
}
