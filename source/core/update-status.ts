import type {ErrorDocument} from './operator-error.js';
import type {UpdateStepName} from './update-steps.js';

/**
 * How an update stands. `running` and the ends: `done`; `failed` (before the service was stopped: the old version runs
 * on, nothing was changed); `rolled-back` (the old version runs again with its old data); `aborted` (as asked; the old
 * version runs); `deferred` (it did not fit into its window any more; nothing was changed); `attention` (a person must
 * look; nothing more is touched).
 */
export type UpdateState =
  | 'running'
  | 'done'
  | 'failed'
  | 'rolled-back'
  | 'aborted'
  | 'deferred'
  | 'attention';

/** One step of an update as it went. Times are ISO 8601 in UTC. */
export type StepRecord = {
  readonly step: UpdateStepName;
  readonly title: string;
  readonly state: 'running' | 'done' | 'skipped' | 'failed';
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly durationMs?: number;
  /** What was done, or why it was skipped: a sentence for people. */
  readonly detail?: string;
  readonly error?: ErrorDocument;
};

/** An update of one site's service, current or past. */
export type UpdateStatus = {
  readonly id: string;
  readonly site: string;
  readonly state: UpdateState;
  /** The step it is at, or ended with. */
  readonly step: UpdateStepName;
  readonly track: 'forward' | 'withdraw' | 'rollback';
  /** Version before. */
  readonly from: string;
  /** Version of the release. */
  readonly to: string;
  /** Who started it. */
  readonly by: string;
  readonly rolloutId?: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  /** The steps taken so far, in their order; a step that was taken again after a crash of the agent stands here once. */
  readonly steps: readonly StepRecord[];
  /** Sessions that are still open, while users are asked to leave. */
  readonly usersLeft?: number;
  /** Bytes of the step at work, where it counts them. */
  readonly progress?: {readonly done: number; readonly total: number};
  /** Why it did not end with `done`, or why it is being taken back. */
  readonly error?: ErrorDocument;
  /** What went wrong without stopping it, such as a final backup that could not be made. */
  readonly warnings: readonly string[];
  /** What to do next, for an update that ended. */
  readonly nextStep?: string;
  /** Whether the new version was decided for; from there nothing is rolled back by itself. */
  readonly committed: boolean;
  /** What an abort would do now. */
  readonly abort: 'at-once' | 'roll-back' | 'refused';
  /** Whether the version before is still there to go back to by hand. */
  readonly canRollBack: boolean;
  /** Why not. */
  readonly cannotRollBack?: string;
  /** Who is told by mail how it ended. */
  readonly mail: 'none' | 'waiting' | 'sent';
};

/** One finding of the preflight (U15). */
export type UpdateCheck = {
  readonly name: string;
  /** `warning` does not stop an update. */
  readonly outcome: 'passed' | 'warning' | 'failed';
  /** What was found: a sentence. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
};

export type UpdateCheckReport = {
  readonly site: string;
  /** The version that is there. */
  readonly from: string;
  /** The version of the release, where one was given that can be read. */
  readonly to?: string;
  readonly checks: readonly UpdateCheck[];
  /** Whether an update could start: no check failed. */
  readonly passed: boolean;
  /** How long it may take until the users can work again, in the worst case, milliseconds. */
  readonly worstCaseMs: number;
};

/** One line of an update's journal, for logs and screens. */
export type UpdateEvent = {
  /** Counts from 1 without a gap. */
  readonly seq: number;
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly type: 'begun' | 'done' | 'skipped' | 'failed' | 'note' | 'track' | 'ended';
  readonly step: UpdateStepName;
  readonly detail?: string;
  readonly error?: ErrorDocument;
};

/** What the users of a site can be told (U4). */
export type UpdateNotice = {
  readonly site: string;
  readonly state: 'none' | 'scheduled' | 'ending-sessions' | 'updating';
  /** A sentence for the users; empty with `none`. */
  readonly message: string;
  readonly from?: string;
  readonly to?: string;
  /** When sessions are closed, ISO 8601 in UTC. */
  readonly sessionsEndAt?: string;
  /** When this was said last. */
  readonly at: string;
};

/** Who holds the servers of a rollout, so that a second rollout does not start there. */
export type RolloutLock = {
  readonly lockId: string;
  readonly rolloutId: string;
  readonly by: string;
  readonly since: string;
};
