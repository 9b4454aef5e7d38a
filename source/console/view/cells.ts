import {widthOf} from './lines.js';
import type {PaintedLine} from './painted-line.js';

/** What each cell of a line shows: one character in a style. */
export type Cells = {readonly characters: readonly string[]; readonly styles: readonly string[]};

/** A blank shows its style only where the colours are turned around; every other blank is the same. */
export function showsOnBlanks(style: string): boolean {
  return /(^|;)7(;|$)/.test(style);
}

/**
 * @returns undefined for a line with characters that do not take exactly one cell for certain (wide ones, emoji,
 *   combining marks): terminals disagree about them, so nobody knows where the others stand
 */
export function cellsOf(line: PaintedLine, columns: number): Cells | undefined {
  const characters: string[] = [];
  const styles: string[] = [];
  for (const {style, text} of line) {
    const ofBlanks = showsOnBlanks(style) ? style : '';
    for (const character of text) {
      if (!isOneCell(character)) return undefined;
      characters.push(character);
      styles.push(character === ' ' ? ofBlanks : style);
    }
  }
  while (characters.length < columns) {
    characters.push(' ');
    styles.push('');
  }
  return {characters, styles};
}

const knownWidths = new Map<string, boolean>();

function isOneCell(character: string): boolean {
  if (character >= ' ' && character <= '~') return true;
  let known = knownWidths.get(character);
  if (known === undefined) {
    // An emoji, or what makes one of its neighbour, may be drawn wide whatever Unicode says.
    known = widthOf(character) === 1 && !/[\p{Extended_Pictographic}\p{Mark}\p{Format}]/u.test(character);
    knownWidths.set(character, known);
  }
  return known;
}
