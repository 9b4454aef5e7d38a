import {mkdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {countOf} from '../../core/count-of.js';
import {OperatorError} from '../../core/operator-error.js';
import type {UpdateStepName} from '../../core/update-steps.js';
import type {Service} from '../service/service.js';
import {checkSpace} from '../site/no-space.js';
import {carryOver, findCarried} from './carry-over.js';
import {cleanUp} from './clean-up.js';
import {drain} from './drain.js';
import {flushTree} from './flush-tree.js';
import {readOffer} from './preflight/check-release.js';
import {preflight} from './preflight/preflight.js';
import {flushFolder, identityOf, mark, moveFolder} from './server-folder.js';
import {done, type StepContext, type StepResult, skipped} from './step-context.js';
import {lateness, timingsOf} from './update-timings.js';
import {waitForHealth} from './wait-for-health.js';

/** Longest sleep towards a start time: timers do not run while a machine sleeps. */
const napMs = 20_000;

type Step = (context: StepContext) => Promise<StepResult>;

const archiveIn = (workFolder: string) => join(workFolder, 'release.zip');
const stagedIn = (workFolder: string) => join(workFolder, 'new');
const untilOf = ({request}: StepContext) =>
  request.window?.until === undefined ? undefined : Date.parse(request.window.until);

/**
 * Why a step has nothing to do here, known before it begins: a migration that was begun when the power went counts as
 * interrupted, and is taken back with the data.
 */
export const needless: Readonly<Partial<Record<UpdateStepName, (service: Service) => string | undefined>>> = {
  migrate: service => (service.can('migrate') ? undefined : 'agent.json names no migration.'),
  'health-migrated': service => (service.can('migrate') ? undefined : 'There was no migration.'),
};

/** What each step towards the new version does. Every one may be repeated after a crash. */
export const forwardSteps = {
  async scheduled(context) {
    const {request, signal, now} = context;
    const from = request.window?.from;
    if (from !== undefined && Date.parse(from) > now()) {
      context.notice('scheduled', `An update to version ${request.to} is planned.`);
      for (let leftMs = Date.parse(from) - now(); leftMs > 0; leftMs = Date.parse(from) - now())
        await delay(Math.min(napMs, leftMs), undefined, {signal});
    }
    // Nobody is there to be told that a run holds the site just then: it is waited for as long as the window lets.
    for (;;)
      try {
        context.takeSite();
        return done(from === undefined ? undefined : `Waited for ${from}.`);
      } catch (error) {
        const until = untilOf(context);
        if (from === undefined || (until !== undefined && now() >= until)) throw error;
        await delay(1_000, undefined, {signal});
      }
  },

  async preflight(context) {
    const {request, site, settings, service, command, dataFolder, tools, now} = context;
    const found = await preflight({
      site,
      settings,
      service,
      context: command,
      dataFolder,
      updateId: request.id,
      release: await readOffer(tools, request.site, request.release),
      nowMs: now(),
      untilMs: untilOf(context),
    });
    const failed = found.checks.filter(({outcome}) => outcome === 'failed');
    if (failed.length > 0 && failed.every(({name}) => name === 'window')) throw deferral(failed[0]!.message);
    if (failed.length > 0) throw refusal(failed);
    for (const {message} of found.checks.filter(({outcome}) => outcome === 'warning')) context.warn(message);
    const {archiveBytes, unpackedBytes, carriedBytes, dataBytes} = found.timings;
    return done(`${found.checks.length} checks passed.`, {
      oldIdentity: identityOf(request.folder)!,
      sizes: {archiveBytes, unpackedBytes, carriedBytes, dataBytes},
      ...(found.structure === undefined ? {} : {structure: found.structure}),
    });
  },

  async download({request, tools, workFolder, signal, report}) {
    await mkdir(workFolder, {recursive: true, mode: 0o700});
    const manifest = await tools.read(request.site, request.release);
    await tools.download(request.site, request.release, manifest, archiveIn(workFolder), {
      signal,
      progress: report,
    });
    return done(`${manifest.archive.sizeBytes} bytes.`);
  },

  async verify({request, tools, workFolder, signal, report}) {
    const manifest = await tools.read(request.site, request.release);
    await tools.verify(manifest, archiveIn(workFolder), {signal, progress: report});
    return done(`SHA-256 ${manifest.archive.sha256}, version ${manifest.version}.`);
  },

  async unpack({request, tools, workFolder, signal, report}) {
    const staged = stagedIn(workFolder);
    await rm(staged, {recursive: true, force: true});
    const manifest = await tools.read(request.site, request.release);
    await tools.unpack(manifest, archiveIn(workFolder), staged, {signal, progress: report});
    await mark(staged, request.id, 'new');
    await flushFolder(workFolder);
    return done(`${countOf(manifest.files.length, 'file')}, ${manifest.unpackedBytes} bytes.`, {
      staged,
      newIdentity: identityOf(staged)!,
    });
  },

  async ready(context) {
    const {request, settings, progress, workFolder, now} = context;
    await rm(archiveIn(workFolder), {force: true});
    const {sizes} = progress.facts;
    if (sizes !== undefined) {
      const late = lateness('drain', timingsOf(settings, sizes), now(), untilOf(context));
      if (late !== undefined)
        throw new OperatorError(
          'UPDATE_DEFERRED',
          `The update does not fit into its window any more. ${late}`,
          {
            hint: 'Start it again in another window.',
          },
        );
      await checkSpace(workFolder, sizes.carriedBytes);
    }
    await mark(request.folder, request.id, 'old');
    return done();
  },

  drain: async context => drain(context, context.request.from, context.request.to),

  async backup(context) {
    const {site, settings, request, signal, report} = context;
    if (!settings.backup) return skipped('Backups are off in agent.json.');
    if (site.backups === null) return skipped('The site has no database in agent.json.');
    const made = await site.backups.create(
      {by: request.by, runId: request.id, step: 'before-update'},
      {signal, progress: (count, total) => report(count, total ?? 0)},
    );
    return done(`${made.name}, ${made.bytes} bytes.`, {backup: made.name});
  },

  async stop({service, firm, notice, request}) {
    notice('updating', `The service is being updated from version ${request.from} to ${request.to}.`);
    return done(await service.stop(firm));
  },

  async carry(context) {
    const {request, settings, progress, site, service, firm, signal, report} = context;
    // After a power cut the system may have started it again.
    await service.stop(firm);
    const {paths, bytes, missing} = await findCarried(request.folder, settings.carry, signal);
    if (missing.length > 0)
      throw new OperatorError(
        'PREFLIGHT_FAILED',
        `Nothing matches ${missing.join(', ')} any more, which must be carried over.`,
      );
    const staged = progress.facts.staged!;
    await carryOver(request.folder, staged, paths, signal);
    await flushTree(staged);
    const detail = `${paths.length} paths, ${bytes} bytes.`;
    if (progress.facts.backup === undefined || site.backups === null || !service.can('migrate'))
      return done(detail);
    // What was written between the backup and the stop must not be lost when a migration has to be taken back.
    const still = await site.backups.create(
      {
        by: request.by,
        runId: request.id,
        step: `before-migration-${progress.seq}`,
        wanted: [progress.facts.backup],
      },
      {signal, progress: (count, total) => report(count, total ?? 0)},
    );
    return done(`${detail} Data backed up while nobody writes: ${still.name}.`, {backup: still.name});
  },

  async 'swap-old'({request, progress}) {
    await moveFolder(request.folder, progress.facts.aside!);
    return done(`${request.folder} is ${progress.facts.aside} now.`);
  },

  async 'swap-new'({request, progress}) {
    await moveFolder(progress.facts.staged!, request.folder);
    return done(`Version ${request.to} is in ${request.folder}.`);
  },

  async start({service, firm}) {
    await service.start(firm);
    return done();
  },

  health: async context => done(await waitForHealth(context, context.request.to)),

  async migrate({service, firm}) {
    const said = await service.migrate(firm);
    return done(said.trim() === '' ? undefined : `It said: ${said.trim().slice(-500)}`);
  },

  async 'health-migrated'(context) {
    const detail = await waitForHealth(context, context.request.to);
    if (!context.service.can('structureVersion')) return done(detail);
    const structure = await context.service.structureVersion(context.command);
    return done(`${detail}; structure version ${context.progress.facts.structure} → ${structure}`);
  },

  // Its entry in the journal is what decides.
  async commit({signal}) {
    signal.throwIfAborted();
    return done();
  },

  async reopen({service, command, request, notice, setVersion}) {
    await setVersion(request.to);
    notice('none', '');
    await service.tell('openLogins', command);
    return done(`The site runs version ${request.to}.`);
  },

  async 'final-backup'({site, settings, request, signal, report, progress}) {
    if (!settings.backup) return skipped('Backups are off in agent.json.');
    if (site.backups === null) return skipped('The site has no database in agent.json.');
    const made = await site.backups.create(
      {
        by: request.by,
        runId: request.id,
        step: 'after-update',
        wanted: progress.facts.backup === undefined ? [] : [progress.facts.backup],
      },
      {signal, progress: (count, total) => report(count, total ?? 0)},
    );
    return done(`${made.name}, ${made.bytes} bytes.`, {finalBackup: made.name});
  },

  'clean-up': cleanUp,
} satisfies Partial<Record<UpdateStepName, Step>>;

function deferral(why: string): OperatorError {
  return new OperatorError('UPDATE_DEFERRED', `The update does not fit into its window. ${why}`, {
    hint: 'Start it again in another window, or a longer one.',
  });
}

function refusal(failed: readonly {name: string; message: string; remedy?: string}[]): OperatorError {
  const remedies = [...new Set(failed.flatMap(({remedy}) => remedy ?? []))];
  return new OperatorError('PREFLIGHT_FAILED', failed.map(({message}) => message).join(' '), {
    ...(remedies.length === 0 ? {} : {hint: remedies.join(' ')}),
    details: {checks: failed},
  });
}
