import type {State, StoredLive, StoredRelationship} from '../../state/state.js';
import type {SiteAddress} from '../engine.js';
import {findCluster} from '../engine-context.js';

/** The live servers of a live sync, those of its cluster if it has one. @throws OperatorError NOT_FOUND */
export function serversOf(
  state: State,
  {servers, cluster}: Pick<StoredLive, 'servers' | 'cluster'>,
): readonly SiteAddress[] {
  return cluster === undefined ? servers : findCluster(state, cluster).members;
}

/** Whether the servers are declared to work on one database. */
export function sharesDatabase(state: State, {cluster}: Pick<StoredLive, 'cluster'>): boolean {
  return cluster !== undefined && findCluster(state, cluster).sharedDatabase;
}

/** A live sync as the steps of a run see it: the editorial site and one live server, content going up. */
export function asRelationship(live: StoredLive, remote: SiteAddress): StoredRelationship {
  return {name: live.name, local: live.local, remote, initial: 'upload', createdAt: live.createdAt};
}
