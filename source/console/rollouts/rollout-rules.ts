import {durationMs} from '../../core/duration.js';
import {asOperatorError} from '../../core/operator-error.js';
import {dealWaves, parseWave} from '../../core/rollout-waves.js';
import {parseWindow} from '../../core/rollout-window.js';
import {splitNames} from '../profile-rules.js';

/** What an operator has typed into a rollout's fields. */
export type RolloutInput = {
  readonly name: string;
  readonly release: string;
  /** As operators write them: those marked, or those of the cluster. */
  readonly servers: readonly string[];
  readonly waves: string;
  readonly gates: string;
  readonly items: string;
  readonly failuresAllowed: string;
  readonly concurrency: string;
  readonly bake: string;
  readonly patience: string;
  readonly window: string;
  readonly scheduled: boolean;
  readonly mailTo: string;
};

/** Parts of a field that takes several texts, which may hold commas. */
export function splitParts(text: string): string[] {
  return text
    .split(';')
    .map(part => part.trim())
    .filter(part => part !== '');
}

/** The servers of each wave by its name, or why the waves cannot be dealt. */
export function dealtWaves(
  waves: string,
  servers: readonly string[],
):
  | {readonly waves: readonly (readonly [name: string, servers: readonly string[]])[]}
  | {readonly problem: string} {
  try {
    const parsed = splitParts(waves).map((text, index) => parseWave(text, index + 1));
    if (parsed.length === 0) return {problem: 'at least one wave, such as rest'};
    const dealt = dealWaves(parsed, servers);
    return {waves: parsed.map(({name}, index) => [name, dealt[index]!] as const)};
  } catch (error) {
    return {problem: messageOf(error)};
  }
}

/** Waves with a gate: their numbers, or every one but the first. @returns undefined for any other text */
export function gatesIn(text: string, waves: number): readonly number[] | undefined {
  if (text === 'every') return Array.from({length: Math.max(0, waves - 1)}, (_, index) => index + 2);
  const numbers = splitNames(text).map(Number);
  return numbers.every(number => Number.isInteger(number) && number >= 1 && number <= waves)
    ? numbers
    : undefined;
}

/** Items of the checklist: `2=smoke test` lets wave 2 wait until it is ticked. */
export function itemsIn(text: string): readonly {readonly text: string; readonly before?: number}[] {
  return splitParts(text).map(part => {
    const [, wave, rest] = /^(\d{1,4})=(.+)$/s.exec(part) ?? [];
    return wave === undefined ? {text: part} : {text: rest!.trim(), before: Number(wave)};
  });
}

/** Why fields of a rollout cannot be saved as they are, by name of the field. @param taken names in use */
export function rolloutProblems(input: RolloutInput, taken: readonly string[]): Record<string, string> {
  const problems: Record<string, string> = {};
  if (input.name === '') problems.name = 'a name is needed';
  else if (input.name.includes('/')) problems.name = 'a name has no slash';
  else if (taken.includes(input.name)) problems.name = `there is already a rollout ${input.name}`;
  if (input.release === '') problems.release = 'a release is needed; : releases adds one';
  if (input.servers.length === 0) problems.servers = 'mark at least one site with Space';
  else {
    const dealt = dealtWaves(input.waves, input.servers);
    if ('problem' in dealt) problems.waves = dealt.problem;
  }
  const waves = splitParts(input.waves).length;
  if (gatesIn(input.gates, waves) === undefined)
    problems.gates = `numbers of waves from 1 to ${waves}, or every; empty for none`;
  const late = itemsIn(input.items).find(({before = 1}) => before < 1 || before > waves);
  if (late !== undefined)
    problems.items = `there is no wave ${late.before} that could wait for "${late.text}"`;
  if (!isCount(input.failuresAllowed, 0, 10_000)) problems.failures = 'a number, 0 or more';
  if (!isCount(input.concurrency, 1, 256)) problems.concurrency = 'a number from 1 to 256';
  if (input.bake !== '' && durationMs(input.bake) === undefined)
    problems.bake = 'a duration such as 15m; empty for none';
  if (durationMs(input.patience) === undefined) problems.patience = 'a duration such as 1m';
  const window = windowProblem(input.window);
  if (window !== undefined) problems.window = window;
  else if (input.scheduled && input.window === '')
    problems.window = 'what the scheduler starts needs a window';
  if (input.mailTo !== '' && !/^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(input.mailTo))
    problems.mail = 'one address, such as ops@example.com';
  return problems;
}

function windowProblem(text: string): string | undefined {
  if (text === '') return undefined;
  try {
    parseWindow(text);
    return undefined;
  } catch (error) {
    return `${messageOf(error)} Such as sat 22:00-23:30 Europe/Berlin, or daily 22:00-02:00 UTC.`;
  }
}

function messageOf(error: unknown): string {
  const {message, hint} = asOperatorError(error);
  return hint === undefined ? message : `${message} ${hint}`;
}

function isCount(text: string, least: number, most: number): boolean {
  return /^\d{1,6}$/.test(text) && Number(text) >= least && Number(text) <= most;
}
