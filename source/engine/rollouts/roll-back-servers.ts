import pMap from 'p-map';
import {asOperatorError} from '../../core/operator-error.js';
import type {UpdateStatus} from '../../core/update-status.js';
import type {StoredMember} from '../../state/state.js';
import {errorDocument} from '../run-steps/error-document.js';
import {noteStatus} from './member-of-status.js';
import {addressOf, type RolloutOutcome, type RolloutWork} from './rollout-work.js';

/**
 * Brings servers that are done back to the version they had, as many at a time as the rollout allows. What an agent
 * refuses is said and leaves that server as it is.
 */
export async function rollBackServers({
  job,
  rollout,
  updates,
  record,
  signal,
}: RolloutWork): Promise<RolloutOutcome> {
  const chosen = record.members.filter(member => job.servers.includes(addressOf(member)));
  let failures = 0;
  await pMap(
    chosen,
    async member => {
      const {mailTo, patienceMs} = rollout;
      try {
        const status = await updates.rollBack(member, member.updateId, {
          by: job.by,
          ...(mailTo === undefined ? {} : {mailTo}),
        });
        record.change(member, changed => noteRollback(changed, status));
        await updates.follow(member, member.updateId, {
          patienceMs,
          signal,
          onStatus: seen => record.change(member, changed => noteRollback(changed, seen)),
        });
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asOperatorError(thrown);
        record.message('warn', `${addressOf(member)}: ${error.message}`);
        record.change(member, changed => {
          changed.error = errorDocument(error);
        });
      }
      if (member.state !== 'rolled-back') failures += 1;
    },
    {concurrency: rollout.concurrency},
  );
  if (signal.aborted) return {status: 'paused', why: {kind: 'interrupted'}};
  if (chosen.some(({state}) => state === 'attention')) return {status: 'attention'};
  return {status: failures === 0 ? 'done' : 'failed'};
}

/** An update that was taken back as asked is no failure: its server has been rolled back. */
function noteRollback(member: StoredMember, status: UpdateStatus): void {
  noteStatus(member, status);
  if (member.state === 'aborted') member.state = 'rolled-back';
  if (member.error?.code === 'UPDATE_ABORTED') delete member.error;
}
