import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import {nextAttempt, parseWindow} from '../../core/rollout-window.js';
import type {State, StoredRollout} from '../../state/state.js';
import type {SchedulerEvent} from '../engine.js';
import type {EngineContext} from '../engine-context.js';
import {findRollout} from '../rollouts/find-rollout.js';
import {launchRollout} from '../rollouts/launch-rollout.js';

/** How long after a start that failed it is tried again while the window is open, milliseconds. */
const retryMs = 60_000;

/** When the scheduler tries again what it could not start now; undefined when the window does not open any more. */
function retryOf({window}: Pick<StoredRollout, 'window'>, nowMs: number): string | undefined {
  const atMs = window === undefined ? undefined : nextAttempt(parseWindow(window), nowMs, retryMs);
  return atMs === undefined ? undefined : new Date(atMs).toISOString();
}

/** Lets a rollout that was to start say why it did not, and when that is tried again: nobody may be reading what the scheduler says. */
async function noteFailure(
  {state}: EngineContext,
  {name, message, retryAt}: {name: string; message: string; retryAt: string | undefined},
): Promise<void> {
  await state
    .change(draft => {
      const rollout = draft.rollouts?.find(candidate => candidate.name === name);
      if (rollout === undefined || rollout.status === 'running') return;
      if (retryAt === undefined) delete rollout.dueAt;
      else rollout.dueAt = retryAt;
      const next =
        retryAt === undefined ? 'Its window does not open any more.' : `It tries again at ${retryAt}.`;
      rollout.reason = `${`The scheduler could not start it: ${message}`.slice(0, 4000)} ${next}`;
    })
    .catch(() => {});
}

/** The rollouts that the scheduler is to start now, or should have started (U1). @param nowMs epoch milliseconds */
export function dueRollouts({rollouts = []}: State, nowMs: number): {name: string; dueAt: string}[] {
  return rollouts.flatMap(({name, dueAt}) =>
    dueAt === undefined || Date.parse(dueAt) > nowMs ? [] : [{name, dueAt}],
  );
}

/**
 * Starts the rollouts whose window opens, and goes on with those that were deferred (U1). The moment is taken in the state
 * in the same breath as the rollout, so that of two schedulers one starts it. The next attempt stands in its place until a
 * process is at work: a start that fails, or whose scheduler dies, is tried again in the same window.
 */
export async function startDueRollouts(
  context: EngineContext,
  {by, dryRun, onEvent}: {by: string; dryRun: boolean; onEvent: (event: SchedulerEvent) => void},
): Promise<void> {
  const nowMs = Date.now();
  const state = await context.state.read();
  for (const {name, dueAt} of dueRollouts(state, nowMs)) {
    const about = {at: new Date(nowMs).toISOString(), rollout: name, due: dueAt};
    if (dryRun) {
      onEvent({type: 'scheduler.rollout-started', ...about, rolloutId: ''});
      continue;
    }
    const retryAt = retryOf(findRollout(state, name), nowMs);
    try {
      const {rolloutId} = await launchRollout(context, name, {
        by,
        retryAt,
        prepare(rollout) {
          if (rollout.dueAt !== dueAt)
            throw new OperatorError('ROLLOUT_BUSY', `Another scheduler has begun ${name}.`);
        },
      });
      onEvent({type: 'scheduler.rollout-started', ...about, rolloutId});
    } catch (error) {
      const {code, message, hint} = asOperatorError(error);
      // Somebody else began it, which is all that was wanted.
      if (code === 'ROLLOUT_BUSY') continue;
      await noteFailure(context, {name, message, retryAt});
      onEvent({
        type: 'scheduler.rollout-failed',
        ...about,
        error: {code, message, ...(hint === undefined ? {} : {hint})},
      });
    }
  }
}
