import {type Binding, showKey} from '../bindings.js';
import type {Key} from '../key-splitter.js';
import {allBindings, definitionOf} from '../key-tables.js';
import {type Model, type Step, step} from '../model.js';
import {currentScreen, withoutOverlay} from '../navigate.js';
import {type Area, blank, bold, dim, type Line, line, widthOf, wrap} from '../view/lines.js';

/** All keys of the screen in sight, made from its table of bindings. */
export function drawHelp(model: Model, top: number, area: Area): Line[] {
  const lines = helpLines(model, area.width);
  const start = Math.max(0, Math.min(top, lines.length - area.height));
  return lines.slice(start, start + area.height);
}

export function answerHelp(model: Model, top: number, key: Key): Step {
  const move = moves[key];
  if (move === undefined) return step(withoutOverlay(model));
  const most = Math.max(0, helpLines(model, model.columns).length - 3);
  return step({...model, overlay: {kind: 'help', top: Math.max(0, Math.min(most, top + move))}});
}

const moves: Readonly<Record<Key, number>> = {up: -1, k: -1, down: 1, j: 1, 'page-up': -10, 'page-down': 10};

function helpLines(model: Model, width: number): Line[] {
  const screen = currentScreen(model);
  const tables = allBindings(model, screen);
  return [
    line(bold(` Keys of: ${definitionOf(screen).title(screen, model)}`), dim('   any other key closes this')),
    ...tables.flatMap(table => [
      blank,
      line(' ', bold(table.title)),
      ...table.bindings.flatMap(binding => bindingLines(binding, model, width)),
    ]),
  ];
}

const keyWidth = 18;

function bindingLines(binding: Binding, model: Model, width: number): Line[] {
  const keys = binding.keys.map(showKey).join(' ');
  const reason = binding.disabledBecause?.(model, currentScreen(model));
  const padding = ' '.repeat(Math.max(1, keyWidth - widthOf(keys)));
  const text = reason === undefined ? binding.description : `${binding.description} (not now: ${reason})`;
  return wrap(text, width - keyWidth - 4).map((part, index) =>
    line(
      index === 0 ? `   ${keys}${padding}` : ' '.repeat(keyWidth + 3),
      reason === undefined ? part : dim(part),
    ),
  );
}
