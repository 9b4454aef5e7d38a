import type {Key} from '../key-splitter.js';
import {say} from '../message.js';
import {type Model, type Step, step} from '../model.js';
import {pop, withoutOverlay} from '../navigate.js';
import {editText} from '../text-input.js';
import {drawInput} from '../view/draw-input.js';
import {type Area, blank, bold, dim, type Line, line, marker, wrap} from '../view/lines.js';
import type {ConfirmOverlay} from './overlay.js';

/** A key while a question is open: Enter or y confirms, Esc or n does not; a name must be typed in full. */
export function answerConfirm(model: Model, overlay: ConfirmOverlay, key: Key): Step {
  if (key === 'escape') return step(withoutOverlay(model));
  if (overlay.typeName === undefined) {
    if (key === 'enter' || key === 'y') return confirm(model, overlay);
    return key === 'n' || key === 'q' ? step(withoutOverlay(model)) : step(model);
  }
  if (key === 'enter') {
    return overlay.input.value.trim() === overlay.typeName
      ? confirm(model, overlay)
      : step(say(model, 'warn', `Type ${overlay.typeName} in full to confirm, or Esc to leave it.`));
  }
  const input = editText(overlay.input, key);
  return step(input === undefined ? model : {...model, overlay: {...overlay, input}});
}

function confirm(model: Model, overlay: ConfirmOverlay): Step {
  const closed = withoutOverlay(model);
  const starting = overlay.commands.some(({type}) => type === 'run-plan' || type === 'start-run');
  const said = starting ? say(closed, 'info', 'Starting the run ...') : closed;
  return step(overlay.thenBack ? pop(said) : said, ...overlay.commands);
}

export function drawConfirm(overlay: ConfirmOverlay, model: Model, area: Area): Line[] {
  const width = Math.max(...overlay.effects.map(([what]) => what.length), 4);
  const room = Math.max(20, area.width - width - 8);
  return [
    blank,
    ...wrap(overlay.question, area.width - 10).map((text, index) =>
      line('  ', index === 0 ? marker('warn') : '    ', ' ', bold(text)),
    ),
    blank,
    ...overlay.effects.flatMap(([what, effect]) =>
      wrap(effect, room).map((text, index) =>
        line(dim(`    ${(index === 0 ? what : '').padEnd(width)}  `), text),
      ),
    ),
    blank,
    ...(overlay.typeName === undefined
      ? [line('    ', bold('⏎'), ' or ', bold('y'), ' yes    ', bold('Esc'), ' or ', bold('n'), ' no')]
      : [
          line('    Type ', bold(overlay.typeName), ' and press ⏎ to confirm; Esc leaves it.'),
          line('    > ', ...drawInput(overlay.input, true, model.colour)),
        ]),
  ];
}
