import {setImmediate} from 'node:timers/promises';

/** Lets the event loop turn during long synchronous work: `await slice.yieldIfDue()` between its steps. */
export class TimeSlice {
  #end = performance.now() + sliceMs;

  /** Whether the slice is used up; cheap enough to ask for every row. */
  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  async yieldIfDue(signal?: AbortSignal): Promise<void> {
    if (!this.isOver) return;
    await setImmediate();
    signal?.throwIfAborted();
    this.#end = performance.now() + sliceMs;
  }
}

/** The items, with pauses in which other work can be done. */
export async function* inSlices<T>(items: Iterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  const slice = new TimeSlice();
  for (const item of items) {
    yield item;
    // Asked first, because an await for each of a million items costs more than the items.
    if (slice.isOver) await slice.yieldIfDue(signal);
  }
}

/** Leases, health calls and other sites share the thread; 10 ms keep all of them prompt. */
const sliceMs = 10;
