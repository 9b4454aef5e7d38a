import type {Column} from '../list.js';
import {widthOf} from './lines.js';

/** A column that is shown: its place among all columns of the list, and its width in characters. */
export type ShownColumn = {readonly index: number; readonly width: number};

/** Frame and padding that a table adds: `│ cell │ cell │`. */
function frameWidth(columns: number): number {
  return columns * 3 + 1;
}

/** A column wants to show what is in it, but not at the price of another one when it is longer than this. */
const comfortable = 26;

/**
 * Widths of columns so that a table is exactly `width` wide. Too little room: optional columns go, then the widest
 * ones give way. Too much: the growing ones take it.
 * @param cells texts of the rows in sight, by the index of their column
 * @param known widths that rows near them need, by the index of the column
 */
export function layoutColumns<Row>(
  columns: readonly Column<Row>[],
  titles: readonly string[],
  cells: readonly (readonly string[])[],
  width: number,
  known: readonly number[] = [],
): readonly ShownColumn[] {
  const natural = columns.map((column, index) =>
    Math.max(
      column.min ?? 1,
      widthOf(titles[index]!),
      known[index] ?? 0,
      ...cells.map(row => measured(row[index]!)),
    ),
  );
  const shown = chooseColumns(columns, natural, width);
  const room = Math.max(shown.length, width - frameWidth(shown.length));
  const widths = shown.map(index => natural[index]!);
  const growing = shown.flatMap((index, at) => (columns[index]!.grow ? [at] : []));
  // A column that grows says what a row is about: it may be half as wide again before it gives way.
  const weights = shown.map(index => (columns[index]!.grow ? 2 / 3 : 1));
  shrink(
    widths,
    shown.map(index => columns[index]!.min ?? 4),
    weights,
    room,
  );
  shrink(
    widths,
    shown.map(() => 1),
    weights,
    room,
  );
  const takers = growing.length > 0 ? growing : [shown.length - 1];
  const spare = room - sum(widths);
  for (let turn = 0; turn < spare; turn++) widths[takers[turn % takers.length]!]!++;
  return shown.map((index, at) => ({index, width: widths[at]!}));
}

/** A name may have any length; measuring more of it than a line can show would only take time. */
function measured(text: string): number {
  return widthOf(text.slice(0, 300));
}

const blockRows = 100;
type Measured = {readonly blocks: Set<number>; readonly widths: readonly number[]};
const measuredRows = new WeakMap<readonly unknown[], Map<string, Measured>>();

/**
 * What the texts of rows `start` up to `end` need in each column, and those of the rows around them, and those that
 * were asked for before. A table whose widths depended on the rows in sight alone would be drawn anew, over a line that
 * may be slow, with every row that comes. Rows are measured by the hundred, once for as long as they are the same array.
 * @param columns of the same meaning whenever `key` is the same
 */
export function widthsAround<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  start: number,
  end: number,
  key: string,
): readonly number[] {
  const ofRows = measuredRows.get(rows) ?? new Map<string, Measured>();
  measuredRows.set(rows, ofRows);
  const blocks = ofRows.get(key)?.blocks ?? new Set();
  let widths = ofRows.get(key)?.widths ?? columns.map(() => 0);
  for (let block = Math.floor(start / blockRows); block * blockRows < end; block++) {
    if (blocks.has(block)) continue;
    blocks.add(block);
    const needed = widthsOf(columns, rows.slice(block * blockRows, (block + 1) * blockRows));
    widths = widths.map((width, index) => Math.max(width, needed[index]!));
  }
  ofRows.set(key, {blocks, widths});
  return widths;
}

function widthsOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): readonly number[] {
  return columns.map(column => rows.reduce((most, row) => Math.max(most, measured(column.text(row))), 0));
}

function chooseColumns<Row>(
  columns: readonly Column<Row>[],
  natural: readonly number[],
  width: number,
): readonly number[] {
  let shown = columns.map((_column, index) => index);
  const wanted = () =>
    sum(shown.map(index => Math.min(comfortable, natural[index]!))) + frameWidth(shown.length);
  while (wanted() > width) {
    const last = Math.max(...shown.map(index => columns[index]!.optional ?? 0));
    if (last === 0) break;
    shown = shown.filter(index => columns[index]!.optional !== last);
  }
  return shown;
}

/** Takes from the widest by weight, one character at a time, but nothing below `least`. */
function shrink(widths: number[], least: readonly number[], weights: readonly number[], room: number): void {
  let total = sum(widths);
  const weighed = (at: number) => widths[at]! * weights[at]!;
  while (total > room) {
    let widest = -1;
    for (let at = 0; at < widths.length; at++) {
      if (widths[at]! > least[at]! && (widest === -1 || weighed(at) > weighed(widest))) widest = at;
    }
    if (widest === -1) return;
    widths[widest]!--;
    total--;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
