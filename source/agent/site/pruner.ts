import {setImmediate} from 'node:timers/promises';
import {type HistoryLimits, type PrunableHistory, pruneHistory} from './prune-history.js';

/** How often a history is looked at when nothing happens, in milliseconds. */
const everyMs = 60 * 60 * 1000;
/** After a run the next one is let go first. */
const afterRunMs = 5_000;

/** Keeps a site's history within its limits, in the background. */
export type Pruner = {
  /** A run has ended: there may be more than there should be. */
  wake(): void;
  /** Waits for a batch that is under way. */
  stop(): Promise<void>;
};

export function createPruner(
  parts: readonly PrunableHistory[],
  {
    limits,
    isFree,
    unfinished,
  }: {
    limits: HistoryLimits;
    /** Whether no run is at work at the site. */
    isFree: () => boolean;
    /** Runs whose commits are not over. */
    unfinished: () => ReadonlySet<string>;
  },
): Pruner {
  let stopped = false;
  let work: Promise<unknown> = Promise.resolve();
  let timer = setTimeout(prune, afterRunMs).unref();
  const again = (afterMs: number) => {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(prune, afterMs).unref();
  };
  function prune(): void {
    work = work.then(async () => {
      if (stopped || !isFree()) return;
      const needed = unfinished();
      await pruneHistory(parts, limits, {
        isNeeded: runId => needed.has(runId),
        isFree: () => !stopped && isFree(),
        pause: () => setImmediate(),
        nowMs: Date.now(),
      }).catch(() => {
        // A full disk, say. It is tried again.
      });
    });
    again(everyMs);
  }
  return {
    wake: () => again(afterRunMs),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await work;
    },
  };
}
