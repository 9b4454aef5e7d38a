import type {PauseReason, RolloutServerState} from './decide-rollout.js';

/** How the work on a rollout ended, for now or for good (CLI.md, "JSON that scripts read"). */
export type RolloutEnd = 'done' | 'failed' | 'paused' | 'aborted' | 'attention';

export type RolloutError = {readonly code: string; readonly message: string; readonly hint?: string};

/** One server of a rollout as scripts and screens see it. Times are ISO 8601 in UTC. */
export type RolloutServer = {
  readonly server: string;
  readonly site: string;
  /** From 1. */
  readonly wave: number;
  readonly state: RolloutServerState;
  /** The version that it had before. */
  readonly from?: string;
  /** The version that it has or is to have. */
  readonly to: string;
  /** The step that it is at, or failed at (core/update-steps.ts). */
  readonly step?: string;
  readonly detail?: string;
  /** Steps that this server left out, such as a backup that agent.json switches off. */
  readonly skipped?: readonly string[];
  readonly error?: RolloutError;
  /** Under which the agent knows its update; absent before the rollout has started. */
  readonly updateId?: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
};

/** One line of the journal of a rollout's leg (`rollouts/ID.ndjson`) and of `rollout watch --json`. */
export type RolloutEvent =
  | {readonly type: 'hello'; readonly version: 1}
  | {
      readonly type: 'rollout.started';
      /** Of this leg: a rollout that was paused and resumed has several. */
      readonly rolloutId: string;
      readonly rollout: string;
      /** `rollback` brings servers back to the version they had. */
      readonly kind: 'update' | 'rollback';
      readonly release: string;
      readonly by: string;
      readonly startedAt: string;
      readonly pid: number;
      readonly processStart: string;
      readonly host: string;
      readonly waves: readonly string[];
      readonly servers: readonly RolloutServer[];
    }
  | {
      readonly type: 'rollout.wave';
      readonly at: string;
      readonly wave: number;
      readonly name: string;
      readonly state: 'started' | 'done' | 'waiting';
      /** Why and until when nothing is started. */
      readonly detail?: string;
      readonly until?: string;
    }
  | ({readonly type: 'rollout.server'; readonly at: string} & RolloutServer)
  | {
      readonly type: 'rollout.message';
      readonly at: string;
      readonly level: 'info' | 'warn';
      readonly text: string;
    }
  | ({readonly type: 'rollout.finished'; readonly at: string} & RolloutSummary);

export type RolloutSummary = {
  readonly rolloutId: string;
  readonly rollout: string;
  readonly kind: 'update' | 'rollback';
  readonly status: RolloutEnd;
  /** Why it is paused. */
  readonly why?: PauseReason;
  /** A sentence that says the same to a person. */
  readonly reason: string;
  readonly error?: RolloutError;
  readonly servers: readonly RolloutServer[];
  readonly durationMs: number;
};

/** The exit status that the end of a rollout stands for (CLI.md, "Exit status"). */
export function exitCodeOfRollout({
  kind,
  status,
  servers,
  why,
}: Pick<RolloutSummary, 'kind' | 'status' | 'why'> & {
  readonly servers: readonly Pick<RolloutServer, 'state'>[];
}): number {
  const any = (state: RolloutServerState) => servers.some(server => server.state === state);
  switch (status) {
    case 'done':
      return kind === 'update' && (any('failed') || any('rolled-back') || any('aborted')) ? 3 : 0;
    case 'failed':
      return 3;
    case 'aborted':
      return any('done') ? 3 : 1;
    case 'attention':
      return 4;
    case 'paused':
      return why?.kind === 'busy' ? 6 : 5;
  }
}
