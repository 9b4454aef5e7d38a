import {rm} from 'node:fs/promises';
import {OperatorError} from '../../core/operator-error.js';
import type {UpdateStepName} from '../../core/update-steps.js';
import {drain} from './drain.js';
import {flushFolder, identityOf, lookAt, moveFolder, unmark} from './server-folder.js';
import {done, type StepContext, type StepResult, skipped} from './step-context.js';
import {waitForHealth} from './wait-for-health.js';

const diskOf = ({request, progress}: StepContext) => lookAt(request.folder, request.id, progress.facts);

/** What takes an update back, or withdraws it. Every step may be repeated after a crash. */
export const backwardSteps = {
  'withdraw-reopen': reopen,
  'withdraw-clean-up': cleanUp,

  async 'rollback-drain'(context) {
    if (context.progress.rolledBackBy === undefined) return skipped('Nobody was let in.');
    return drain(context, context.request.to, context.request.from);
  },

  async 'rollback-stop'(context) {
    // Where the folders were not exchanged yet the old version may still run, or run again; it is the right one.
    if (diskOf(context).name === 'old' && !context.progress.withData)
      return skipped('The old version is in its place.');
    context.notice('updating', `The service goes back to version ${context.request.from}.`);
    return done(await context.service.stop(context.firm));
  },

  async 'rollback-new'(context) {
    const {request, progress} = context;
    if (diskOf(context).name !== 'new') return skipped('The new folder was not in its place.');
    await moveFolder(request.folder, progress.facts.failed!);
    await flushFolder(progress.facts.failed!);
    return done(`The new version is kept as ${progress.facts.failed}.`);
  },

  async 'rollback-old'(context) {
    const {request, progress} = context;
    const disk = diskOf(context);
    if (disk.name === 'old') return skipped('The old folder is in its place.');
    if (disk.name !== 'absent' || disk.aside !== 'old')
      throw new OperatorError(
        'UPDATE_ATTENTION',
        `The old folder ${progress.facts.aside} is not there as it was.`,
      );
    await moveFolder(progress.facts.aside!, request.folder);
    return done(`Version ${request.from} is in ${request.folder} again.`);
  },

  async 'rollback-data'(context) {
    const {progress, site, request, firm, report} = context;
    if (!progress.withData) return skipped('The data was not touched.');
    const {backup} = progress.facts;
    if (backup === undefined || site.backups === null)
      throw new OperatorError(
        'UPDATE_ATTENTION',
        'The migration had begun, and there is no backup to restore the data from.',
        {hint: 'Restore the data by hand, then start the old version.'},
      );
    const restored = await site.restore(
      {runId: request.id, name: backup, by: request.by},
      {signal: firm.signal, progress: (count, total) => report(count, total ?? 0)},
    );
    if (restored.warning !== undefined) context.warn(restored.warning);
    return done(
      `The data is that of ${backup}.${restored.before === undefined ? '' : ` What was there before is kept as ${restored.before.name}.`}`,
    );
  },

  async 'rollback-start'({service, firm}) {
    await service.start(firm);
    return done();
  },

  async 'rollback-health'(context) {
    const detail = await waitForHealth(context, context.request.from);
    const {structure} = context.progress.facts;
    if (structure === undefined || !context.service.can('structureVersion')) return done(detail);
    const now = await context.service.structureVersion(context.command);
    if (now === structure) return done(`${detail}; structure version ${now} as before`);
    throw new OperatorError(
      'UPDATE_ATTENTION',
      `The data has structure version ${now}; before the update it was ${structure}.`,
      {hint: 'The old version runs with data that is not its own: look at once.'},
    );
  },

  'rollback-reopen': reopen,
  'rollback-clean-up': cleanUp,
} satisfies Partial<Record<UpdateStepName, (context: StepContext) => Promise<StepResult>>>;

async function reopen({
  service,
  command,
  request,
  progress,
  notice,
  setVersion,
}: StepContext): Promise<StepResult> {
  notice('none', '');
  if (progress.track === 'rollback') await setVersion(request.from);
  if (progress.facts.drained !== true) return skipped('Nobody was asked to leave.');
  if ((await service.state(command)) === 'stopped') return skipped('The service does not run.');
  await service.tell('openLogins', command);
  return done();
}

async function cleanUp({request, progress, workFolder}: StepContext): Promise<StepResult> {
  if (identityOf(request.folder) === progress.facts.oldIdentity) await unmark(request.folder);
  const {failed} = progress.facts;
  if (failed !== undefined && identityOf(failed) === progress.facts.newIdentity) await unmark(failed);
  await rm(workFolder, {recursive: true, force: true, maxRetries: 5, retryDelay: 100});
  return done();
}
