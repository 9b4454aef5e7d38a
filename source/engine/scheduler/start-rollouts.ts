import {asOperatorError} from '../../core/operator-error.js';
import type {State} from '../../state/state.js';
import type {SchedulerEvent} from '../engine.js';
import type {EngineContext} from '../engine-context.js';
import {launchRollout} from '../rollouts/launch-rollout.js';

/** Lets a rollout that was to start say why it did not: nobody may be reading what the scheduler says. */
async function noteFailure({state}: EngineContext, name: string, message: string): Promise<void> {
  await state
    .change(draft => {
      const rollout = draft.rollouts?.find(candidate => candidate.name === name);
      if (rollout === undefined || rollout.status === 'running') return;
      rollout.reason = `The scheduler could not start it: ${message}`.slice(0, 4096);
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
 * Starts the rollouts whose window opens, and goes on with those that were deferred (U1). The moment is taken back in the
 * state before the process starts, so that of two schedulers one starts it.
 */
export async function startDueRollouts(
  context: EngineContext,
  {by, dryRun, onEvent}: {by: string; dryRun: boolean; onEvent: (event: SchedulerEvent) => void},
): Promise<void> {
  const nowMs = Date.now();
  for (const {name, dueAt} of dueRollouts(await context.state.read(), nowMs)) {
    const about = {at: new Date(nowMs).toISOString(), rollout: name, due: dueAt};
    if (dryRun) {
      onEvent({type: 'scheduler.rollout-started', ...about, rolloutId: ''});
      continue;
    }
    const taken = await context.state.change(state => {
      const rollout = state.rollouts?.find(candidate => candidate.name === name);
      if (rollout?.dueAt !== dueAt) return false;
      delete rollout.dueAt;
      return true;
    });
    if (!taken) continue;
    try {
      const {rolloutId} = await launchRollout(context, name, {by});
      onEvent({type: 'scheduler.rollout-started', ...about, rolloutId});
    } catch (error) {
      const {code, message, hint} = asOperatorError(error);
      await noteFailure(context, name, message);
      onEvent({
        type: 'scheduler.rollout-failed',
        ...about,
        error: {code, message, ...(hint === undefined ? {} : {hint})},
      });
    }
  }
}
