import type {OperatorError} from '../../core/operator-error.js';
import type {RunSummary} from '../../core/run-event.js';

/** An error as a run's summary carries it. */
export function errorDocument({code, message, hint}: OperatorError): NonNullable<RunSummary['error']> {
  return {code, message, ...(hint === undefined ? {} : {hint})};
}
