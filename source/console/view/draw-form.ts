import {type Field, type Form, type FormRules, type Option, showsProblem} from '../form.js';
import {graphemes, type TextInput} from '../text-input.js';
import {drawInput} from './draw-input.js';
import {bold, dim, fitText, type Line, line, marker, printable, widthOf, wrap} from './lines.js';

/** Before the field that has the keyboard. */
export const focusMark = '> ';

/** One field a line, with the reason under a field that cannot be saved as it is. */
export function drawForm(form: Form, rules: FormRules, colour: boolean, width: number): Line[] {
  const shown = form.fields.filter(field => !rules.hidden.includes(field.name));
  const labelWidth = Math.min(24, Math.max(...shown.map(field => widthOf(field.label))));
  return shown.flatMap(field => {
    const focused = field.name === form.focus;
    const label = fitText(field.label, labelWidth);
    const start = [focused ? focusMark : '  ', focused ? bold(label) : label, '  '] as const;
    const room = width - labelWidth - 6;
    const [first, ...more] = drawField(field, focused, colour, room);
    const indent = ' '.repeat(labelWidth + 4);
    const problem = showsProblem(form, field.name) ? rules.problems[field.name] : undefined;
    return [
      line(...start, ...first!),
      ...more.map(rest => line(indent, ...rest)),
      ...(problem === undefined
        ? []
        : wrap(problem, room - 5).map((text, index) =>
            line(indent, index === 0 ? marker('fail') : '    ', ' ', text),
          )),
    ];
  });
}

function drawField(field: Field, focused: boolean, colour: boolean, room: number): Line[] {
  switch (field.kind) {
    case 'text': {
      if (field.input.value === '' && field.example !== undefined) {
        return [line(...(focused ? drawInput(field.input, true, colour) : []), dim(field.example))];
      }
      return [line(...drawInput(field.secret ? hidden(field.input) : field.input, focused, colour, room))];
    }
    case 'choice':
      return drawChoice(field.options, field.value, focused, room);
    case 'several':
      return drawSeveral(field.options, field.values, focused ? field.at : -1, room);
  }
}

/** As many asterisks as there are characters, so that the cursor stays where it is. */
function hidden({value, cursor}: TextInput): TextInput {
  return {value: '*'.repeat(graphemes(value).length), cursor};
}

const visibleChoices = 6;

/** Radio marks side by side when they fit; below each other, windowed, when they do not. */
function drawChoice(options: readonly Option[], value: string, focused: boolean, room: number): Line[] {
  if (options.length === 0) return [line(dim('nothing to choose from'))];
  const texts = options.map(option => `${option.value === value ? '(*)' : '( )'} ${printable(option.label)}`);
  const oneLine = texts.join('  ');
  if (widthOf(oneLine) <= room) {
    return [
      line(
        ...texts.flatMap((text, index) => {
          const chosen = options[index]!.value === value;
          return [chosen ? bold(text) : text, index < texts.length - 1 ? '  ' : ''];
        }),
      ),
    ];
  }
  const at = Math.max(
    0,
    options.findIndex(option => option.value === value),
  );
  if (!focused) return [line(texts[at]!, dim(`  ${at + 1} of ${options.length}`))];
  const from = Math.max(0, Math.min(at - Math.floor(visibleChoices / 2), options.length - visibleChoices));
  return texts
    .slice(from, from + visibleChoices)
    .map((text, index) => line(from + index === at ? bold(text) : text));
}

function drawSeveral(
  options: readonly Option[],
  values: readonly string[],
  at: number,
  room: number,
): Line[] {
  if (options.length === 0) return [line(dim('nothing to choose from'))];
  const lines: Line[] = [];
  let current: Line = [];
  let used = 0;
  options.forEach((option, index) => {
    const mark = values.includes(option.value) ? '[x]' : '[ ]';
    const text = `${mark} ${printable(option.label)}`;
    const shown = index === at ? `>${text}<` : ` ${text} `;
    if (used > 0 && used + widthOf(shown) > room) {
      lines.push(current);
      current = [];
      used = 0;
    }
    current = [...current, index === at ? bold(shown) : {text: shown}];
    used += widthOf(shown);
  });
  return [...lines, current];
}
