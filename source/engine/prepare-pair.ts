import {asOperatorError} from '../core/operator-error.js';
import {parseSelected} from '../core/selection.js';
import {takeUpCollisions} from './collisions/note-collisions.js';
import {bothSides} from './connect-sites.js';
import {guardPlan} from './guard-plan.js';
import {refuseInitialSync, sourceOf} from './initial-sync.js';
import {type MadePlan, makePlan, mustMeetPreconditions, type PlanObserver} from './make-plan.js';
import {numberSites} from './number-sites.js';
import {lasting, type PairWork} from './pair-work.js';
import type {SavedPlan} from './plan-file.js';
import {checkPlan} from './run-steps/check-plan.js';
import {databaseWarnings, scanSites} from './scan-sites.js';

/**
 * Plans and checks; changes nothing.
 * @throws OperatorError of whatever stands against the run
 */
export async function preparePair(work: PairWork): Promise<MadePlan> {
  const {log, saved, cancel} = work;
  const {signal} = cancel;
  const observer: PlanObserver = {
    signal,
    phase: (phase, step, describe) => log.phase(phase, () => lasting(work, step, signal), describe),
    progress: log.progress,
  };
  // Sites of relationships from before there were numbers get theirs here (E25).
  // A database that members share has the number of the first.
  if (work.limits?.withoutDatabase !== true)
    await numberSites(work.context, work.ends, sourceOf(work.relationship));
  const made = saved === undefined ? await planRun(work, observer) : await takeSaved(work, observer, saved);
  for (const warning of databaseWarnings(work.ends, made.scans)) log.message('warn', warning);
  await takeUpOpenCollisions(work, made);
  work.faultPoint('run.planned');
  await log.phase('guard', () => lasting(work, () => mustPassGuard(work, made), signal));
  return made;
}

/** What a run that died has renamed is on the list from now on (E18). */
async function takeUpOpenCollisions(
  {context, ends, cancel, log}: PairWork,
  {scans}: MadePlan,
): Promise<void> {
  if (bothSides.some(side => scans[side].database === null)) return;
  const {signal} = cancel;
  try {
    const count = await takeUpCollisions(context, ends, signal);
    const rows = count === 1 ? 'a row' : `${count} rows`;
    if (count > 0)
      log.message(
        'warn',
        `An earlier run ended before it could say that it renamed ${rows}: \`lockstep collisions list\`.`,
      );
  } catch (error) {
    signal.throwIfAborted();
    // The next run tries again.
    log.message(
      'warn',
      `What an earlier run renamed could not be found out: ${asOperatorError(error).message}`,
    );
  }
}

async function planRun(work: PairWork, observer: PlanObserver): Promise<MadePlan> {
  const {ends, profile, job, relationship, faultPoint, log} = work;
  const initial = job.kind === 'initial-sync';
  const selection = job.select?.map(parseSelected);
  if (job.select !== undefined)
    log.message('info', `Only what is selected: ${describeSelection(job.select)}`);
  const made = await makePlan(
    ends,
    {
      profile,
      ...(initial ? {mirrorOf: sourceOf(relationship)} : {}),
      ...(selection === undefined ? {} : {selection}),
      everything: job.verify,
      verify: job.verify,
      acceptRoot: !initial && (job.maxDelete ?? profile.maxDelete) >= 100,
      ...(work.limits === undefined ? {} : {limits: work.limits}),
    },
    {
      ...observer,
      async phase(phase, step, describe) {
        const result = await observer.phase(phase, step, describe);
        if (phase === 'scan') faultPoint('run.scanned');
        return result;
      },
    },
  );
  return made;
}

/** Of many selections the first. */
function describeSelection(select: readonly string[]): string {
  const shown = select.slice(0, 10).join(', ');
  return select.length > 10 ? `${shown} and ${select.length - 10} more` : shown;
}

/** A saved plan with the world as it is now: everything that it mentions must be as it was (X2). */
async function takeSaved(work: PairWork, observer: PlanObserver, saved: SavedPlan): Promise<MadePlan> {
  const {ends, profile, job, log, faultPoint} = work;
  const {signal} = observer;
  const scope = await observer.phase('preconditions', async () => mustMeetPreconditions(ends, profile));
  const scans = await observer.phase('scan', () =>
    scanSites(
      ends,
      {
        files: scope.includesFiles,
        database: scope.includesDatabase,
        acceptRoot: (job.maxDelete ?? profile.maxDelete) >= 100,
        verify: job.verify,
      },
      {signal, onProgress: observer.progress('scan')},
    ),
  );
  faultPoint('run.scanned');
  log.skip('changes', 'the plan is given');
  await observer.phase('reconcile', () => checkPlan(ends, saved.plan, signal));
  const {plan, adoptsLineage, firstRun} = saved;
  return {plan, scope, scans, adoptsLineage, firstRun};
}

async function mustPassGuard(work: PairWork, made: MadePlan): Promise<void> {
  const {context, ends, profile, relationship, job, cancel} = work;
  const {signal} = cancel;
  const refusal =
    job.kind === 'initial-sync'
      ? await refuseInitialSync({
          ends,
          state: await context.state.read(),
          relationship,
          profile,
          force: job.force,
          made,
          signal,
        })
      : await guardPlan(ends, profile, made.plan, made.scans, {maxDelete: job.maxDelete, signal});
  if (refusal !== undefined) throw refusal;
}
