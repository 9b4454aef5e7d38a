import type {Mutex} from '../../system/mutex.js';
import type {Progress} from '../site/ports.js';

type Round<Result> = {
  readonly abort: AbortController;
  readonly listeners: Set<Progress>;
  waiting: number;
  readonly result: Promise<Result>;
};

/**
 * Lets everyone who asks while a scan is running share the next one. Not the running one: it may have passed
 * the place that the caller has just changed.
 */
export class SharedScan<Result> {
  readonly #turns: Mutex;
  readonly #scan: (signal: AbortSignal, progress: Progress, acceptRoot: boolean) => Promise<Result>;
  readonly #upcoming = new Map<boolean, Round<Result>>();

  /** @param turns what else must not happen during a scan waits there too. */
  constructor(
    turns: Mutex,
    scan: (signal: AbortSignal, progress: Progress, acceptRoot: boolean) => Promise<Result>,
  ) {
    this.#turns = turns;
    this.#scan = scan;
  }

  /** A caller that aborts leaves; the scan itself is only aborted when nobody waits for it any more. */
  async join(options: {signal?: AbortSignal; progress?: Progress; acceptRoot?: boolean}): Promise<Result> {
    const {signal, progress, acceptRoot = false} = options;
    signal?.throwIfAborted();
    const round = this.#upcoming.get(acceptRoot) ?? this.#announce(acceptRoot);
    round.waiting += 1;
    if (progress !== undefined) round.listeners.add(progress);
    const {promise: aborted, reject} = Promise.withResolvers<never>();
    const leave = () => reject(signal?.reason);
    signal?.addEventListener('abort', leave, {once: true});
    try {
      return await Promise.race([round.result, aborted]);
    } finally {
      signal?.removeEventListener('abort', leave);
      if (progress !== undefined) round.listeners.delete(progress);
      round.waiting -= 1;
      if (round.waiting === 0) {
        round.abort.abort(signal?.reason);
        if (this.#upcoming.get(acceptRoot) === round) this.#upcoming.delete(acceptRoot);
      }
    }
  }

  #announce(acceptRoot: boolean): Round<Result> {
    const abort = new AbortController();
    const listeners = new Set<Progress>();
    const result = this.#turns.run(async () => {
      if (this.#upcoming.get(acceptRoot) === round) this.#upcoming.delete(acceptRoot);
      abort.signal.throwIfAborted();
      return this.#scan(
        abort.signal,
        (done, total) => {
          for (const listener of listeners) listener(done, total);
        },
        acceptRoot,
      );
    });
    // Everyone may have left before it fails.
    result.catch(() => {});
    const round: Round<Result> = {abort, listeners, waiting: 0, result};
    this.#upcoming.set(acceptRoot, round);
    return round;
  }
}
