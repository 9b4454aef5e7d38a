import type {UpdateFacts} from '../../core/update-journal.js';
import type {UpdateStepName} from '../../core/update-steps.js';
import {nextFree} from './server-folder.js';
import type {StepContext} from './step-context.js';

/** What is noted with the entry that begins a step, before its effect. */
export async function factsBefore(
  step: UpdateStepName,
  {request, progress, settings, now}: Pick<StepContext, 'request' | 'progress' | 'settings' | 'now'>,
): Promise<UpdateFacts | undefined> {
  if (step === 'swap-old' && progress.facts.aside === undefined)
    return {aside: await nextFree(request.folder, 'old')};
  if (step === 'rollback-new') return {failed: await nextFree(request.folder, 'failed')};
  // A repetition after a crash does not grant the time once more.
  if ((step === 'drain' || step === 'rollback-drain') && progress.facts.sessionsEndAt === undefined)
    return {drained: true, sessionsEndAt: new Date(now() + settings.graceMs).toISOString()};
  return undefined;
}
