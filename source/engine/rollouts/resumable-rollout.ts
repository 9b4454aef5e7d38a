import {OperatorError} from '../../core/operator-error.js';
import type {StoredMember, StoredRollout} from '../../state/state.js';
import {newRunId} from '../start-run.js';

/** Whether there is a server that does not run the new version. */
export function hasMissed({members}: StoredRollout): boolean {
  return members.some(({state}) => state !== 'done');
}

/** @throws OperatorError ROLLOUT_OVER */
export function mustBeResumable(rollout: StoredRollout): void {
  const {name, status} = rollout;
  if (status !== 'planned' && status !== 'done') return;
  if (status === 'planned')
    throw new OperatorError('ROLLOUT_OVER', `The rollout ${name} has not been started.`, {
      hint: `lockstep rollout start ${name}`,
    });
  throw new OperatorError('ROLLOUT_OVER', `The rollout ${name} is done.`, {
    hint: hasMissed(rollout)
      ? `\`lockstep rollout resume ${name} --retry\` tries those servers again that failed or were rolled back.`
      : 'Create another one.',
  });
}

/** Servers that did not get the new version are to be done again, under ids that their agents do not know. */
export function tryAgain(rollout: StoredRollout): void {
  beginAnew(rollout, ['failed', 'rolled-back', 'aborted', 'attention']);
}

/** Who goes on after an abort wants what it took back too: later waves would otherwise begin without the ones before. */
export function takeBackAbort(rollout: StoredRollout): void {
  beginAnew(rollout, ['aborted']);
}

function beginAnew(rollout: StoredRollout, states: readonly StoredMember['state'][]): void {
  rollout.members = rollout.members.map(member => {
    const {server, site, wave, state} = member;
    if (!states.includes(state)) return member;
    return {server, site, wave, state: 'waiting', updateId: newRunId()};
  });
}
