import {randomBytes} from 'node:crypto';
import path from 'node:path';
import {OperatorError} from '../core/operator-error.js';
import {formatRunId, runIdRandomBytes} from '../core/run-id.js';
import {parseSelected} from '../core/selection.js';
import {runFiles} from '../state/run-files.js';
import {createJournal, followJournal} from '../state/run-journal.js';
import type {RunRequest} from './engine.js';
import {type EngineContext, findProfile, findRelationship} from './engine-context.js';
import {loadPlan} from './plan-file.js';
import {type RunJob, writeRunJob} from './run-job.js';
import {createPreviews} from './take-preview.js';

/**
 * Starts a run in a process of its own that outlives this one (X3) and answers once it has begun.
 * @param unattended what the scheduler says that nobody else does: an id of its choice, its name, its patience
 * @throws OperatorError NOT_FOUND and USAGE for what can be known before, INTERNAL when the process does not start.
 */
export async function startRun(
  context: EngineContext,
  request: RunRequest,
  unattended: {runId?: string; by?: string; patienceMs?: number} = {},
): Promise<{runId: string}> {
  await checkRequest(context, request);
  const {runId, by = context.operator, patienceMs} = unattended;
  return await launchRun(
    context,
    {
      kind: request.kind,
      relationship: request.relationship,
      profile: request.profile,
      by,
      ...(request.planFile === undefined ? {} : {planFile: path.resolve(request.planFile)}),
      ...(request.maxDelete === undefined ? {} : {maxDelete: request.maxDelete}),
      force: request.force ?? false,
      verify: request.verify ?? false,
      ...(request.backup === undefined ? {} : {backup: request.backup}),
      ...(request.select === undefined ? {} : {select: [...request.select]}),
      ...(patienceMs === undefined ? {} : {patienceMs}),
    },
    runId,
  );
}

/** Launches a job and answers once it has begun. @throws OperatorError INTERNAL */
export async function launchRun(
  {home, startDetached}: EngineContext,
  job: RunJob,
  runId = newRunId(),
): Promise<{runId: string}> {
  await createJournal(home, runId);
  await writeRunJob(home, runId, job);
  await startDetached({
    home,
    command: '__runner',
    id: runId,
    what: 'run',
    files: runFiles(home, runId),
    hasStarted: signal => hasStarted(home, runId, signal),
  });
  return {runId};
}

export function newRunId(): string {
  return formatRunId(Date.now(), randomBytes(runIdRandomBytes));
}

async function checkRequest(context: EngineContext, request: RunRequest): Promise<void> {
  const state = await context.state.read();
  const {relationship, profile} = request;
  findRelationship(state, relationship);
  if (request.kind === 'sync') findProfile(state, relationship, profile);
  if (request.select !== undefined) await checkSelection(context, request, request.select);
  if (request.planFile === undefined) return;
  const saved = await loadPlan(request.planFile);
  if (saved.relationship !== relationship || saved.profile !== profile)
    throw new OperatorError(
      'USAGE',
      `The plan was made for ${saved.relationship}/${saved.profile}, not for ${relationship}/${profile}.`,
      {hint: `lockstep run ${saved.relationship}/${saved.profile} --plan ${request.planFile}`},
    );
}

/**
 * What is selected must be there; that is a mistake of whoever typed it and no run that failed. Whatever else stands
 * against the run it finds out by itself, and says so in its log.
 */
async function checkSelection(
  context: EngineContext,
  {relationship, profile}: RunRequest,
  select: readonly string[],
): Promise<void> {
  select.map(parseSelected);
  try {
    await createPreviews(context).preview(relationship, profile, {select});
  } catch (error) {
    if (error instanceof OperatorError && error.code === 'USAGE') throw error;
  }
}

async function hasStarted(home: string, runId: string, signal: AbortSignal): Promise<boolean> {
  for await (const event of followJournal(home, runId, signal)) if (event.type === 'run.started') return true;
  return false;
}
