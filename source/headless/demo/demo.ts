import {createDemoWorld} from './demo-world.js';
import {leaveEditsWaiting} from './edits.js';
import {playTour} from './tour.js';

export type DemoOptions = {
  /** Play the tour for a script and exit, instead of opening the console. */
  readonly headless: boolean;
  /** Leave the folder behind. */
  readonly keep: boolean;
  /** The launcher with which the demo calls Lockstep itself. */
  readonly program: string;
};

/**
 * Three agents and a small content site on this machine, ready to play with.
 * @returns the exit status: 0 when the console was left, or when every station of the tour did what it should.
 */
export async function runDemo(
  options: DemoOptions,
  openConsole: (home: string) => Promise<number>,
): Promise<number> {
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  const world = await createDemoWorld(options.program, tell);
  const ended = interrupted();
  try {
    if (options.headless) {
      const playing = playTour(world, line => process.stdout.write(`${line}\n`)).then(good => (good ? 0 : 1));
      return await Promise.race([playing, ended.signal]);
    }
    leaveEditsWaiting(world);
    return await Promise.race([openConsole(world.home), ended.signal]);
  } finally {
    // A terminal that goes away hangs up more than once; the second must not cut the cleaning short.
    await world.close(options.keep);
    ended.stop();
    if (options.keep)
      tell(
        `kept: ${world.folder}\n  start an agent again with: lockstep agent run --data ${world.folder}/staging/agent\n  and the console with: lockstep --home ${world.home}`,
      );
  }
}

/** Resolves with the exit status of the signal that ends the demo, so that agents and folder go with it. */
function interrupted(): {signal: Promise<number>; stop: () => void} {
  const codes = {SIGINT: 130, SIGTERM: 143, SIGHUP: 129} as const;
  const handlers: [NodeJS.Signals, () => void][] = [];
  const signal = new Promise<number>(resolve => {
    for (const [name, code] of Object.entries(codes) as [keyof typeof codes, number][]) {
      const handler = () => resolve(code);
      handlers.push([name, handler]);
      process.on(name, handler);
    }
  });
  return {
    signal,
    stop: () => {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}
