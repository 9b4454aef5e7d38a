import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {identityOf, moveFolder, removeFolder, unmark} from './server-folder.js';
import {done, type StepContext, type StepResult} from './step-context.js';

/** Where the version before is kept after the clean-up. @param folder of the update in the agent's data */
export const previousIn = (folder: string) => join(folder, 'previous');

/** Removes what the update needed (U11); the version before is kept where a person may want to go back to it. */
export async function cleanUp({
  request,
  progress,
  settings,
  folder,
  workFolder,
}: StepContext): Promise<StepResult> {
  const {aside} = progress.facts;
  const previous = previousIn(folder);
  let detail = 'The old folder is removed.';
  if (aside !== undefined && identityOf(aside) === progress.facts.oldIdentity) {
    let kept = false;
    if (settings.keepPrevious)
      try {
        await moveFolder(aside, previous);
        kept = true;
      } catch (error) {
        // The agent's data lies on another file system: a copy would take the room of both.
        if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      }
    if (kept)
      detail = `Version ${request.from} is kept in the data of the agent, in case one has to go back to it.`;
    else await removeFolder(aside, workFolder);
  } else if (identityOf(previous) === progress.facts.oldIdentity)
    detail = `Version ${request.from} is kept in the data of the agent, in case one has to go back to it.`;
  await unmark(request.folder);
  await rm(workFolder, {recursive: true, force: true, maxRetries: 5, retryDelay: 100});
  return done(detail, identityOf(previous) === undefined ? {} : {aside: previous});
}
