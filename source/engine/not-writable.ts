import {OperatorError} from '../core/operator-error.js';

/** USAGE for a file of this machine that an operator named and that cannot be written. @param cause what the system said */
export function notWritable(file: string, cause: unknown): OperatorError {
  return new OperatorError('USAGE', `${file} cannot be written: ${(cause as Error).message}`, {
    hint: 'Name a file in a folder that exists and can be written.',
    cause,
  });
}
