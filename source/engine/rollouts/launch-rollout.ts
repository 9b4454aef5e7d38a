import {rm} from 'node:fs/promises';
import {OperatorError} from '../../core/operator-error.js';
import {dealWaves, parseWave} from '../../core/rollout-waves.js';
import {rolloutJournals} from '../../state/rollout-journal.js';
import {rolloutFiles} from '../../state/run-files.js';
import type {State, StoredRollout} from '../../state/state.js';
import {addressText} from '../connect-sites.js';
import type {EngineContext} from '../engine-context.js';
import {spawnDetached} from '../spawn-detached.js';
import {newRunId} from '../start-run.js';
import {findRollout, sitesOf} from './find-rollout.js';
import {type RolloutJob, writeRolloutJob} from './rollout-job.js';

/** How the process of a rollout is to begin. */
export type Launch = Partial<Pick<RolloutJob, 'kind' | 'takeOver' | 'servers' | 'by'>> & {
  /** Chosen by whoever must be able to tell later whether it began. */
  readonly rolloutId?: string;
  readonly wanted?: 'run' | 'abort';
  /** Changes the rollout in the same breath in which it is taken. @throws what stands against it */
  readonly prepare?: (rollout: StoredRollout, state: State) => void;
};

/**
 * Takes a rollout and starts a process for it that outlives this one; answers once it has begun. Of two who try at the
 * same time one gets it.
 * @throws OperatorError ROLLOUT_BUSY when a process is at work on it, NOT_FOUND, and what `prepare` throws
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
    prepare,
  }: Launch,
): Promise<{rolloutId: string}> {
  const {home, state} = context;
  const files = rolloutFiles(home, rolloutId);
  const before = findRollout(await state.read(), name);
  if (takeOver === undefined || takeOver !== before.lockId) await mustBeIdle(home, before);
  // Before it is named in the state, so that whoever finds the name finds the journal too.
  await rolloutJournals.create(home, rolloutId);
  try {
    const resumes = await state.change(draft => {
      const rollout = findRollout(draft, name);
      if (rollout.leg !== before.leg) throw busy(rollout);
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
        delete rollout.dueAt;
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
  } catch (error) {
    await rm(files.journal, {force: true});
    throw error;
  }
  await spawnDetached({
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
  return {rolloutId};
}

/** @throws OperatorError ROLLOUT_BUSY */
export async function mustBeIdle(home: string, rollout: StoredRollout): Promise<void> {
  if (rollout.leg !== undefined && (await rolloutJournals.isAtWork(home, rollout.leg))) throw busy(rollout);
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
