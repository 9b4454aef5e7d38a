import {setTimeout as delay} from 'node:timers/promises';
import type {Engine} from '../engine/engine.js';
import type {Command} from './command.js';
import {backupHandlers} from './commands/backups.js';
import type {CommandContext, Handlers} from './commands/context.js';
import {effects} from './commands/effects.js';
import {failureOf, faultOf} from './commands/fault-of.js';
import {packageHandlers} from './commands/packages.js';
import {previewHandlers} from './commands/previews.js';
import {relationshipHandlers} from './commands/relationships.js';
import {releaseHandlers} from './commands/releases.js';
import {rolloutHandlers} from './commands/rollouts.js';
import {runHandlers} from './commands/runs.js';
import {serverHandlers} from './commands/servers.js';
import {settingsHandlers} from './commands/settings.js';
import {trustHandlers} from './commands/trust.js';
import type {ConsoleEvent} from './events.js';
import type {Shared, SharedData} from './shared-data.js';

/** Starts of schedules that are looked ahead. */
const scheduledStarts = 200;

/** Where the data that all screens share comes from. */
const loaders: {readonly [K in Shared]: (engine: Engine) => Promise<NonNullable<SharedData[K]['value']>>} = {
  servers: engine => engine.servers.list(),
  relationships: engine => engine.relationships.list(),
  profiles: engine => engine.profiles.list(),
  runs: engine => engine.runs.list(),
  schedule: engine => engine.scheduler.next(scheduledStarts),
  clusters: engine => engine.clusters.list(),
  lives: engine => engine.lives.list(),
  collisions: engine => engine.collisions.list(),
  releases: engine => engine.releases.list(),
  rollouts: engine => engine.rollouts.list(),
  doctor: engine => engine.doctor(),
  identity: engine => engine.trust.own(),
  plans: engine => engine.plans.list(),
  settings: engine => engine.settings.read(),
};

/** Every command that needs the engine, by the noun that it is about. */
const handlers: Handlers<Exclude<Command['type'], 'stop' | 'suspend'>> = {
  async load(engine, {what}, {tell, now}) {
    const value = await loaders[what](engine);
    tell({type: 'loaded', what, value, at: now()});
  },
  ...serverHandlers,
  ...trustHandlers,
  ...settingsHandlers,
  ...relationshipHandlers,
  ...previewHandlers,
  ...runHandlers,
  ...backupHandlers,
  ...packageHandlers,
  ...releaseHandlers,
  ...rolloutHandlers,
};

/** How long leaving waits for a change to be carried out, milliseconds. */
const leaveAfterMs = 5_000;

export type CommandRunner = {
  /** Resolves when the command is carried out and its events are told; never rejects. */
  execute(command: Command): Promise<void>;
  /**
   * Resolves when what changes something is carried out: who confirms a run and leaves at once wants it all the same.
   * Questions are not waited for, nor anything for longer than a few seconds.
   */
  changesDone(): Promise<void>;
  /** Ends everything that is waited for. Runs go on. */
  close(): void;
};

/**
 * Carries out what `update` asked for and tells it the result as events. Nothing here throws: a fault is an event
 * like any other. The engine is loaded by the first command, after the first frame.
 */
export function createCommandRunner(options: {
  home: string;
  loadEngine: () => Promise<Engine>;
  dispatch: (event: ConsoleEvent) => void;
  now: () => number;
}): CommandRunner {
  const {dispatch, now, home} = options;
  const waiting = new Map<number, AbortController>();
  let engine: Promise<Engine> | undefined;
  let closed = false;
  let stopFollowing = () => {};
  const changes = new Set<Promise<void>>();

  /** A failed start of the engine is tried again by the next command. */
  function engineOf(): Promise<Engine> {
    engine ??= options.loadEngine().then(follow, (error: unknown) => {
      engine = undefined;
      throw error;
    });
    return engine;
  }

  /** What another console or the scheduler does is seen here without waiting for the next look. */
  function follow(opened: Engine): Engine {
    if (!closed) stopFollowing = opened.watch(what => context.tell({type: 'world-changed', what}));
    return opened;
  }

  const context: CommandContext = {
    home,
    now,
    tell(event) {
      if (!closed) dispatch(event);
    },
    answer(screen, answer) {
      context.tell({type: 'answer', screen, answer});
    },
    signalOf(screen) {
      waiting.get(screen)?.abort();
      const controller = new AbortController();
      waiting.set(screen, controller);
      return controller.signal;
    },
  };

  async function carryOut(command: Command): Promise<void> {
    // The terminal is its owner's.
    if (command.type === 'suspend') return;
    if (command.type === 'stop') {
      waiting.get(command.screen)?.abort();
      waiting.delete(command.screen);
      return;
    }
    // The type of the command ties it to its handler, which the type system cannot follow here.
    const handle = handlers[command.type] as Handlers<'load'>['load'];
    return handle(await engineOf(), command as Extract<Command, {type: 'load'}>, context);
  }

  return {
    execute(command) {
      const done = carryOut(command).catch((error: unknown) => {
        const failure = failureOf(command, faultOf(error));
        if (failure !== undefined) context.tell(failure);
      });
      if (effects[command.type] === 'changes') {
        changes.add(done);
        void done.then(() => changes.delete(done));
      }
      return done;
    },
    async changesDone() {
      const timeOut = new AbortController();
      const limit = delay(leaveAfterMs, undefined, {signal: timeOut.signal}).catch(() => {});
      await Promise.race([Promise.all(changes), limit]);
      timeOut.abort();
    },
    close() {
      closed = true;
      stopFollowing();
      for (const controller of waiting.values()) controller.abort();
      waiting.clear();
    },
  };
}
