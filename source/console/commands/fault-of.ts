import {errorCodes} from '../../core/error-codes.js';
import {asOperatorError} from '../../core/operator-error.js';
import type {Command} from '../command.js';
import type {ConsoleEvent} from '../events.js';
import type {Fault} from '../shared-data.js';
import {notDone} from './rollouts.js';

/** What a screen says of an error; without a hint of its own it gets the remedy that its code has in general. */
export function faultOf(error: unknown): Fault {
  const {code, message, hint = errorCodes[code].remedy} = asOperatorError(error);
  return {code, message, hint};
}

/** Who is to be told of a fault: the screen that asked, the shared data, or the message line. */
export function failureOf(command: Command, fault: Fault): ConsoleEvent | undefined {
  switch (command.type) {
    case 'load':
      return {type: 'load-failed', what: command.what, fault};
    case 'check':
      return {type: 'check-failed', server: command.server, fault};
    case 'show-item':
      return {
        type: 'answer',
        screen: command.screen,
        answer: {kind: 'item-fault', actionId: command.actionId, fault},
      };
    case 'save-plan':
      return {type: 'failed', doing: 'The plan is not saved', fault};
    case 'review-collisions':
      return {type: 'failed', doing: 'Not reviewed', fault};
    case 'save-settings':
      return {type: 'failed', doing: 'Not saved', fault};
    case 'delete-plans':
    case 'remove-server':
    case 'delete-cluster':
    case 'delete-live':
    case 'delete-relationship':
    case 'delete-profile':
      return {type: 'failed', doing: 'Not deleted', fault};
    case 'update-agent':
      return {type: 'failed', doing: 'Not updated', fault};
    case 'revoke-peer':
      return {type: 'failed', doing: 'Not revoked', fault};
    case 'regenerate-identity':
      return {type: 'failed', doing: 'No new keys', fault};
    case 'run-plan':
    case 'run-live':
    case 'start-run':
    case 'undo-run':
    case 'restore':
      return {type: 'failed', doing: 'Not started', fault};
    case 'cancel-run':
      return {type: 'failed', doing: 'Not cancelled', fault};
    case 'read-packages':
      return {type: 'packages-failed', address: command.address, fault};
    case 'rebuild-package':
    case 'remove-package-files':
      return {type: 'failed', doing: 'Not written anew', fault};
    case 'delete-package':
    case 'delete-download-file':
      return {type: 'failed', doing: 'Not deleted', fault};
    case 'act-on-rollout':
      return command.act.kind === 'resume' && command.act.takeOver !== undefined
        ? {type: 'answer', screen: command.screen, answer: {kind: 'fault', fault}}
        : {type: 'failed', doing: notDone(command.act), fault};
    case 'tick-rollout':
      return {type: 'failed', doing: 'Not ticked', fault};
    case 'delete-rollout':
    case 'delete-release':
      return {type: 'failed', doing: 'Not deleted', fault};
    case 'export-checklist':
      return {type: 'failed', doing: 'Not written', fault};
    case 'describe':
    case 'stop':
    case 'suspend':
      return undefined;
    default:
      return {type: 'answer', screen: command.screen, answer: {kind: 'fault', fault}};
  }
}
