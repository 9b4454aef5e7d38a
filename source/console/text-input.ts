import {isCharacter, type Key} from './key-splitter.js';

/** A line of text being edited. `cursor` counts graphemes, so that an emoji is one step. */
export type TextInput = {readonly value: string; readonly cursor: number};

/** Longest text that a field takes, graphemes. */
export const textLimit = 4000;

export function textInput(value = ''): TextInput {
  return {value, cursor: graphemes(value).length};
}

/** The input after a key, or undefined when the key means nothing to a text field. */
export function editText(input: TextInput, key: Key): TextInput | undefined {
  if (isCharacter(key)) return insertText(input, key);
  const parts = graphemes(input.value);
  const at = Math.min(input.cursor, parts.length);
  switch (key) {
    case 'left':
      return {...input, cursor: Math.max(0, at - 1)};
    case 'right':
      return {...input, cursor: Math.min(parts.length, at + 1)};
    case 'home':
    case 'ctrl-a':
      return {...input, cursor: 0};
    case 'end':
    case 'ctrl-e':
      return {...input, cursor: parts.length};
    case 'backspace':
      return at === 0 ? input : cut(parts, at - 1, at);
    case 'delete':
    case 'ctrl-d':
      return cut(parts, at, at + 1);
    case 'ctrl-u':
      return cut(parts, 0, at);
    case 'ctrl-k':
      return cut(parts, at, parts.length);
    case 'ctrl-w': {
      let from = at;
      while (from > 0 && parts[from - 1] === ' ') from--;
      while (from > 0 && parts[from - 1] !== ' ') from--;
      return cut(parts, from, at);
    }
    default:
      return undefined;
  }
}

/** Puts typed or pasted text at the cursor; line ends and control characters become blanks. */
export function insertText(input: TextInput, text: string): TextInput {
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ');
  const parts = graphemes(input.value);
  const at = Math.min(input.cursor, parts.length);
  const before = parts.slice(0, at).join('') + clean;
  const value = before + parts.slice(at).join('');
  const all = graphemes(value);
  if (all.length > textLimit) return input;
  return {value, cursor: graphemes(before).length};
}

export function graphemes(text: string): string[] {
  if (/^[\x20-\x7e]*$/.test(text)) return text.split('');
  return Array.from(segmenter.segment(text), part => part.segment);
}

const segmenter = new Intl.Segmenter('en', {granularity: 'grapheme'});

function cut(parts: readonly string[], from: number, to: number): TextInput {
  return {value: [...parts.slice(0, from), ...parts.slice(to)].join(''), cursor: from};
}
