import {asOperatorError} from '../../../core/operator-error.js';
import type {UpdateCheck} from '../../../core/update-status.js';

/** What a preflight has found so far, good and bad. */
export type Findings = {
  readonly checks: readonly UpdateCheck[];
  /** @param remedy what a person does about it */
  add(name: string, outcome: UpdateCheck['outcome'], message: string, remedy?: string): void;
  /** Does a check that may itself fail; then that is what was found. @param remedy where the error knows none */
  attempt<T>(name: string, remedy: string, work: () => Promise<T>): Promise<T | undefined>;
};

export function collectFindings(): Findings {
  const checks: UpdateCheck[] = [];
  const add: Findings['add'] = (name, outcome, message, remedy) => {
    checks.push({name, outcome, message, ...(remedy === undefined ? {} : {remedy})});
  };
  return {
    checks,
    add,
    async attempt(name, remedy, work) {
      try {
        return await work();
      } catch (error) {
        const known = asOperatorError(error);
        add(name, 'failed', known.message, known.code === 'INTERNAL' ? remedy : (known.hint ?? remedy));
        return undefined;
      }
    },
  };
}
