import stringWidth from 'string-width';
import {printable} from './format.js';

export type Column = {readonly title: string; readonly align?: 'left' | 'right'};

/**
 * Rows of cells under their titles, aligned by what a terminal shows: a Chinese character takes two cells, a
 * colour none. Cells are shown as they are; text from elsewhere goes through `printable` before.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  lookOfTitle: (title: string) => string = title => title,
): string {
  const widths = columns.map((column, index) =>
    Math.max(stringWidth(column.title), ...rows.map(row => stringWidth(row[index] ?? ''))),
  );
  const line = (cells: readonly string[], look: (cell: string) => string = cell => cell) =>
    columns
      .map((column, index) => {
        const cell = cells[index] ?? '';
        const padding = ' '.repeat(Math.max(0, widths[index]! - stringWidth(cell)));
        return column.align === 'right' ? padding + look(cell) : look(cell) + padding;
      })
      .join('  ')
      .trimEnd();
  return [
    line(
      columns.map(column => column.title),
      lookOfTitle,
    ),
    ...rows.map(row => line(row)),
  ].join('\n');
}

/** Names and values, one a line. */
export function renderFacts(facts: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...facts.map(([name]) => stringWidth(name)));
  return facts
    .map(([name, value]) => `${name}${' '.repeat(width - stringWidth(name))}  ${printable(value)}`)
    .join('\n');
}
