import {rm} from 'node:fs/promises';
import {OperatorError} from '../../core/operator-error.js';
import {dealWaves, parseWave} from '../../core/rollout-waves.js';
import {rolloutJournals} from '../../state/rollout-journal.js';
import {rolloutFiles} from '../../state/run-files.js';
import type {State, StoredRollout} from '../../state/state.js';
import {addressText} from '../connect-sites.js';
import type {EngineContext} from '../engine-context.js';
import {newRunId} from '../start-run.js';
import {findRollout, sitesOf} from './find-rollout.js';
import {offerRelease} from './release-offer.js';
import {type RolloutJob, writeRolloutJob} from './rollout-job.js';

/** How long a process is waited for that only gives the servers of its rollout free any more, milliseconds. */
const lastWordMs = 20_000;

/** How the process of a rollout is to begin. */
export type Launch = Partial<Pick<RolloutJob, 'kind' | 'takeOver' | 'servers' | 'by'>> & {
  /** Chosen by whoever must be able to tell later whether it began. */
  readonly rolloutId?: string;
  readonly wanted?: 'run' | 'abort';
  /** When the scheduler begins anew should no process begin now; the process takes it out once it is at work. ISO 8601. */
  readonly retryAt?: string | undefined;
  /** Changes the rollout in the same breath in which it is taken. @throws what stands against it */
  readonly prepare?: (rollout: StoredRollout, state: State) => void;
};

/**
 * Takes a rollout and starts a process for it that outlives this one; answers once it has begun. Of two who try at the
 * same time one gets it. Where no process begins, the rollout is as it was.
 * @throws OperatorError ROLLOUT_BUSY when a process is at work on it, NOT_FOUND for it or its release, CONTENT_MISMATCH for
 * another release of that name, INTERNAL when the process does not start, and what `prepare` throws
 */
export async function launchRollout(
  context: EngineContext,
  name: string,
  {
    kind = 'update',
    by = context.operator,
    takeOver,
    servers = [],
    rolloutId = newRunId(),
    wanted = 'run',
    retryAt,
    prepare,
  }: Launch,
): Promise<{rolloutId: string}> {
  const {home, state} = context;
  const files = rolloutFiles(home, rolloutId);
  const known = await state.read();
  const before = findRollout(known, name);
  if (takeOver === undefined || takeOver !== before.lockId) await mustBeIdle(home, before);
  // What stands against it is said before anything of the release.
  const trial = structuredClone(known);
  prepare?.(findRollout(trial, name), trial);
  // What is only taken back needs no release.
  if (kind === 'update' && wanted === 'run') await offerRelease(context, before.release, before.digest);
  // Before it is named in the state, so that whoever finds the name finds the journal too.
  await rolloutJournals.create(home, rolloutId);
  let untouched = before;
  try {
    const resumes = await state.change(draft => {
      const rollout = findRollout(draft, name);
      if (rollout.leg !== before.leg) throw busy(rollout);
      untouched = structuredClone(rollout);
      prepare?.(rollout, draft);
      const started = rollout.members.length > 0;
      if (!started) freeze(rollout, draft);
      // Whoever takes the rollout's own lock over leaves a process that hangs without one.
      if (rollout.lockId === undefined || rollout.lockId === takeOver) rollout.lockId = newRunId();
      if (kind === 'update') {
        rollout.wanted = wanted;
        rollout.startedBy ??= by;
        rollout.startedAt ??= new Date().toISOString();
        delete rollout.endedAt;
        delete rollout.reason;
        delete rollout.pausedFor;
        if (retryAt === undefined) delete rollout.dueAt;
        else rollout.dueAt = retryAt;
        rollout.status = 'running';
      }
      rollout.leg = rolloutId;
      rollout.legs = [...rollout.legs, rolloutId].slice(-1000);
      return started;
    });
    await writeRolloutJob(home, rolloutId, {
      kind,
      rollout: name,
      by,
      resumes,
      servers,
      ...(takeOver === undefined ? {} : {takeOver}),
    });
    await context.startDetached({
      home,
      command: '__rollout',
      id: rolloutId,
      what: 'rollout',
      files,
      async hasStarted(signal) {
        for await (const event of rolloutJournals.follow(home, rolloutId, signal))
          if (event.type === 'rollout.started') return true;
        return false;
      },
    });
  } catch (error) {
    // Where even that is not possible the rollout shows as interrupted, and can be resumed.
    await state.change(draft => giveBack(draft, untouched, rolloutId)).catch(() => {});
    for (const file of [files.journal, files.request]) await rm(file, {force: true});
    throw error;
  }
  return {rolloutId};
}

/** A rollout that no process began with is what it was: nothing of it was lost, and nobody need resume it. */
function giveBack(draft: State, untouched: StoredRollout, rolloutId: string): void {
  draft.rollouts = (draft.rollouts ?? []).map(rollout =>
    // What was ticked meanwhile stays ticked.
    rollout.leg === rolloutId ? {...untouched, items: rollout.items} : rollout,
  );
}

/**
 * A process whose rollout has stopped or ended already only gives the servers free any more, and is waited for.
 * @throws OperatorError ROLLOUT_BUSY
 */
export async function mustBeIdle(home: string, rollout: StoredRollout): Promise<void> {
  const {leg, status} = rollout;
  if (leg === undefined || !(await rolloutJournals.isAtWork(home, leg))) return;
  if (status === 'running') throw busy(rollout);
  for await (const _ of rolloutJournals.follow(home, leg, AbortSignal.timeout(lastWordMs)));
  if (await rolloutJournals.isAtWork(home, leg)) throw busy(rollout);
}

function busy({name, leg, lockId, startedBy}: StoredRollout): OperatorError {
  return new OperatorError(
    'ROLLOUT_BUSY',
    `The rollout ${name} is being carried out by process ${leg}, started by ${startedBy ?? 'somebody'}.`,
    {
      hint: `Watch it with \`lockstep rollout watch ${name}\`. If that process hangs on another machine: \`lockstep rollout resume ${name} --take-over ${lockId}\`.`,
      details: {holder: {rolloutId: leg}},
    },
  );
}

/** Settles which server is in which wave, and under which id its agent will know the update. @throws OperatorError USAGE */
function freeze(rollout: StoredRollout, state: State): void {
  const sites = sitesOf(state, rollout);
  const waves = dealWaves(
    rollout.waves.map((text, index) => parseWave(text, index + 1)),
    sites.map(addressText),
  );
  rollout.members = waves.flatMap((addresses, index) =>
    addresses.map(address => {
      const {server, site} = sites.find(candidate => addressText(candidate) === address)!;
      return {server, site, wave: index + 1, state: 'waiting' as const, updateId: newRunId()};
    }),
  );
}
