import {rm} from 'node:fs/promises';
import os from 'node:os';
import pMap from 'p-map';
import type {PauseReason} from '../../core/decide-rollout.js';
import {asOperatorError} from '../../core/operator-error.js';
import {exitCodeOfRollout, type RolloutEvent, type RolloutSummary} from '../../core/rollout-event.js';
import {pauseSentence, stopSentence} from '../../core/rollout-reason.js';
import {parseWave} from '../../core/rollout-waves.js';
import {nextAttempt, parseWindow} from '../../core/rollout-window.js';
import {openJournalWriter} from '../../state/journal-writer.js';
import {rolloutFiles} from '../../state/run-files.js';
import type {StoredRollout} from '../../state/state.js';
import {ownProcess} from '../../system/process-identity.js';
import {type EngineContext, openEngineContext} from '../engine-context.js';
import {heedCancel} from '../heed-cancel.js';
import {errorDocument} from '../run-steps/error-document.js';
import {carryOutRollout} from './carry-out-rollout.js';
import {findRollout} from './find-rollout.js';
import {serverOf} from './member-of-status.js';
import {offerRelease, type ReleaseOffer} from './release-offer.js';
import {rollBackServers} from './roll-back-servers.js';
import {type RolloutJob, readRolloutJob} from './rollout-job.js';
import {RolloutRecord} from './rollout-record.js';
import {askConcurrency, type RolloutOutcome, type RolloutWork} from './rollout-work.js';
import {ServerUpdates} from './server-updates.js';

/** How long the scheduler leaves a rollout alone whose servers somebody else holds, milliseconds. */
const busyPauseMs = 5 * 60_000;

/**
 * Carries a rollout out in this process (`lockstep __rollout`), which belongs to nobody (X3). SIGTERM lets it leave: the
 * agents go on with what they have begun, and the rollout is paused.
 * @returns the exit status, which nobody may be there to see
 * @throws OperatorError only before the rollout has begun; then its journal holds nothing of it
 */
export async function executeRollout(home: string, rolloutId: string): Promise<number> {
  const files = rolloutFiles(home, rolloutId);
  const job = await readRolloutJob(home, rolloutId);
  const context = await openEngineContext(home);
  const state = await context.state.read();
  const rollout = findRollout(state, job.rollout);
  const release = await releaseOf(context, rollout, job);
  const leave = new AbortController();
  const stopListening = heedCancel(files.cancel, () => leave.abort());
  const journal = openJournalWriter<RolloutEvent>(files.journal);
  const updates = new ServerUpdates(context, state);
  const record = new RolloutRecord({context, rolloutId, rollout, to: release.version, journal});
  const waves = rollout.waves.map((text, index) => parseWave(text, index + 1).name);
  const startedMs = Date.now();
  const {pid, startedAt: processStart} = ownProcess();
  const servers = () => record.members.map(member => serverOf(member, release.version));
  record.append({
    type: 'rollout.started',
    rolloutId,
    rollout: rollout.name,
    kind: job.kind,
    release: rollout.release,
    by: job.by,
    startedAt: new Date(startedMs).toISOString(),
    pid,
    processStart,
    host: os.hostname(),
    waves,
    servers: servers(),
  });
  const work: RolloutWork = {
    context,
    rolloutId,
    job,
    rollout,
    release,
    updates,
    record,
    signal: leave.signal,
  };
  try {
    const outcome = await outcomeOf(work);
    const {status} = outcome;
    const paused = status === 'paused' ? outcome : undefined;
    const summary: RolloutSummary = {
      rolloutId,
      rollout: rollout.name,
      kind: job.kind,
      status,
      reason:
        paused !== undefined
          ? pauseSentence(paused.why, rollout.name, waves)
          : sentenceOf(work, status as Exclude<typeof status, 'paused'>),
      ...(paused === undefined ? {} : {why: paused.why}),
      ...(paused?.error === undefined ? {} : {error: paused.error}),
      servers: servers(),
      durationMs: Date.now() - startedMs,
    };
    await record.settle(draft => noteEnd(draft, job, summary));
    if (givesServersFree(outcome)) await unlockAll(work);
    record.append({type: 'rollout.finished', at: new Date().toISOString(), ...summary});
    for (const file of [files.request, files.cancel, files.log]) await rm(file, {force: true});
    return exitCodeOfRollout(summary);
  } finally {
    stopListening();
    updates.close();
    journal.close();
  }
}

/** What is only taken back needs nothing of the release, which the console may not know any more. */
async function releaseOf(
  context: EngineContext,
  {release, version, digest, wanted}: StoredRollout,
  {kind}: RolloutJob,
): Promise<ReleaseOffer> {
  const open = () => offerRelease(context, release, digest);
  if (kind === 'update' && wanted === 'run') return await open();
  return {
    version,
    digest,
    offer: async to => (await open()).offer(to),
    bring: async to => (await open()).bring(to),
  };
}

/** What goes wrong with the process itself pauses the rollout: the agents are not touched by it. */
async function outcomeOf(work: RolloutWork): Promise<RolloutOutcome> {
  try {
    return await (work.job.kind === 'rollback' ? rollBackServers(work) : carryOutRollout(work));
  } catch (thrown) {
    return {
      status: 'paused',
      why: {kind: 'interrupted'},
      error: errorDocument(asOperatorError(thrown)),
    };
  }
}

function sentenceOf(
  {job, record, rollout, release}: RolloutWork,
  status: 'done' | 'failed' | 'aborted' | 'attention',
): string {
  const servers = record.members.map(member => serverOf(member, release.version));
  if (job.kind === 'update') return stopSentence(status, servers, rollout);
  switch (status) {
    case 'done':
      return 'The version before runs again.';
    case 'attention':
      return stopSentence(status, servers, rollout);
    default:
      return 'Some servers could not be rolled back; they are as they were.';
  }
}

function noteEnd(
  rollout: StoredRollout,
  job: RolloutJob,
  {status, why, reason, servers}: RolloutSummary,
): void {
  if (job.kind === 'rollback') {
    if (status === 'attention') Object.assign(rollout, {status, reason: reason.slice(0, 4096)});
    // One that was done is so no more but for the servers that were brought back.
    else if (rollout.status === 'done')
      rollout.reason = stopSentence('done', servers, rollout).slice(0, 4096);
    return;
  }
  rollout.status = status;
  rollout.reason = reason.slice(0, 4096);
  if (why !== undefined) rollout.pausedFor = {kind: why.kind, ...('wave' in why ? {wave: why.wave} : {})};
  if (status !== 'paused') rollout.endedAt = new Date().toISOString();
  const goesOnMs = why === undefined ? undefined : goesOnAt(rollout, why);
  if (goesOnMs !== undefined) rollout.dueAt = new Date(goesOnMs).toISOString();
}

/** When the scheduler goes on with a rollout that is paused; undefined when that is a person's to do. */
function goesOnAt({scheduled, window}: StoredRollout, why: PauseReason): number | undefined {
  if (!scheduled || window === undefined) return undefined;
  if (why.kind === 'window') return why.opensMs;
  // Nobody may be there to see that the others are done.
  return why.kind === 'busy' ? nextAttempt(parseWindow(window), Date.now(), busyPauseMs) : undefined;
}
/**
 * Whether others may work on the servers from now on. One that is paused between its waves keeps them; one that waits for
 * its next window, or for somebody else, can do nothing with them and takes them anew when it goes on.
 */
function givesServersFree(outcome: RolloutOutcome): boolean {
  return outcome.status !== 'paused' || outcome.why.kind === 'window' || outcome.why.kind === 'busy';
}

/** Who cannot be told keeps the lock; another rollout can take it over. */
async function unlockAll({rollout, record, updates}: RolloutWork): Promise<void> {
  const lockId = rollout.lockId!;
  await pMap(record.members, member => updates.unlock(member, lockId).catch(() => {}), {
    concurrency: askConcurrency,
  });
}
