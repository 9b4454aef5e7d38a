import type {RunStatus, RunSummary} from '../../core/run-event.js';

/** A start that a schedule, or the window of a rollout, will bring (E12, U1). */
export type ScheduledStart = {
  relationship: string;
  profile: string;
  /** Of a live sync, its name; the two above are empty then. */
  live?: string;
  /** Of a rollout that starts or goes on, its name; `relationship` and `profile` are empty then. */
  rollout?: string;
  /** ISO 8601, UTC. */
  at: string;
  /** The same moment in the schedule's own zone, with its offset: `2026-12-01T02:00:00+01:00`. */
  local: string;
  zone: string;
  /** Of a rollout its window. */
  schedule: string;
  missed: 'run' | 'skip';
};

/** What the scheduler does, as a daemon or in one pass (E12). Times are ISO 8601 in UTC. */
export type SchedulerEvent =
  | {
      type: 'scheduler.started';
      at: string;
      pid: number;
      home: string;
      scheduled: number;
      next: ScheduledStart | undefined;
    }
  | {
      type: 'scheduler.run-started';
      at: string;
      relationship: string;
      profile: string;
      live?: string;
      due: string;
      lateMs: number;
      verify: boolean;
      runId: string;
    }
  | {
      type: 'scheduler.missed';
      at: string;
      relationship: string;
      profile: string;
      live?: string;
      /** The latest start that was missed, and how many there were. */
      due: string;
      count: number;
      runsNow: boolean;
    }
  | {
      type: 'scheduler.start-failed';
      at: string;
      relationship: string;
      profile: string;
      live?: string;
      due: string;
      error: {code: string; message: string; hint?: string};
    }
  | {
      type: 'scheduler.run-finished';
      at: string;
      runId: string;
      status: RunStatus;
      error?: RunSummary['error'];
    }
  | {
      /** A rollout whose window opened (U1). */
      type: 'scheduler.rollout-started';
      at: string;
      rollout: string;
      due: string;
      rolloutId: string;
    }
  | {
      type: 'scheduler.rollout-failed';
      at: string;
      rollout: string;
      due: string;
      error: {code: string; message: string; hint?: string};
    }
  | {type: 'scheduler.clock'; at: string; jumpMs: number}
  | {type: 'scheduler.message'; at: string; message: string}
  | ({type: 'scheduler.finished'; at: string} & SchedulerTally);

export type SchedulerTally = {started: number; missed: number; failed: number};

/** What starts by itself (E12). */
export type SchedulerVerbs = {
  /**
   * Starts what is due until `signal` is aborted; the runs it started go on.
   * @throws OperatorError SCHEDULER_RUNNING when another process does so for this home
   */
  run(options: {signal: AbortSignal; onEvent: (event: SchedulerEvent) => void}): Promise<void>;
  /** One pass. What is later than `lateMs` counts as missed. */
  tick(options: {lateMs: number; dryRun: boolean}): Promise<readonly SchedulerEvent[]>;
  /** The next `count` starts of all profiles, soonest first. */
  next(count: number): Promise<readonly ScheduledStart[]>;
};
