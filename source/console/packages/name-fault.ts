import {nameProblem} from '../../core/package.js';

/** Why a text is no name for a package or file, in the words of a form. */
export function nameFault(name: string): string | undefined {
  const problem = nameProblem(name);
  return problem === undefined ? undefined : `a name ${problem}`;
}
