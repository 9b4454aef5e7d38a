import type {CommandContext} from './command-context.js';

const signalExits = {SIGINT: 130, SIGTERM: 143, SIGHUP: 129} as const;
export type LeavingSignal = keyof typeof signalExits;

/** Work of a process of its own that a command stays with. */
export type WatchedWork<Event, Finished extends Event> = {
  watch(signal: AbortSignal): AsyncIterable<Event>;
  isFinished(event: Event): event is Finished;
  /** Draws an event for a person; with `--json` events are printed as they are. */
  show(event: Event): void;
  /** Says that the work goes on and how to come back. */
  readonly leaving: string;
  /** What is thrown when the events end before the work does. */
  brokenOff(): Error;
  /** Heeds a signal instead of leaving, when it answers true. */
  heed?(signal: LeavingSignal): boolean;
};

/**
 * Follows work to its end; undefined when a signal made the command leave, the work goes on then (CLI.md).
 * @returns the last event, and the exit status that the signal stands for
 */
export async function stayWith<Event, Finished extends Event>(
  context: CommandContext,
  work: WatchedWork<Event, Finished>,
): Promise<{finished: Finished} | {finished: undefined; exitCode: number}> {
  const detach = new AbortController();
  const release = context.onSignal(['SIGINT', 'SIGTERM', 'SIGHUP'], signal => {
    if (work.heed?.(signal as LeavingSignal) !== true) detach.abort(signal);
  });
  try {
    const finished = await follow(context, work, detach.signal);
    if (finished !== undefined) return {finished};
    context.output.tell(work.leaving);
    return {finished: undefined, exitCode: signalExits[detach.signal.reason as LeavingSignal]};
  } finally {
    release();
  }
}

/** Prints what happens; undefined when it was told to leave before the end. */
async function follow<Event, Finished extends Event>(
  {output}: CommandContext,
  work: WatchedWork<Event, Finished>,
  signal: AbortSignal,
): Promise<Finished | undefined> {
  const left = new Promise<undefined>(resolve => {
    signal.addEventListener('abort', () => resolve(undefined), {once: true});
  });
  const watching = (async () => {
    for await (const event of work.watch(signal)) {
      if (signal.aborted) return undefined;
      if (output.json) output.event(event);
      else work.show(event);
      if (work.isFinished(event)) return event;
    }
    if (signal.aborted) return undefined;
    throw work.brokenOff();
  })();
  // Whether an aborted watch ends quietly or throws is its own business; leaving is leaving.
  watching.catch(() => {});
  return Promise.race([watching, left]);
}
