import stringWidth from 'string-width';
import {graphemes} from '../text-input.js';

/** Colour is only ever a second way of saying what the text says. */
export type Tone = 'ok' | 'warn' | 'fail' | 'run' | 'accent' | 'dim';

export type Span = {
  readonly text: string;
  readonly tone?: Tone;
  readonly bold?: boolean;
  readonly inverse?: boolean;
};

/** One line of the screen. */
export type Line = readonly Span[];

/** A part of a screen's body: plain lines or a table; the heights are known before anything is drawn. */
export type Block =
  | {readonly kind: 'lines'; readonly lines: readonly Line[]}
  | {
      readonly kind: 'table';
      readonly titles: readonly string[];
      /** Only the rows in sight, already cut to their columns. */
      readonly rows: readonly (readonly string[])[];
      readonly widths: readonly number[];
      readonly alignments: readonly ('left' | 'right')[];
      /** Index in `rows` of the row under the cursor, or -1. */
      readonly cursor: number;
      readonly tones: readonly (Tone | undefined)[];
    };

export type Area = {readonly width: number; readonly height: number};

/** Lines that a table needs besides its rows: frame, headings, rule, frame. */
export const tableOverhead = 4;

export function blockHeight(block: Block): number {
  return block.kind === 'lines' ? block.lines.length : block.rows.length + tableOverhead;
}

export function line(...spans: readonly (Span | string | undefined)[]): Line {
  return spans
    .filter(span => span !== undefined)
    .map(span => (typeof span === 'string' ? {text: span} : span));
}

export const blank: Line = [];

export function dim(text: string): Span {
  return {text, tone: 'dim'};
}

export function bold(text: string): Span {
  return {text, bold: true};
}

/** `ok`, `warn`, `fail`, `run` and `wait` as text first, in colour second. */
export type Marker = 'ok' | 'warn' | 'fail' | 'run' | 'wait';

export function marker(kind: Marker): Span {
  return {text: kind.padEnd(4), tone: toneOfMarker(kind)};
}

export function toneOfMarker(kind: Marker): Tone {
  return kind === 'wait' ? 'dim' : kind;
}

/**
 * Text as it may be drawn: control characters and the marks that turn the direction of writing are written out,
 * because a file name comes from anybody.
 */
export function printable(text: string): string {
  return /^[\x20-\x7e]*$/.test(text)
    ? text
    : text.replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, character => {
        const code = character.charCodeAt(0);
        return code < 0x100
          ? `\\x${code.toString(16).padStart(2, '0')}`
          : `\\u${code.toString(16).padStart(4, '0')}`;
      });
}

export function widthOf(text: string): number {
  return /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text);
}

/** Cuts to a display width, with `~` where something is missing. */
export function cut(text: string, width: number): string {
  const clean = printable(text);
  if (width <= 0) return '';
  if (widthOf(clean) <= width) return clean;
  let kept = '';
  let used = 0;
  for (const part of graphemes(clean)) {
    const partWidth = widthOf(part);
    if (used + partWidth > width - 1) break;
    kept += part;
    used += partWidth;
  }
  return `${kept}~`;
}

/** Cuts from the left, for paths whose end says more than their beginning. */
export function cutLeft(text: string, width: number): string {
  const clean = printable(text);
  if (width <= 0) return '';
  if (widthOf(clean) <= width) return clean;
  const parts = graphemes(clean);
  let kept = '';
  let used = 0;
  for (let index = parts.length - 1; index >= 0; index--) {
    const partWidth = widthOf(parts[index]!);
    if (used + partWidth > width - 1) break;
    kept = parts[index]! + kept;
    used += partWidth;
  }
  return `~${kept}`;
}

/** Cuts or pads to exactly a display width. */
export function fitText(text: string, width: number, alignment: 'left' | 'right' = 'left'): string {
  const short = cut(text, width);
  const padding = ' '.repeat(Math.max(0, width - widthOf(short)));
  return alignment === 'left' ? short + padding : padding + short;
}

/** A line cut and padded to exactly `width`, so that what was there before is always overwritten. */
export function fitLine(source: Line, width: number): Line {
  const spans: Span[] = [];
  let left = width;
  for (const span of source) {
    if (left <= 0) break;
    const text = cut(span.text, left);
    left -= widthOf(text);
    spans.push({...span, text});
  }
  if (left > 0) spans.push({text: ' '.repeat(left)});
  return spans;
}

export function textOf(source: Line): string {
  return source.map(span => span.text).join('');
}

/** Breaks prose at blanks into lines of at most `width`, and a path or an address that is longer wherever it must. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let current = '';
    for (const word of printable(paragraph).split(' ')) {
      const candidate = current === '' ? word : `${current} ${word}`;
      if (widthOf(candidate) <= width) current = candidate;
      else {
        if (current !== '') lines.push(current);
        const pieces = piecesOf(word, width);
        current = pieces.pop()!;
        lines.push(...pieces);
      }
    }
    lines.push(current);
  }
  return lines;
}

/** A word in pieces that fit; at least one, and of one character at least. */
function piecesOf(word: string, width: number): string[] {
  const pieces = [''];
  let used = 0;
  for (const part of graphemes(word)) {
    const partWidth = widthOf(part);
    if (used > 0 && used + partWidth > width) {
      pieces.push('');
      used = 0;
    }
    pieces[pieces.length - 1] += part;
    used += partWidth;
  }
  return pieces;
}

/** Puts `right` at the right edge; the left part gives way. */
export function spread(left: Line, right: Line, width: number): Line {
  const rightWidth = Math.min(width, widthOf(textOf(right)));
  return [...fitLine(left, Math.max(0, width - rightWidth)), ...fitLine(right, rightWidth)];
}
