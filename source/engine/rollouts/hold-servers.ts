import pMap from 'p-map';
import {asOperatorError, type OperatorError} from '../../core/operator-error.js';
import type {RolloutLock} from '../../core/update-status.js';
import type {StoredMember} from '../../state/state.js';
import {addressOf, askConcurrency, type RolloutOutcome, type RolloutWork} from './rollout-work.js';

/** Holds all sites for this rollout; an end when another rollout holds one. Who does not answer is met later. */
export async function holdServers({
  record,
  updates,
  rolloutId,
  job,
  rollout,
}: RolloutWork): Promise<RolloutOutcome | undefined> {
  const hold = {
    lockId: rollout.lockId!,
    rolloutId,
    by: job.by,
    ...(job.takeOver === undefined ? {} : {takeOver: job.takeOver}),
  };
  const held: {member: StoredMember; error: OperatorError}[] = [];
  const unsettled = record.members.filter(({state}) => state === 'waiting' || state === 'running');
  await pMap(
    unsettled,
    async member => {
      try {
        await updates.lock(member, hold);
      } catch (thrown) {
        const error = asOperatorError(thrown);
        if (error.code === 'SITE_BUSY') held.push({member, error});
      }
    },
    {concurrency: askConcurrency},
  );
  const [first] = held;
  if (first === undefined) return undefined;
  const servers = held.map(({member}) => addressOf(member));
  return {
    status: 'paused',
    why: {kind: 'busy', wave: first.member.wave, servers},
    error: lockError(first.member, first.error, rollout.name),
  };
}

/** SITE_BUSY with the way around it, if there is one. */
export function lockError(member: StoredMember, error: OperatorError, name: string) {
  const lock = (error.details as {lock?: RolloutLock} | undefined)?.lock;
  return {
    code: error.code,
    message: `${addressOf(member)}: ${error.message}`,
    hint:
      lock === undefined
        ? `\`lockstep rollout resume ${name}\` when that is over.`
        : `Wait for that rollout, or take its servers from it: \`lockstep rollout resume ${name} --take-over ${lock.lockId}\`.`,
  };
}
