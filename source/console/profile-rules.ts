import {scheduleProblem} from './schedule-fields.js';

/** What an operator has typed into a profile's fields. */
export type ProfileInput = {
  readonly name: string;
  readonly items: readonly string[];
  readonly filter: 'none' | 'only' | 'exclude';
  readonly patterns: string;
  readonly maxDelete: string;
  readonly schedule: string;
};

/** Why fields of a profile cannot be saved as they are, by name of the field. @param taken names in use */
export function profileProblems(input: ProfileInput, taken: readonly string[]): Record<string, string> {
  const problems: Record<string, string> = {};
  if (input.name === '') problems.name = 'a profile needs a name';
  else if (input.name.includes('/')) problems.name = 'a name has no slash';
  else if (taken.includes(input.name)) problems.name = 'this relationship already has a profile of that name';
  if (input.items.length === 0) problems.items = 'choose at least one with Space';
  if (input.filter !== 'none' && input.patterns.replaceAll(',', '').trim() === '') {
    problems.patterns = 'at least one pattern, separated by commas';
  }
  const share = /^(\d{1,3}(?:\.\d+)?)\s*%?$/.exec(input.maxDelete);
  if (share === null || Number(share[1]) > 100) problems.maxDelete = 'a share from 0% to 100%';
  const schedule = scheduleProblem(input.schedule);
  if (schedule !== undefined) problems.schedule = schedule;
  return problems;
}

/** What a field with commas names. */
export function splitNames(text: string): string[] {
  return text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '');
}
