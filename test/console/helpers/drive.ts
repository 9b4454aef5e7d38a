import type {Command} from '../../../source/console/command.js';
import {effects} from '../../../source/console/commands/effects.js';
import {createCommandRunner} from '../../../source/console/commands.js';
import type {ConsoleEvent} from '../../../source/console/events.js';
import {createModel, type Model, type Step} from '../../../source/console/model.js';
import {currentScreen} from '../../../source/console/navigate.js';
import type {Screen} from '../../../source/console/screen.js';
import {overviewScreen} from '../../../source/console/screens/overview.js';
import {start, update} from '../../../source/console/update.js';
import {drawFrame} from '../../../source/console/view/frame.js';
import {type Block, textOf} from '../../../source/console/view/lines.js';
import type {Engine} from '../../../source/engine/engine.js';
import {type FakeWorld, fakeEngine, fakeNow, fakeWorld} from './fake-engine.js';

/** The console without a terminal: keys go in, the model and what was asked for come out. */
export type Driver = {
  readonly world: FakeWorld;
  readonly home: string;
  model(): Model;
  screen(): Screen;
  /** All commands so far. */
  readonly commands: Command[];
  /** All events so far, answers to commands included. */
  readonly events: readonly ConsoleEvent[];
  /** Presses keys, named as in key-splitter.ts, and waits for the answers. */
  press(...keys: string[]): Promise<void>;
  type(text: string): Promise<void>;
  send(event: ConsoleEvent): Promise<void>;
  /** The body of the screen as text, lines and table rows. */
  text(): string;
};

export async function drive(
  options: {
    world?: FakeWorld;
    columns?: number;
    rows?: number;
    home?: string;
    loadEngine?: () => Promise<Engine>;
    offersDemo?: boolean;
    /** Goes on from here instead of opening the console; nothing is asked for. */
    model?: Model;
  } = {},
): Promise<Driver> {
  const world = options.world ?? fakeWorld();
  const home = options.home ?? '/home/anna/.lockstep';
  const commands: Command[] = [];
  let open = 0;
  const events: ConsoleEvent[] = [];
  const changes = new Set<Promise<void>>();
  let step: Step =
    options.model === undefined
      ? start(
          createModel({
            home,
            columns: options.columns ?? 80,
            rows: options.rows ?? 24,
            now: fakeNow,
            timeZone: 'UTC',
            colour: false,
            offersDemo: options.offersDemo ?? false,
            overview: overviewScreen(),
          }),
        )
      : {model: options.model, commands: []};
  const runner = createCommandRunner({
    home,
    loadEngine: options.loadEngine ?? (async () => fakeEngine(world)),
    now: () => fakeNow,
    dispatch,
  });

  function dispatch(event: ConsoleEvent): void {
    open++;
    events.push(event);
    step = update(step.model, event);
    perform(step.commands);
  }

  function perform(asked: readonly Command[]): void {
    for (const command of asked) {
      commands.push(command);
      const done = runner.execute(command);
      if (effects[command.type] !== 'changes') continue;
      changes.add(done);
      void done.then(() => changes.delete(done));
    }
  }

  /**
   * The fake engine answers within turns of the event loop; when none brought anything, all is answered. What changes
   * something may write files, which takes as long as the disk wants.
   */
  async function settle(): Promise<void> {
    for (;;) {
      let before = -1;
      for (let quiet = 0; quiet < 5; ) {
        await new Promise(resolve => setImmediate(resolve));
        quiet = open === before ? quiet + 1 : 0;
        before = open;
      }
      if (changes.size === 0) return;
      await Promise.race(changes);
    }
  }

  perform(step.commands);
  await settle();
  return {
    world,
    home,
    commands,
    events,
    model: () => step.model,
    screen: () => currentScreen(step.model),
    async press(...keys) {
      for (const key of keys) {
        dispatch({type: 'key', key});
        await settle();
      }
    },
    async type(text) {
      for (const key of text) dispatch({type: 'key', key});
      await settle();
    },
    async send(event) {
      dispatch(event);
      await settle();
    },
    text: () => frameText(step.model).join('\n'),
  };
}

/** A frame as lines of text; a table counts its frame and rules as lines too. */
export function frameText(model: Model): string[] {
  const frame = drawFrame(model);
  return [
    textOf(frame.header),
    textOf(frame.context),
    ...frame.body.flatMap(blockText),
    textOf(frame.message),
    textOf(frame.footer),
  ];
}

function blockText(block: Block): string[] {
  if (block.kind === 'lines') return block.lines.map(textOf);
  const rule = '─';
  return [rule, block.titles.join(' | '), rule, ...block.rows.map(row => row.join(' | ')), rule];
}
