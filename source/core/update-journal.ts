import type {ErrorDocument} from './operator-error.js';
import type {StepRecord, UpdateState} from './update-status.js';
import {stepNamed, stepsOf, type UpdateStep, type UpdateStepName, type UpdateTrack} from './update-steps.js';

/** What later steps, and a recovery, must know of what earlier ones did; kept in the journal with the step. */
export type UpdateFacts = {
  /** `device:inode` of the server folder before the update. */
  readonly oldIdentity?: string;
  /** `device:inode` of the unpacked release. */
  readonly newIdentity?: string;
  /** The unpacked release; absolute. */
  readonly staged?: string;
  /** Where the old folder is put aside; absolute. Noted before the rename. */
  readonly aside?: string;
  /** Where the new folder is put aside by a rollback; absolute. Noted before the rename. */
  readonly failed?: string;
  /** The backup of the data that a rollback restores. */
  readonly backup?: string;
  readonly finalBackup?: string;
  /** Structure version of the data before the update, as the configured command prints it. */
  readonly structure?: string;
  readonly sizes?: {
    readonly archiveBytes: number;
    readonly unpackedBytes: number;
    readonly carriedBytes: number;
    readonly dataBytes: number;
  };
  /** Whether logins were closed, so that they have to be opened again. */
  readonly drained?: boolean;
  /** When sessions end, ISO 8601 in UTC. */
  readonly sessionsEndAt?: string;
};

type Common = {readonly seq: number; readonly at: string; readonly step: UpdateStepName};

/** A line of an update's journal as it is kept. */
export type JournalLine = Common &
  (
    | {readonly type: 'begun'; readonly facts?: UpdateFacts}
    | {readonly type: 'done'; readonly detail?: string; readonly facts?: UpdateFacts}
    | {readonly type: 'skipped'; readonly detail: string}
    | {readonly type: 'failed'; readonly error: ErrorDocument}
    | {readonly type: 'note'; readonly detail: string}
    /** An abort was asked for. */
    | {readonly type: 'abort'; readonly by: string}
    /** From here on another track is taken; `by` when a person asked to roll back after the end. */
    | {
        readonly type: 'track';
        readonly track: 'withdraw' | 'rollback';
        readonly error: ErrorDocument;
        readonly withData: boolean;
        readonly by?: string;
        readonly mailTo?: string;
      }
    | {readonly type: 'ended'; readonly state: UpdateState; readonly error?: ErrorDocument}
  );

export type Track = Exclude<UpdateTrack, 'every'>;

/** What the lines of a journal come to. */
export type UpdateProgress = {
  readonly seq: number;
  readonly track: Track;
  /** The last step that begun or ended; undefined in a new journal. */
  readonly last: {readonly step: UpdateStepName; readonly phase: 'begun' | 'done'} | undefined;
  readonly steps: readonly StepRecord[];
  readonly facts: UpdateFacts;
  readonly warnings: readonly string[];
  readonly abortedBy: string | undefined;
  readonly migrating: boolean;
  readonly withData: boolean;
  readonly committed: boolean;
  readonly stopping: boolean;
  readonly error: ErrorDocument | undefined;
  readonly endedAt: string | undefined;
  readonly state: UpdateState;
  /** Who asked to roll back after the end. */
  readonly rolledBackBy: string | undefined;
  /** The address of that person. */
  readonly rollBackMailTo: string | undefined;
};

export const newProgress: UpdateProgress = {
  seq: 0,
  track: 'forward',
  last: undefined,
  steps: [],
  facts: {},
  warnings: [],
  abortedBy: undefined,
  migrating: false,
  withData: false,
  committed: false,
  stopping: false,
  error: undefined,
  endedAt: undefined,
  state: 'running',
  rolledBackBy: undefined,
  rollBackMailTo: undefined,
};

/** What is known after one more line. */
export function withLine(progress: UpdateProgress, line: JournalLine): UpdateProgress {
  const next = {...progress, seq: line.seq};
  switch (line.type) {
    case 'begun':
      return {
        ...next,
        last: {step: line.step, phase: 'begun'},
        facts: {...progress.facts, ...line.facts},
        migrating: progress.migrating || line.step === 'migrate',
        stopping: progress.stopping || line.step === 'stop',
        steps: withStep(progress.steps, {
          step: line.step,
          title: stepNamed(line.step).title,
          state: 'running',
          startedAt: line.at,
        }),
      };
    case 'done':
      return {
        ...next,
        last: {step: line.step, phase: 'done'},
        facts: {...progress.facts, ...line.facts},
        committed: progress.committed || line.step === 'commit',
        steps: ended(progress.steps, line, 'done', {
          ...(line.detail === undefined ? {} : {detail: line.detail}),
        }),
      };
    case 'skipped':
      return {
        ...next,
        last: {step: line.step, phase: 'done'},
        migrating: line.step === 'migrate' ? false : progress.migrating,
        steps: ended(progress.steps, line, 'skipped', {detail: line.detail}),
      };
    case 'failed':
      return {
        ...next,
        // What follows from the failure is the next line; without it the step is taken again.
        last: {step: line.step, phase: stepNamed(line.step).failure === 'report' ? 'done' : 'begun'},
        warnings:
          stepNamed(line.step).failure === 'report'
            ? [...progress.warnings, `${stepNamed(line.step).title}: ${line.error.message}`]
            : progress.warnings,
        steps: ended(progress.steps, line, 'failed', {error: line.error}),
      };
    case 'note':
      return {...next, warnings: [...progress.warnings, line.detail]};
    case 'abort':
      return {...next, abortedBy: progress.abortedBy ?? line.by};
    case 'track':
      return {
        ...next,
        track: line.track,
        last: undefined,
        error: line.error,
        withData: line.withData,
        state: 'running',
        endedAt: undefined,
        // A person asked for it, so that users are warned anew.
        ...(line.by === undefined
          ? {}
          : {
              rolledBackBy: line.by,
              rollBackMailTo: line.mailTo,
              facts: withoutDrain(progress.facts),
              abortedBy: undefined,
            }),
      };
    case 'ended':
      return {...next, state: line.state, endedAt: line.at, error: line.error ?? progress.error};
  }
}

/** The step that follows in a track; undefined at its end. */
export function stepAfter(track: Track, step: UpdateStepName | undefined): UpdateStepName | undefined {
  const names = stepsOf(track).map(({name}) => name);
  return names[step === undefined ? 0 : names.indexOf(step) + 1];
}

/** The step that an update is at, or comes to first. */
export function currentStep({last, track}: Pick<UpdateProgress, 'last' | 'track'>): UpdateStepName {
  return last?.step ?? stepAfter(track, undefined)!;
}

/** What an abort would do now. */
export function abortRuleOf(progress: UpdateProgress): UpdateStep['abort'] {
  const {endedAt, track, committed} = progress;
  if (endedAt !== undefined || track !== 'forward' || committed) return 'refused';
  return stepNamed(currentStep(progress)).abort;
}

/** How an update ends whose track has come to its end. */
export function endOf({
  track,
  error,
  rolledBackBy,
}: Pick<UpdateProgress, 'track' | 'error' | 'rolledBackBy'>): UpdateState {
  if (track === 'forward') return 'done';
  // Taken back after its end, which is what was asked for.
  if (rolledBackBy !== undefined) return 'rolled-back';
  if (error?.code === 'UPDATE_ABORTED') return 'aborted';
  if (track === 'rollback') return 'rolled-back';
  return error?.code === 'UPDATE_DEFERRED' ? 'deferred' : 'failed';
}

function withoutDrain({sessionsEndAt: _, drained: __, ...facts}: UpdateFacts): UpdateFacts {
  return facts;
}

function withStep(steps: readonly StepRecord[], record: StepRecord): readonly StepRecord[] {
  const known = steps.findIndex(({step}) => step === record.step);
  if (known === -1) return [...steps, record];
  // Taken again after a crash: its time counts from when it was begun first.
  return steps.with(known, {...record, startedAt: steps[known]!.startedAt});
}

function ended(
  steps: readonly StepRecord[],
  {step, at}: JournalLine,
  state: 'done' | 'skipped' | 'failed',
  more: Pick<StepRecord, 'detail' | 'error'>,
): readonly StepRecord[] {
  const begun = steps.find(one => one.step === step);
  const startedAt = begun?.startedAt ?? at;
  return withStep(steps, {
    step,
    title: stepNamed(step).title,
    state,
    startedAt,
    endedAt: at,
    durationMs: Math.max(0, Date.parse(at) - Date.parse(startedAt)),
    ...more,
  });
}
