import {join} from 'node:path';
import {OperatorError} from '../core/operator-error.js';
import {isRunId} from '../core/run-id.js';

/** Where the files of one run, or of one leg of a rollout, lie in the console's home. */
export type RunFiles = {
  readonly folder: string;
  /** NDJSON of its events. */
  readonly journal: string;
  /** What the runner process is asked to do. */
  readonly request: string;
  /** Its existence asks the runner to cancel. */
  readonly cancel: string;
  /** What the runner process prints, which is nothing unless it fails in a way that it does not foresee. */
  readonly log: string;
};

/** @throws OperatorError USAGE for a text that is no run id, so that it never becomes part of a path. */
export function runFiles(home: string, runId: string): RunFiles {
  return filesIn(join(home, 'runs'), runId, {what: 'run', list: '`lockstep runs list`'});
}

/** @throws OperatorError USAGE as `runFiles` */
export function rolloutFiles(home: string, rolloutId: string): RunFiles {
  return filesIn(join(home, 'rollouts'), rolloutId, {what: 'rollout', list: '`lockstep rollout list`'});
}

function filesIn(folder: string, id: string, {what, list}: {what: string; list: string}): RunFiles {
  if (!isRunId(id))
    throw new OperatorError('USAGE', `"${id.slice(0, 80)}" is not the id of a ${what}.`, {
      hint: `${list} shows them.`,
    });
  const file = (ending: string) => join(folder, `${id}.${ending}`);
  return {
    folder,
    journal: file('ndjson'),
    request: file('request.json'),
    cancel: file('cancel'),
    log: file('log'),
  };
}
