import {OperatorError} from '../../core/operator-error.js';
import type {State, StoredMember, StoredRollout} from '../../state/state.js';
import type {SiteAddress} from '../engine.js';
import {findCluster} from '../engine-context.js';

/** @throws OperatorError NOT_FOUND naming what there is. */
export function findRollout(state: State, name: string): StoredRollout {
  const rollouts = state.rollouts ?? [];
  const found = rollouts.find(rollout => rollout.name === name);
  if (found !== undefined) return found;
  throw new OperatorError('NOT_FOUND', `There is no rollout called ${name}.`, {
    hint:
      rollouts.length === 0
        ? '`lockstep rollout create` makes one.'
        : `There are: ${rollouts.map(rollout => rollout.name).join(', ')}.`,
  });
}

/** The sites that a rollout updates, as they are known now. @throws OperatorError NOT_FOUND for a cluster that is gone */
export function sitesOf(
  state: State,
  {servers, cluster}: Pick<StoredRollout, 'servers' | 'cluster'>,
): readonly SiteAddress[] {
  return cluster === undefined ? servers : findCluster(state, cluster).members;
}

/**
 * The members that operators name: `SERVER/SITE`, or `SERVER` for all of its sites; all when nothing is named.
 * @throws OperatorError NOT_FOUND
 */
export function namedMembers(
  {name, members}: Pick<StoredRollout, 'name' | 'members'>,
  names: readonly string[] | undefined,
): readonly StoredMember[] {
  if (names === undefined || names.length === 0) return members;
  if (members.length === 0)
    throw new OperatorError('NOT_FOUND', `The rollout ${name} has not been started yet.`, {
      hint: `lockstep rollout start ${name}`,
    });
  return names.flatMap(wanted => {
    const found = members.filter(({server, site}) => wanted === server || wanted === `${server}/${site}`);
    if (found.length > 0) return found;
    throw new OperatorError('NOT_FOUND', `${wanted} is not part of the rollout ${name}.`, {
      hint: `There are: ${members.map(({server, site}) => `${server}/${site}`).join(', ')}.`,
    });
  });
}
