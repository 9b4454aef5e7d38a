import type {Key} from '../key-splitter.js';
import {explain} from '../message.js';
import {type Model, type Step, step} from '../model.js';
import {withoutOverlay} from '../navigate.js';
import {editText, textInput} from '../text-input.js';
import {drawInput} from '../view/draw-input.js';
import {type Area, blank, bold, dim, fitText, type Line, line} from '../view/lines.js';
import {type PaletteEntry, paletteEntries} from './palette-entries.js';

/** Entries whose words begin as typed; those that begin with the whole text come first. */
export function matching(model: Model, typed: string): readonly PaletteEntry[] {
  const text = typed.trim().toLowerCase();
  const words = text.split(/\s+/).filter(word => word !== '');
  return paletteEntries(model)
    .filter(entry => words.every(word => entry.name.toLowerCase().includes(word)))
    .toSorted(
      (a, b) => Number(b.name.toLowerCase().startsWith(text)) - Number(a.name.toLowerCase().startsWith(text)),
    );
}

type PaletteState = {readonly input: {readonly value: string; readonly cursor: number}; readonly at: number};

export function answerPalette(model: Model, state: PaletteState, key: Key): Step {
  const found = matching(model, state.input.value);
  const put = (changes: Partial<PaletteState>): Step =>
    step({...model, overlay: {kind: 'palette', ...state, ...changes}});
  switch (key) {
    case 'escape':
      return step(withoutOverlay(model));
    case 'enter': {
      const entry = found[state.at];
      if (entry !== undefined) return entry.run(withoutOverlay(model));
      // It stays open: a slip in a long name is corrected, not typed again.
      return step(
        explain(model, 'warn', `There is no command "${state.input.value}". Ctrl-U clears it, Esc closes.`),
      );
    }
    case 'up':
    case 'shift-tab':
      return put({at: Math.max(0, state.at - 1)});
    case 'down':
      return put({at: Math.max(0, Math.min(found.length - 1, state.at + 1))});
    case 'tab':
      return found[state.at] === undefined
        ? step(model)
        : put({input: textInput(found[state.at]!.name), at: 0});
    default: {
      const input = editText(state.input, key);
      return input === undefined ? step(model) : put({input, at: 0});
    }
  }
}

export function drawPalette(model: Model, state: PaletteState, area: Area): Line[] {
  const found = matching(model, state.input.value);
  const room = Math.max(1, area.height - 4);
  const start = Math.max(0, Math.min(state.at - Math.floor(room / 2), found.length - room));
  return [
    blank,
    line(bold(' : '), ...drawInput(state.input, true, model.colour)),
    line(dim('   Tab completes, ⏎ goes there, Esc closes')),
    blank,
    ...(found.length === 0 ? [line('   nothing of that name')] : []),
    ...found.slice(start, start + room).map((entry, index) => {
      const chosen = start + index === state.at;
      const name = fitText(entry.name, Math.min(50, Math.floor(area.width * 0.6)));
      return line(
        chosen ? ' > ' : '   ',
        chosen ? {text: name, bold: true, inverse: true} : name,
        '  ',
        dim(entry.description),
      );
    }),
  ];
}
