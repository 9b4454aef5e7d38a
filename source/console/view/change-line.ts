import {type Cells, cellsOf} from './cells.js';
import type {PaintedLine} from './painted-line.js';
import type {Pen} from './pen.js';

/** Going on with what is there already costs less than moving the cursor over so many cells. */
const cheapGap = 6;
/** From so many blanks on it is shorter to erase than to write them. */
const cheapErasure = 10;

/** Sends what makes the line `before` at `row` the line `after`. */
export function changeLine(
  pen: Pen,
  row: number,
  before: PaintedLine,
  after: PaintedLine,
  columns: number,
): void {
  const old = cellsOf(before, columns);
  const next = cellsOf(after, columns);
  if (old === undefined || next === undefined) {
    replaceLine(pen, row, after);
    return;
  }
  let column = 0;
  for (;;) {
    while (column < columns && isSame(old, next, column)) column++;
    if (column === columns) return;
    const end = endOfChange(old, next, column, columns);
    pen.moveTo(row, column);
    writeCells(pen, next, column, end, columns);
    column = end;
  }
}

/** Writes the whole line, and keeps a terminal that finds it longer than we do from going on in the next one. */
function replaceLine(pen: Pen, row: number, after: PaintedLine): void {
  pen.moveTo(row, 0);
  pen.control('\x1b[K\x1b[?7l');
  for (const {style, text} of after) pen.write(text, style);
  pen.control('\x1b[?7h');
}

function isSame(old: Cells, next: Cells, column: number): boolean {
  return old.characters[column] === next.characters[column] && old.styles[column] === next.styles[column];
}

function isPlainBlank(cells: Cells, column: number): boolean {
  return cells.characters[column] === ' ' && cells.styles[column] === '';
}

/** The first column after a change: one that is followed by more unchanged cells than are written over. */
function endOfChange(old: Cells, next: Cells, start: number, columns: number): number {
  let end = start + 1;
  for (let column = end; column < columns && column - end <= cheapGap; column++) {
    if (!isSame(old, next, column)) end = column + 1;
  }
  return end;
}

function writeCells(pen: Pen, cells: Cells, start: number, end: number, columns: number): void {
  let column = start;
  while (column < end) {
    let blanks = 0;
    while (column + blanks < end && isPlainBlank(cells, column + blanks)) blanks++;
    column += blanks;
    if (column === columns && blanks > 2) pen.control('\x1b[K');
    else if (blanks < cheapErasure) pen.writeBlanks(blanks);
    else pen.control(column < end ? `\x1b[${blanks}X\x1b[${blanks}C` : `\x1b[${blanks}X`);
    const style = cells.styles[column];
    let text = '';
    while (column < end && cells.styles[column] === style && !isPlainBlank(cells, column)) {
      text += cells.characters[column++];
    }
    if (text !== '') pen.write(text, style!);
  }
}
