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
 * after a lost answer is safe (DESIGN.md, "Life of a sync run"). Says once what it waits for, and when that is over.
 */
export async function persist<T>(
  work: () => Promise<T>,
  options: {
    signal: AbortSignal;
    /** Takes back what an agent may have lost with its restart: the leases. */
    beforeRetry: () => Promise<void>;
    tell?: (level: 'info' | 'warn', text: string) => void;
    /** How long it is tried, milliseconds; half a minute when absent. */
    patienceMs?: number;
  },
): Promise<T> {
  const {signal, beforeRetry, tell, patienceMs = usualPatienceMs} = options;
  let firstFailureMs: number | undefined;
  const told = new Set<string>();
  for (let [tries, waitMs] = [1, 200]; ; tries++, waitMs = Math.min(waitMs * 2, 2_000)) {
    try {
      const result = await work();
      if (firstFailureMs !== undefined)
        tell?.('info', `It works again: try ${tries}, after ${secondsSince(firstFailureMs)} s.`);
      return result;
    } catch (error) {
      signal.throwIfAborted();
      firstFailureMs ??= Date.now();
      if (!isPassing(error) || Date.now() - firstFailureMs > patienceMs) throw error;
      if (!told.has(error.message))
        tell?.('warn', `${error.message} Trying again for up to ${patienceMs / 1000} s.`);
      told.add(error.message);
      await delay(waitMs, undefined, {signal}).catch(() => signal.throwIfAborted());
      await beforeRetry().catch((failure: unknown) => {
        if (!isPassing(failure)) throw failure;
      });
    }
  }
}

function secondsSince(atMs: number): number {
  return Math.ceil((Date.now() - atMs) / 1000);
}
