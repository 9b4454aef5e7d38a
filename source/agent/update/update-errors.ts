import {type ErrorDocument, OperatorError} from '../../core/operator-error.js';
import type {UpdateProgress} from '../../core/update-journal.js';
import type {UpdateRequest} from './update-request.js';

/** Why an update ends that an operator aborted. */
export const abortedBy = (by: string) => new OperatorError('UPDATE_ABORTED', `${by} aborted the update.`);

/** Why an update is taken back that an operator does not want any more. */
export const takenBackBy = (by: string) => new OperatorError('UPDATE_ABORTED', `${by} took the update back.`);

/** Why an abort comes too late. */
export function notAbortable({id, to}: UpdateRequest, {endedAt, track}: UpdateProgress): OperatorError {
  return new OperatorError(
    'UPDATE_NOT_ABORTABLE',
    endedAt !== undefined
      ? `Update ${id} has ended already.`
      : track === 'forward'
        ? `Update ${id} has decided for version ${to} already.`
        : `Update ${id} is being taken back already.`,
    {hint: 'Wait for its end. Going back afterwards is `lockstep rollout rollback`.'},
  );
}

/** Why an update is taken back that was interrupted. */
export function interruption(reason: string): OperatorError {
  return new OperatorError('UPDATE_INTERRUPTED', `The agent ended in the middle of the update; ${reason}.`, {
    hint: 'The old version runs. Start the update again.',
  });
}

/** Why a person has to look after a restart. @param kept the folder of the update in the agent's data */
export function leftAlone(reason: string, {folder}: UpdateRequest, kept: string): OperatorError {
  return new OperatorError('UPDATE_ATTENTION', `After a restart of the agent, ${reason}.`, {
    hint: `Nothing was touched. Look at ${folder} and the folders beside it; the journal is in ${kept}.`,
  });
}

/** What a person is called for, told with what had led to it. */
export function attention(thrown: OperatorError, {error: because, track}: UpdateProgress): ErrorDocument {
  const {message, ...document} = thrown.toDocument();
  const what =
    thrown.code === 'UPDATE_ATTENTION'
      ? message
      : `The update was to be taken back, and that failed: ${message}`;
  return {
    ...document,
    code: 'UPDATE_ATTENTION',
    message:
      because !== undefined && track === 'rollback'
        ? `${what} It was taken back because: ${because.message}`
        : what,
  };
}
