import {showKey} from '../../../source/console/bindings.js';
import type {Command} from '../../../source/console/command.js';
import type {ConsoleEvent} from '../../../source/console/events.js';
import {allBindings, definitionOf} from '../../../source/console/key-tables.js';
import type {Model} from '../../../source/console/model.js';
import {currentScreen} from '../../../source/console/navigate.js';
import type {Engine} from '../../../source/engine/engine.js';
import {drive} from './drive.js';
import {type FakeWorld, fakeEngine} from './fake-engine.js';

/** A state of the console that was reached, and by which keys. */
export type Visit = {
  readonly keys: readonly string[];
  readonly model: Model;
  /** What it was before the last key. */
  readonly before: Model;
  /** What the last key brought about, answers to commands included. */
  readonly events: readonly ConsoleEvent[];
  /** What it asked of the world outside. */
  readonly commands: readonly Command[];
};

/**
 * Presses every key of every screen, beginning with the overview, and goes on from wherever one leads to something
 * new: another screen, another overlay, or other keys that work. What is visited comes from the tables of keys, so
 * a screen that is added is visited by itself.
 * @param world makes a world for every step, so that no key finds what another one deleted
 * @param home a folder that may be written to
 */
export async function* walkScreens(options: {
  world: () => FakeWorld;
  /** What plays the world; the fake engine when absent. */
  engine?: (world: FakeWorld) => Engine;
  home: string;
  columns: number;
  rows: number;
}): AsyncGenerator<Visit> {
  const begin = (model?: Model) => {
    const world = options.world();
    const loadEngine = async () => (options.engine ?? fakeEngine)(world);
    return drive({...options, world, loadEngine, ...(model === undefined ? {} : {model})});
  };
  const first = await begin();
  const known = new Set([stateOf(first.model())]);
  const {events, commands} = first;
  const waiting: Visit[] = [{keys: [], model: first.model(), before: first.model(), events, commands}];
  yield waiting[0]!;
  for (let from = waiting.shift(); from !== undefined; from = waiting.shift()) {
    for (const keys of keySequences(from.model)) {
      const console = await begin(from.model);
      await console.press(...keys);
      const {events, commands} = console;
      const before = from.model;
      const visit = {keys: [...from.keys, ...keys], model: console.model(), before, events, commands};
      yield visit;
      const state = stateOf(visit.model);
      if (known.has(state) || visit.model.leaving) continue;
      known.add(state);
      waiting.push(visit);
    }
  }
}

/** Two states in which the same screen offers the same keys count as one; of a form each step of it. */
function stateOf(model: Model): string {
  const screen = currentScreen(model);
  const definition = definitionOf(screen);
  const form = definition.type === undefined ? '' : definition.title(screen, model);
  const keys = allBindings(model, screen)
    .flatMap(table => table.bindings)
    .map(binding => `${binding.keys[0]}${binding.disabledBecause?.(model, screen) === undefined}`);
  return [screen.kind, form, model.overlay?.kind, ...keys].join(' ');
}

/** What can be pressed: all keys of the tables, one letter for what takes text, and the name that a question wants. */
function keySequences(model: Model): string[][] {
  const {overlay} = model;
  if (overlay !== undefined) {
    const name = overlay.kind === 'confirm' ? overlay.typeName : undefined;
    const simple = ['enter', 'escape', 'tab', 'up', 'down', 'y', ' '].map(key => [key]);
    return name === undefined ? simple : [...simple, [...name, 'enter']];
  }
  const keys = allBindings(model, currentScreen(model)).flatMap(table =>
    table.bindings.flatMap(binding => binding.keys),
  );
  return [...new Set([...keys, 'x', 'f9'])].map(key => [key]);
}

export function describeVisit({keys, model}: Visit): string {
  const over = model.overlay === undefined ? '' : ` with ${model.overlay.kind}`;
  return `${currentScreen(model).kind}${over}, after ${keys.map(showKey).join(' ') || 'opening'}`;
}
