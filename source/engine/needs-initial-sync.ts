import {OperatorError} from '../core/operator-error.js';

/**
 * Why rows cannot travel yet: neither database was made from the other.
 * @param relationship empty for what is part of none, such as a live sync
 * @param detail what differs, to end the sentence with
 */
export function needsInitialSync(relationship: string, detail = ''): OperatorError {
  return new OperatorError(
    'NEEDS_INITIAL_SYNC',
    `The two databases do not stem from one initial sync${detail}.`,
    {
      hint: `Start with \`lockstep relationship initial-sync ${relationship || 'NAME'} --yes\`; it overwrites the destination.`,
    },
  );
}
