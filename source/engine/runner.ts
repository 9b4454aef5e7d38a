import {rm} from 'node:fs/promises';
import os from 'node:os';
import {errorCodes} from '../core/error-codes.js';
import {createFaultPoint} from '../core/fault-point.js';
import {OperatorError} from '../core/operator-error.js';
import {exitCodeOf, type RunDescriptor, type RunEvent, type RunSummary} from '../core/run-event.js';
import {openJournalWriter} from '../state/journal-writer.js';
import {runFiles} from '../state/run-files.js';
import type {State} from '../state/state.js';
import {ownProcess} from '../system/process-identity.js';
import {findLive, findProfile, findRelationship, openEngineContext} from './engine-context.js';
import {heedCancel} from './heed-cancel.js';
import {sideOf} from './history/list-history.js';
import {performRestore} from './history/perform-restore.js';
import {performUndo} from './history/perform-undo.js';
import {initialSyncProfile} from './initial-sync.js';
import {performLive} from './live/run-live.js';
import {performRun, type RunResult, type RunWork} from './perform-run.js';
import {type RunJob, readRunJob} from './run-job.js';
import {createRunLog} from './run-steps/run-log.js';

/**
 * Carries a run out in this process (`lockstep __runner`), which belongs to nobody: a closed terminal or a
 * vanished SSH line does not reach it, SIGTERM cancels it cleanly (X3, E14).
 * @returns the exit status, which nobody may be there to see
 * @throws OperatorError only before the run has begun; then the journal holds nothing of it
 */
export async function executeRun(home: string, runId: string): Promise<number> {
  const files = runFiles(home, runId);
  const job = await readRunJob(home, runId);
  const context = await openEngineContext(home);
  const state = await context.state.read();
  const task = taskOf(job, state);
  const faultPoint = createFaultPoint(process.env, () => process.kill(process.pid, 'SIGKILL'));
  const cancel = new AbortController();
  const stopListening = heedCancel(files.cancel, () =>
    cancel.abort(
      new OperatorError('RUN_CANCELLED', 'The run was cancelled before it changed anything.', {
        hint: 'Run again when it suits; what was sent is not kept.',
      }),
    ),
  );
  const journal = openJournalWriter<RunEvent>(files.journal);
  const startedMs = Date.now();
  const {pid, startedAt: processStart} = ownProcess();
  journal.append({
    type: 'run.started',
    pid,
    processStart,
    host: os.hostname(),
    runId,
    kind: job.kind,
    ...task.about,
    by: job.by,
    startedAt: new Date(startedMs).toISOString(),
  });
  try {
    faultPoint('run.started');
    const log = createRunLog(journal);
    const result = await task.perform({context, runId, log, cancel, faultPoint});
    const summary: RunSummary = {runId, ...result, durationMs: Date.now() - startedMs};
    journal.append({type: 'run.finished', at: new Date().toISOString(), ...summary});
    for (const file of [files.request, files.cancel, files.log]) await rm(file, {force: true});
    return exitCodeOf(summary, code => errorCodes[code as keyof typeof errorCodes]?.exit ?? 1);
  } finally {
    stopListening();
    journal.close();
  }
}

type Task = {
  readonly about: Omit<RunDescriptor, 'runId' | 'kind' | 'by' | 'startedAt'>;
  perform(work: Pick<RunWork, 'context' | 'runId' | 'log' | 'cancel' | 'faultPoint'>): Promise<RunResult>;
};

/** What a job is about and how it is done. @throws OperatorError NOT_FOUND */
function taskOf(job: RunJob, state: State): Task {
  switch (job.kind) {
    case 'sync':
    case 'initial-sync': {
      const relationship = findRelationship(state, job.relationship);
      const profile =
        job.kind === 'initial-sync'
          ? initialSyncProfile(relationship)
          : findProfile(state, job.relationship, job.profile);
      return {
        about: {relationship: relationship.name, profile: profile.name, direction: profile.direction},
        perform: work => performRun({...work, job, relationship, profile}),
      };
    }
    case 'undo':
    case 'redo': {
      const {of, relationship, profile, direction, live} = job;
      const which = {
        ...(job.kind === 'undo' ? {undoes: of} : {redoes: of}),
        ...(live === undefined ? {} : {live}),
      };
      return {
        about: {relationship, profile, direction, ...which},
        perform: work => performUndo({...work, job}),
      };
    }
    case 'live': {
      const live = findLive(state, job.live);
      return {
        about: {relationship: '', profile: '', direction: 'bidirectional', live: live.name},
        perform: work => performLive({...work, job}, live),
      };
    }
    case 'restore': {
      const site = `${job.server}/${job.site}`;
      return {
        about: {relationship: '', profile: '', direction: 'none', site},
        perform: work => performRestore({...work, job}, sideOf(state, job)),
      };
    }
  }
}
