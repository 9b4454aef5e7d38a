import {setTimeout as delay} from 'node:timers/promises';
import {OperatorError} from '../../core/operator-error.js';

/** Milliseconds for which a lost connection is tried again: an agent that is restarted is back by then. */
const usualPatienceMs = 30_000;

const passing = new Set(['UNREACHABLE', 'CONNECTION_LOST', 'PEER_UNREACHABLE', 'LEASE_LOST']);

/** Whether a failure is one that trying again may get over. */
export function isPassing(error: unknown): error is OperatorError {
  return error instanceof OperatorError && passing.has(error.code);
}

/**
 * Does work again when the connection was lost. Every step of a run is idempotent by its run id, so repeating one
 * after a lost answer is safe (DESIGN.md, "Life of a sync run").
 * @param beforeRetry takes back what an agent may have lost with its restart: the leases
 */
export async function persist<T>(
  work: () => Promise<T>,
  options: {
    signal: AbortSignal;
    beforeRetry: (error: OperatorError) => Promise<void>;
    /** How long it is tried, milliseconds; half a minute when absent. */
    patienceMs?: number;
  },
): Promise<T> {
  const {signal, beforeRetry, patienceMs = usualPatienceMs} = options;
  let firstFailureMs: number | undefined;
  for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 2_000)) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      firstFailureMs ??= Date.now();
      if (!isPassing(error) || Date.now() - firstFailureMs > patienceMs) throw error;
      await delay(waitMs, undefined, {signal}).catch(() => signal.throwIfAborted());
      await beforeRetry(error).catch((failure: unknown) => {
        if (!isPassing(failure)) throw failure;
      });
    }
  }
}
