import {graphemes, type TextInput} from '../text-input.js';
import {printable, type Span} from './lines.js';

/** Text being edited, with its cursor: inverse where the terminal can, `|` before the character where it cannot. */
export function drawInput(input: TextInput, active: boolean, colour: boolean, room = 200): Span[] {
  if (!active) return [{text: printable(input.value)}];
  const parts = graphemes(input.value).map(printable);
  // A long text is shown around its cursor.
  const from = Math.max(0, Math.min(input.cursor - room + 2, parts.length));
  const before = parts.slice(from, input.cursor).join('');
  const under = parts[input.cursor] ?? ' ';
  const after = parts.slice(input.cursor + 1, from + room).join('');
  return colour
    ? [{text: before}, {text: under, inverse: true}, {text: after}]
    : [{text: `${before}|${under}${after}`}];
}
