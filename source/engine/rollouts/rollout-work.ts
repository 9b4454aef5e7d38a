import type {PauseReason} from '../../core/decide-rollout.js';
import type {StoredMember, StoredRollout} from '../../state/state.js';
import type {EngineContext} from '../engine-context.js';
import type {ReleaseOffer} from './release-offer.js';
import type {RolloutJob} from './rollout-job.js';
import type {RolloutRecord} from './rollout-record.js';
import type {RolloutAgents} from './server-updates.js';

/** Agents that are asked at the same time before servers are started. */
export const askConcurrency = 16;

/** How the work of one process on a rollout ended. */
export type RolloutOutcome =
  | {readonly status: 'done' | 'failed' | 'aborted' | 'attention'}
  | {
      readonly status: 'paused';
      readonly why: PauseReason;
      readonly error?: {readonly code: string; readonly message: string; readonly hint?: string};
    };

export type RolloutWork = {
  readonly context: EngineContext;
  readonly rolloutId: string;
  readonly job: RolloutJob;
  readonly rollout: StoredRollout;
  readonly release: ReleaseOffer;
  readonly updates: RolloutAgents;
  readonly record: RolloutRecord;
  /** Aborted to leave: agents go on. */
  readonly signal: AbortSignal;
};

export function addressOf({server, site}: Pick<StoredMember, 'server' | 'site'>): string {
  return `${server}/${site}`;
}
