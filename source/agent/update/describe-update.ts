import {abortRuleOf, currentStep} from '../../core/update-journal.js';
import {nextStepOf} from '../../core/update-mail.js';
import type {UpdateEvent, UpdateStatus} from '../../core/update-status.js';
import {previousIn} from './clean-up.js';
import {identityOf} from './server-folder.js';
import type {UpdateRun} from './update-run.js';
import type {UpdateSubject} from './update-subject.js';

/** How an update stands, for whoever asks. @param isMailWaiting whether its mail is in the outbox still */
export function describeUpdate(site: UpdateSubject, run: UpdateRun, isMailWaiting: boolean): UpdateStatus {
  const {request, progress} = run;
  const obstacle = obstacleToRollBack(site, run);
  const nextStep = nextStepOf({state: progress.state, progress, folder: request.folder});
  const told = progress.steps.find(({step}) => step === 'notify')?.state === 'done';
  return {
    id: request.id,
    site: request.site,
    state: progress.state,
    step: currentStep(progress),
    track: progress.track,
    from: request.from,
    to: request.to,
    by: request.by,
    ...(request.rolloutId === undefined ? {} : {rolloutId: request.rolloutId}),
    startedAt: request.createdAt,
    ...(progress.endedAt === undefined ? {} : {endedAt: progress.endedAt}),
    steps: progress.steps,
    ...(run.usersLeft === undefined ? {} : {usersLeft: run.usersLeft}),
    ...(run.bytes === undefined ? {} : {progress: run.bytes}),
    ...(progress.error === undefined ? {} : {error: progress.error}),
    warnings: [
      ...progress.warnings,
      ...(run.obstacle === undefined ? [] : [`It cannot go on, and tries again: ${run.obstacle}`]),
    ],
    ...(nextStep === undefined ? {} : {nextStep}),
    committed: progress.committed,
    abort: abortRuleOf(progress),
    canRollBack: obstacle === undefined,
    ...(obstacle === undefined ? {} : {cannotRollBack: obstacle}),
    mail: isMailWaiting ? 'waiting' : told ? 'sent' : 'none',
  };
}

/** Why a person cannot go back to the version before; undefined when nothing stands against it. */
export function obstacleToRollBack(
  site: UpdateSubject,
  {progress, request, folder}: UpdateRun,
): string | undefined {
  if (progress.state !== 'done')
    return progress.endedAt === undefined ? 'it is still in progress' : 'it did not end with the new version';
  if (identityOf(previousIn(folder)) === undefined || progress.facts.aside === undefined)
    return `version ${request.from} is not kept any more`;
  if (identityOf(request.folder) !== progress.facts.newIdentity)
    return `${request.folder} is not what the update put there`;
  if (site.version !== request.to) return `the site runs version ${site.version} meanwhile`;
  if (progress.migrating && progress.facts.backup === undefined)
    return 'the data was migrated, and there is no backup of it';
  return undefined;
}

/** Entries of the journal of an update. @param after the number of the last one that is known already */
export function eventsOf({lines}: UpdateRun, after: number, limit: number): UpdateEvent[] {
  return lines.slice(after, after + limit).map(line => ({
    seq: line.seq,
    at: line.at,
    step: line.step,
    type: line.type === 'abort' ? 'note' : line.type,
    ...(line.type === 'abort' ? {detail: `${line.by} asked for an abort.`} : {}),
    ...('detail' in line && line.detail !== undefined ? {detail: line.detail} : {}),
    ...('error' in line && line.error !== undefined ? {error: line.error} : {}),
  }));
}
