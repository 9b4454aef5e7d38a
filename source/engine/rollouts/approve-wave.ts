import {OperatorError} from '../../core/operator-error.js';
import type {State, StoredRollout} from '../../state/state.js';

/**
 * Notes an approval, in a draft of the state (U16). The name is what the operator's system says; the state file belongs to
 * whoever can write it, so this is a record among colleagues and no protection against its owner.
 * @param wave the one that is meant, to be sure; the one that waits when absent
 * @param by `user@host`
 * @throws OperatorError USAGE when no gate waits, ROLE_REFUSED
 */
export function approveWave(
  state: State,
  rollout: StoredRollout,
  {wave, by, at}: {wave: number | undefined; by: string; at: string},
): number {
  const {name, pausedFor, status, approvers, fourEyes, createdBy, startedBy} = rollout;
  const waiting = status === 'paused' && pausedFor?.kind === 'gate' ? pausedFor.wave : undefined;
  if (waiting === undefined)
    throw new OperatorError('USAGE', `No gate of ${name} waits for an approval.`, {
      hint: `\`lockstep rollout show ${name}\` shows how it stands.`,
    });
  if (wave !== undefined && wave !== waiting)
    throw new OperatorError('USAGE', `Wave ${waiting} waits for an approval, not wave ${wave}.`, {
      hint: `lockstep rollout approve ${name} --wave ${waiting}`,
    });
  const user = by.split('@')[0];
  if (approvers.length > 0 && !approvers.some(approver => approver === by || approver === user))
    throw new OperatorError('ROLE_REFUSED', `${by} may not approve ${name}.`, {
      hint: `These may: ${approvers.join(', ')}.`,
    });
  if (fourEyes && (by === createdBy || by === startedBy))
    throw new OperatorError(
      'ROLE_REFUSED',
      `${by} created or started ${name}; somebody else has to approve.`,
      {
        hint: 'The rollout was created with --four-eyes.',
      },
    );
  const onlyLooks = rollout.members.find(
    member =>
      member.wave === waiting &&
      state.servers.find(({name: known}) => known === member.server)?.role === 'view',
  );
  if (onlyLooks !== undefined)
    throw new OperatorError(
      'ROLE_REFUSED',
      `This console may only look at ${onlyLooks.server} (role view).`,
      {
        hint: `To approve, pair again with an invitation of the role operate or admin. If its role was changed there: lockstep server check ${onlyLooks.server}`,
      },
    );
  rollout.approvals.push({wave: waiting, by, at});
  return waiting;
}
