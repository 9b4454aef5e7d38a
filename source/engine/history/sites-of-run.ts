import type {State} from '../../state/state.js';
import type {SiteAddress} from '../engine.js';
import {findLive, findRelationship} from '../engine-context.js';
import {serversOf} from '../live/live-relationship.js';
import {membersOf} from '../members.js';

/**
 * The sites of a run: those of its relationship, or of its live sync.
 * @throws OperatorError NOT_FOUND when that is gone
 */
export function sitesOfRun(
  state: State,
  {relationship: name, live: liveName}: {readonly relationship: string; readonly live?: string},
): {local: SiteAddress; members: readonly SiteAddress[]} {
  if (liveName !== undefined) {
    const live = findLive(state, liveName);
    return {local: live.local, members: serversOf(state, live)};
  }
  const relationship = findRelationship(state, name);
  return {local: relationship.local, members: membersOf(state, relationship)};
}
