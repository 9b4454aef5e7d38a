import type {Side} from '../core/plan.js';
import type {SiteEnd, SiteEnds} from './connect-sites.js';
import type {MadePlan} from './make-plan.js';
import type {RunWork} from './perform-run.js';
import type {SavedPlan} from './plan-file.js';
import type {PlanLimits} from './plan-limits.js';
import type {SidePositions} from './run-steps/commit-side.js';
import type {Leases} from './run-steps/hold-leases.js';
import {persist} from './run-steps/persist.js';

/** A run between two sites that are connected and leased: all of a run, or one step of a run over several. */
export type PairWork = RunWork & {
  readonly ends: SiteEnds;
  readonly leases: Leases;
  /** The plan to be carried out exactly (X2); undefined to make one. */
  readonly saved: SavedPlan | undefined;
  readonly limits?: PlanLimits;
  /** Follows the names of this pair's commits, so that a site which takes part in several pairs tells them apart. */
  readonly suffix: string;
  /** Keeps what was seen; positions are undefined when something was left undone and must be seen again. */
  readonly remember: (made: MadePlan, positions: SeenPositions | undefined) => Promise<void>;
};

/** Where both sides' change streams stood when a pair was in step. */
export type SeenPositions = Record<Side, SidePositions>;

/** Does a step again when the connection was lost, with the leases taken back before. */
export function lasting<T>(
  {log, leases, ends}: Pick<PairWork, 'log' | 'leases'> & {ends?: SiteEnds},
  step: () => Promise<T>,
  until: AbortSignal,
): Promise<T> {
  return persist(step, {
    signal: until,
    beforeRetry: () => leases.renew(ends && [ends.local, ends.remote]),
    tell: log.message,
  });
}

/** A database that was changed and cannot be put back is a night's work for somebody: that is worth waiting for. */
const restorePatienceMs = 180_000;

/** The same for what only one side has to do: the other may be lost already. */
export function lastingAt<T>(
  {log, leases}: Pick<PairWork, 'log' | 'leases'>,
  end: SiteEnd,
  step: () => Promise<T>,
): Promise<T> {
  return persist(step, {
    signal: uninterrupted,
    patienceMs: restorePatienceMs,
    beforeRetry: () => leases.renew([end]),
    tell: log.message,
  });
}

/** A commit that has begun is taken to its end. */
export const uninterrupted = new AbortController().signal;
