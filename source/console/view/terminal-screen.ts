import {changeLine} from './change-line.js';
import {findShift, type Shift, shiftLines} from './find-shift.js';
import type {PaintedLine} from './painted-line.js';
import {Pen} from './pen.js';

type Shown = {
  readonly columns: number;
  readonly lines: readonly PaintedLine[];
  readonly keys: readonly string[];
};

/** From so many changed lines on it is worth to look whether they only moved. */
const movedLines = 3;

/**
 * What a terminal shows, and the least that makes it show something else: changed cells, and a scrolled region where
 * lines have moved (DECSTBM, SU and SD, which every terminal since the VT100's successors knows, tmux and screen
 * too). Over a slow line a key costs what it changes and no more.
 */
export class TerminalScreen {
  #shown: Shown | undefined;

  /** Nobody knows what the terminal shows now; it is drawn from nothing next time. */
  forget(): void {
    this.#shown = undefined;
  }

  /**
   * @param lines as many as the terminal has, none wider than it
   * @returns what to send; '' when nothing has changed
   */
  show(lines: readonly PaintedLine[], columns: number): string {
    const before = this.#shown;
    const keys = lines.map(keyOf);
    this.#shown = {columns, lines, keys};
    if (before === undefined || before.columns !== columns || before.lines.length !== lines.length) {
      return `\x1b[H\x1b[J${changes(
        lines.map(() => noLine),
        lines,
        columns,
      )}`;
    }
    const changed = keys.flatMap((key, row) => (key === before.keys[row] ? [] : [row]));
    if (changed.length === 0) return '';
    const plain = changes(before.lines, lines, columns, changed);
    const shift = changed.length < movedLines ? undefined : findShift(before.keys, keys);
    if (shift === undefined) return plain;
    const moved = scroll(shift) + changes(shiftLines(before.lines, shift, noLine), lines, columns);
    return Buffer.byteLength(moved) < Buffer.byteLength(plain) ? moved : plain;
  }
}

const noLine: PaintedLine = [];

function keyOf(line: PaintedLine): string {
  let key = '';
  for (const {style, text} of line) key += `${style}\n${text}\n`;
  return key;
}

function changes(
  before: readonly PaintedLine[],
  after: readonly PaintedLine[],
  columns: number,
  rows: Iterable<number> = after.keys(),
): string {
  const pen = new Pen();
  for (const row of rows) {
    if (before[row] !== after[row]) changeLine(pen, row, before[row]!, after[row]!, columns);
  }
  return pen.finish();
}

function scroll({top, bottom, by}: Shift): string {
  return `\x1b[${top + 1};${bottom + 1}r\x1b[${Math.abs(by)}${by > 0 ? 'S' : 'T'}\x1b[r`;
}
