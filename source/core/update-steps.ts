const downSteps: ReadonlySet<string> = new Set([
  'stop',
  'carry',
  'swap-old',
  'swap-new',
  'start',
  'health',
  'migrate',
  'health-migrated',
  'commit',
  'rollback-stop',
  'rollback-new',
  'rollback-old',
  'rollback-data',
  'rollback-start',
  'rollback-health',
]);

/**
 * The steps of the update of one server, in the order in which they are taken (U1–U15, DESIGN.md "Updating a
 * server"). One list, so that the machine on the agent, its log, the checklist of a rollout and the recovery after a
 * crash speak of the same things. There are three tracks: forward; `withdraw`, when an update ends before the service
 * was stopped; `rollback`, when the old version has to run again.
 */
export const updateSteps = [
  step('scheduled', 'Wait for the start time', {failure: 'withdraw', abort: 'at-once'}),
  step('preflight', 'Check everything that can be checked before', {failure: 'withdraw', abort: 'at-once'}),
  step('download', 'Download the release', {failure: 'withdraw', abort: 'at-once'}),
  step('verify', 'Verify signature and checksum', {failure: 'withdraw', abort: 'at-once'}),
  step('unpack', 'Unpack beside the server folder', {failure: 'withdraw', abort: 'at-once'}),
  step('ready', 'Look once more at space and time', {failure: 'withdraw', abort: 'at-once'}),
  step('drain', 'Warn the users and let them finish', {failure: 'withdraw', abort: 'at-once'}),
  step('backup', 'Back up the data', {failure: 'withdraw', abort: 'at-once'}),
  step('stop', 'Stop the service', {failure: 'roll-back', abort: 'roll-back'}),
  step('carry', 'Carry over settings and certificates', {failure: 'roll-back', abort: 'roll-back'}),
  step('swap-old', 'Put the old folder aside', {failure: 'roll-back', abort: 'roll-back'}),
  step('swap-new', 'Put the new folder in its place', {failure: 'roll-back', abort: 'roll-back'}),
  step('start', 'Start the new version', {failure: 'roll-back', abort: 'roll-back'}),
  step('health', 'Check the health of the new version', {failure: 'roll-back', abort: 'roll-back'}),
  step('migrate', 'Migrate the data', {failure: 'roll-back-with-data', abort: 'roll-back'}),
  step('health-migrated', 'Check the health after the migration', {
    failure: 'roll-back-with-data',
    abort: 'roll-back',
  }),
  step('commit', 'Decide for the new version', {failure: 'roll-back-with-data', abort: 'roll-back'}),
  step('reopen', 'Let the users in again', {failure: 'report', abort: 'refused'}),
  step('final-backup', 'Back up the data of the new version', {failure: 'report', abort: 'refused'}),
  step('clean-up', 'Remove temporary and old folder', {failure: 'report', abort: 'refused'}),

  step('withdraw-reopen', 'Let the users in again', {track: 'withdraw', failure: 'report', abort: 'refused'}),
  step('withdraw-clean-up', 'Remove the temporary folder', {
    track: 'withdraw',
    failure: 'report',
    abort: 'refused',
  }),

  step('rollback-drain', 'Warn the users and let them finish', rollback('attention')),
  step('rollback-stop', 'Stop the new version', rollback('attention')),
  step('rollback-new', 'Put the new folder aside', rollback('attention')),
  step('rollback-old', 'Put the old folder in its place', rollback('attention')),
  step('rollback-data', 'Restore the data from the backup', rollback('attention')),
  step('rollback-start', 'Start the old version', rollback('attention')),
  step('rollback-health', 'Check the health of the old version', rollback('attention')),
  step('rollback-reopen', 'Let the users in again', rollback('report')),
  step('rollback-clean-up', 'Remove the temporary folder', rollback('report')),

  step('notify', 'Tell the administrator and who started it', {
    track: 'every',
    failure: 'report',
    abort: 'refused',
  }),
] as const;

export type UpdateStepName = (typeof updateSteps)[number]['name'];
/** Where a step belongs; `every` is the end of each of the other tracks. */
export type UpdateTrack = 'forward' | 'withdraw' | 'rollback' | 'every';

export type UpdateStep = {
  readonly name: UpdateStepName;
  /** For people: an imperative, without a full stop. */
  readonly title: string;
  readonly track: UpdateTrack;
  /**
   * What follows when the step fails: `withdraw` (the service was never stopped), `roll-back` (the old version is
   * started again), `roll-back-with-data` (and the data restored), `report` (said, and gone on), `attention` (nothing
   * more is touched, a person must look).
   */
  readonly failure: 'withdraw' | 'roll-back' | 'roll-back-with-data' | 'report' | 'attention';
  /** What an abort does during the step (DESIGN.md, "Updating a server"). */
  readonly abort: 'at-once' | 'roll-back' | 'refused';
  /** Whether the service may be down during the step. */
  readonly serviceDown: boolean;
  /** Whether it comes after the commit, from where nothing is rolled back by itself. */
  readonly pastCommit: boolean;
};

type Rules<Track extends UpdateTrack> = {
  readonly track?: Track;
  readonly failure: UpdateStep['failure'];
  readonly abort: UpdateStep['abort'];
};

function step<const Name extends string, Track extends UpdateTrack = 'forward'>(
  name: Name,
  title: string,
  {track, failure, abort}: Rules<Track>,
) {
  return {
    name,
    title,
    track: track ?? 'forward',
    failure,
    abort,
    serviceDown: downSteps.has(name),
    pastCommit: ['reopen', 'final-backup', 'clean-up'].includes(name),
  } as const;
}

function rollback(failure: 'attention' | 'report'): Rules<'rollback'> {
  return {track: 'rollback', failure, abort: 'refused'};
}

const names: ReadonlyMap<string, UpdateStep> = new Map(updateSteps.map(one => [one.name, one]));

export function stepNamed(name: UpdateStepName): UpdateStep {
  return names.get(name)!;
}

/** The steps of a track with `notify`, which ends each of them. */
export function stepsOf(track: Exclude<UpdateTrack, 'every'>): readonly UpdateStep[] {
  return updateSteps.filter(one => one.track === track || one.track === 'every');
}

/** How long parts of an update may take, milliseconds; what cannot be bounded is estimated from sizes. */
export type UpdateTimings = {
  /** Between the warning and the end of the sessions. */
  readonly graceMs: number;
  /** For sessions to end after that. */
  readonly leaveMs: number;
  readonly stopMs: number;
  readonly startMs: number;
  readonly healthMs: number;
  /** 0 without a migration. */
  readonly migrateMs: number;
  /** Any other command: warning, closing sessions, letting users in. */
  readonly commandMs: number;
  readonly archiveBytes: number;
  readonly unpackedBytes: number;
  readonly carriedBytes: number;
  /** Of one backup of the data; 0 where none is made. */
  readonly dataBytes: number;
};

/** Bytes per second that even a slow server manages: network, and reading and writing of a disk. */
const slowest = {network: 1024 ** 2, disk: 20 * 1024 ** 2} as const;
/** For what has no time limit of its own and takes next to none, milliseconds. */
const momentMs = 1_000;

/** The time that a step needs in the worst case, milliseconds. */
export function worstCaseOf(name: UpdateStepName, timings: UpdateTimings): number {
  const reading = (bytes: number, rate: number) => (bytes === 0 ? 0 : momentMs + (bytes / rate) * 1000);
  const data = reading(timings.dataBytes, slowest.disk) * 2;
  switch (name) {
    case 'scheduled':
    case 'notify':
    case 'commit':
      return 0;
    case 'download':
      return reading(timings.archiveBytes, slowest.network);
    case 'verify':
      return reading(timings.archiveBytes, slowest.disk);
    case 'unpack':
      return reading(timings.unpackedBytes, slowest.disk) * 2;
    case 'drain':
    case 'rollback-drain':
      return timings.graceMs + timings.leaveMs + timings.commandMs;
    case 'backup':
    case 'final-backup':
      return data;
    case 'carry':
      // With a migration the data is backed up once more while nobody writes.
      return reading(timings.carriedBytes, slowest.disk) * 2 + (timings.migrateMs > 0 ? data : 0);
    case 'stop':
    case 'rollback-stop':
      return timings.stopMs;
    case 'start':
    case 'rollback-start':
      return timings.startMs;
    case 'health':
    case 'rollback-health':
      return timings.healthMs;
    case 'health-migrated':
      return timings.migrateMs > 0 ? timings.healthMs : 0;
    case 'migrate':
      return timings.migrateMs;
    case 'rollback-data':
      return timings.migrateMs > 0 ? data * 2 : 0;
    case 'reopen':
    case 'withdraw-reopen':
    case 'rollback-reopen':
      return timings.commandMs;
    case 'preflight':
    case 'ready':
    case 'swap-old':
    case 'swap-new':
    case 'clean-up':
    case 'withdraw-clean-up':
    case 'rollback-new':
    case 'rollback-old':
    case 'rollback-clean-up':
      return momentMs;
  }
}

/**
 * How long an update may take from a step on until the users can work again, milliseconds: the new version fails at the
 * very last check, and everything is taken back. What comes after the users are in again needs no window.
 */
export function worstCaseFrom(from: UpdateStepName, timings: UpdateTimings): number {
  const forward = stepsOf('forward').map(({name}) => name);
  const until = forward.indexOf('commit');
  const sum = (list: readonly UpdateStepName[]) =>
    list.reduce((total, name) => total + worstCaseOf(name, timings), 0);
  const back = stepsOf('rollback')
    .map(({name}) => name)
    .filter(name => name !== 'rollback-drain' && name !== 'rollback-clean-up');
  return Math.ceil(sum(forward.slice(Math.max(0, forward.indexOf(from)), until)) + sum(back));
}
