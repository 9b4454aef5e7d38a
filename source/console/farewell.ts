import {isRunning, runningRuns} from './describe.js';
import type {Model} from './model.js';
import {rolloutsAtWork} from './rollouts/describe-rollout.js';

/**
 * What is said when the console is left: runs and rollouts go on, and how to see them again; nothing when there are none.
 * @param startedLast a run that may be so new that the list does not have it
 */
export function farewell(model: Model, startedLast?: string): string {
  const over = (model.data.runs.value ?? []).filter(run => !isRunning(run)).map(({runId}) => runId);
  const begun = startedLast === undefined || over.includes(startedLast) ? [] : [startedLast];
  const runs = [...new Set([...runningRuns(model).map(({runId}) => runId), ...begun])];
  const rollouts = rolloutsAtWork(model).map(({name}) => name);
  return `${goingOn('Run', 'runs', runs)}${goingOn('Rollout', 'rollout', rollouts)}`;
}

function goingOn(what: string, noun: string, names: readonly string[]): string {
  const [first, ...more] = names;
  if (first === undefined) return '';
  return more.length === 0
    ? `${what} ${first} continues. \`lockstep ${noun} watch ${first}\` or the console attaches to it again.\n`
    : `${names.length} ${what.toLowerCase()}s continue. \`lockstep ${noun} list\` names them; the console attaches to them again.\n`;
}
