import {setTimeout as delay} from 'node:timers/promises';
import {OperatorError} from '../../core/operator-error.js';
import type {RunHolder} from '../../core/run-event.js';

/** Milliseconds between two tries, growing to the second. */
const pausesMs = {first: 1_000, longest: 15_000};
/** How long the hold of a run that is over may last: its lease of 15 s, and what its agent is still at. */
const afterItsEndMs = 30_000;

/**
 * Takes both sites, and waits for them while another run holds one (E14): a run that nobody watches is not refused
 * because it came a minute too early. Says once for each holder that it waits. The hold of a run that is over already,
 * because it died, ends by itself soon: that is waited for in any case.
 * @param options `patienceMs`: how long; 0 for a run that somebody started by hand
 * @throws OperatorError SITE_BUSY when the time is over; whatever else `take` throws
 */
export async function waitForSites<T>(
  take: () => Promise<T>,
  options: {
    patienceMs: number;
    signal: AbortSignal;
    tell: (text: string) => void;
    /** Whether a run is known to have ended. */
    isOver?: (runId: string) => Promise<boolean>;
    /** Milliseconds of a clock that never jumps. */
    monotonicMs?: () => number;
    pause?: (ms: number, signal: AbortSignal) => Promise<unknown>;
  },
): Promise<T> {
  const {patienceMs, signal, tell, monotonicMs = () => performance.now()} = options;
  const pause = options.pause ?? ((ms, until) => delay(ms, undefined, {signal: until}));
  let endMs = monotonicMs() + patienceMs;
  let isExtended = false;
  let waitsFor: string | undefined;
  for (let pauseMs = pausesMs.first; ; pauseMs = Math.min(pauseMs * 2, pausesMs.longest)) {
    try {
      return await take();
    } catch (error) {
      if (!(error instanceof OperatorError) || error.code !== 'SITE_BUSY') throw error;
      const holder = (error.details as {holder?: RunHolder} | undefined)?.holder?.runId ?? '';
      const isOver = holder !== '' && ((await options.isOver?.(holder)) ?? false);
      if (isOver && !isExtended) {
        isExtended = true;
        endMs = Math.max(endMs, monotonicMs() + afterItsEndMs);
      }
      const leftMs = endMs - monotonicMs();
      if (leftMs <= 0) throw error;
      if (holder !== waitsFor)
        tell(
          `${error.message} ${isOver ? 'That run is over; waiting for its hold to end' : 'Waiting for it'}, for ${Math.ceil(leftMs / 1000)} s at most.`,
        );
      waitsFor = holder;
      await pause(Math.min(pauseMs, leftMs), signal);
      signal.throwIfAborted();
    }
  }
}
