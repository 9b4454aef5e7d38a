import {type UpdateStepName, updateSteps} from './update-steps.js';

/** After the entry that begins a step, before the one that ends it, and after that. */
const updatePlaces = ['begun', 'effect', 'done'] as const;

/**
 * Names of the places at which a test can end a process as a power cut would (X3). One table, so that a
 * test can walk through all of them; an unknown name in LOCKSTEP_FAULT is refused rather than never reached.
 */
export const faultPoints = {
  agent: [
    'transfer.started',
    'transfer.receiving',
    'transfer.staged',
    'commit.begun',
    'commit.database-prepared',
    'commit.files-prepared',
    'commit.files-applying',
    'commit.files-applied',
    'commit.database-committed',
    'commit.decided',
    'commit.files-finished',
    'commit.finished',
    'commit.files-noted',
    'commit.files-finishing',
    'commit.files-recorded',
    'commit.answered',
    'recovery.begun',
    'recovery.finished',
    'end.begun',
    'end.finished',
    'backup.written',
    'backup.noted',
    'restore.begun',
    'restore.replaced',
  ],
  runner: [
    'run.started',
    'run.leased',
    'run.scanned',
    'run.planned',
    'run.staged',
    'run.backed-up',
    'run.noted',
    'run.committed-first',
    'run.committed-second',
    'run.adopted',
    'run.recorded',
    'run.ended',
  ],
  /** Before and after every entry in the journal of an update. */
  update: updateSteps.flatMap(({name}) =>
    updatePlaces.map(place => `update.${name}.${place}` as const),
  ) as readonly UpdateFault[],
} as const;

export type UpdateFault = `update.${UpdateStepName}.${(typeof updatePlaces)[number]}`;
export type FaultName = (typeof faultPoints)['agent' | 'runner'][number] | UpdateFault;

/** Passing a fault point does nothing unless LOCKSTEP_FAULT names it. */
export type FaultPoint = (name: FaultName) => void;

/**
 * Makes the function that a process calls at its fault points. With `LOCKSTEP_FAULT=name` it kills at the first
 * hit of that name, with `LOCKSTEP_FAULT=name:3` at the third; several with commas, for processes that inherit it.
 * Without the variable it is a no-op.
 * @param kill ends the process at once, without clean-up (`SIGKILL` to itself).
 * @throws RangeError when the variable names no fault point.
 */
export function createFaultPoint(
  env: Readonly<Record<string, string | undefined>>,
  kill: () => void,
): FaultPoint {
  const wanted = env.LOCKSTEP_FAULT;
  if (wanted === undefined || wanted === '') return () => {};
  const known: readonly string[] = [...faultPoints.agent, ...faultPoints.runner, ...faultPoints.update];
  const hitsLeft = new Map<string, number>();
  for (const one of wanted.split(',')) {
    const [name = '', count = '1'] = one.split(':');
    const hits = Number(count);
    if (!known.includes(name) || !Number.isSafeInteger(hits) || hits < 1)
      throw new RangeError(`LOCKSTEP_FAULT=${wanted} names no fault point; known are ${known.join(', ')}.`);
    hitsLeft.set(name, hits);
  }
  return hit => {
    const left = hitsLeft.get(hit);
    if (left === undefined) return;
    hitsLeft.set(hit, left - 1);
    if (left === 1) kill();
  };
}

/**
 * Makes the function at which a test can let the updates of many sites wait, each at its own place, to end their agent
 * at all of these places at once. `LOCKSTEP_HOLD=site=update.stop.begun,other=update.start.done`; without it a no-op.
 * @param onHeld told which site waits now
 * @returns a promise that never settles at the place that is named
 */
export function createHoldPoint(
  env: Readonly<Record<string, string | undefined>>,
  onHeld: (site: string) => void,
): (site: string, name: FaultName) => Promise<void> {
  const held = new Map((env.LOCKSTEP_HOLD ?? '').split(',').map(pair => pair.split('=') as [string, string]));
  return async (site, name) => {
    if (held.get(site) !== name) return;
    onHeld(site);
    await new Promise(() => {});
  };
}
