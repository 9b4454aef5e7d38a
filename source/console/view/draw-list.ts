import {formatAge, formatCount} from '../format.js';
import {type ListSpec, type ListState, listContent, windowStart} from '../list.js';
import {logPlace} from '../log-place.js';
import type {Model} from '../model.js';
import type {Fault, Loadable} from '../shared-data.js';
import {drawInput} from './draw-input.js';
import {layoutColumns, widthsAround} from './layout-columns.js';
import {
  type Area,
  type Block,
  blank,
  bold,
  cut,
  dim,
  fitText,
  type Line,
  line,
  marker,
  spread,
  type Tone,
  tableOverhead,
  wrap,
} from './lines.js';

/** How a list is to be drawn beyond its rows. */
export type ListDrawing<Row> = {
  /** What the rows are: `servers`, `runs`. */
  readonly caption: string;
  /** How to fill the list, when there is nothing in it. */
  readonly empty: readonly string[];
  /** The data's state; its age is shown and its fault named. */
  readonly source: Loadable<unknown>;
  tone?(row: Row): Tone | undefined;
  /** The list has the keyboard (a screen may have several panes). */
  readonly active?: boolean;
};

/** Lines that a list needs besides its rows. */
export const listOverhead = tableOverhead + 1;

/** A caption with count, filter and age, and the rows in sight; or why there are none. */
export function drawList<Row>(
  spec: ListSpec<Row>,
  state: ListState,
  drawing: ListDrawing<Row>,
  model: Model,
  area: Area,
): Block[] {
  const content = listContent(spec, state);
  const caption = drawCaption(spec, state, drawing, model, content.rows.length, area.width);
  const faults =
    drawing.source.fault === undefined ? [] : drawFault(drawing.source.fault, area.width).slice(0, 3);
  const head: Block = {kind: 'lines', lines: [caption, ...faults]};
  if (content.total === 0) return [head, {kind: 'lines', lines: drawNothing(drawing, area.width)}];
  if (content.rows.length === 0) {
    const text = `   Nothing matches "${state.filter.value.trim()}"; Esc clears the filter.`;
    return [head, {kind: 'lines', lines: [blank, line(dim(text))]}];
  }
  const height = Math.max(1, area.height - listOverhead - faults.length);
  const start = windowStart(content.rows.length, content.cursor, height);
  const visible = content.rows.slice(start, start + height);
  // What columns say of a time depends on how times are shown.
  const key = `${spec.columns.map(column => column.title).join()} ${model.time.show}`;
  const known = widthsAround(spec.columns, content.rows, start, start + visible.length, key);
  return [head, tableOf(spec, state, drawing, visible, known, content.cursor - start, area.width)];
}

/** An error in full: message, code, remedy, and with the console's folder where its log is. */
export function drawFault(fault: Fault, width: number, home?: string): Line[] {
  const message = wrap(`${fault.message} (${fault.code})`, width - 7);
  const hint = fault.hint === undefined ? [] : wrap(fault.hint, width - 7);
  return [
    ...message.map((text, index) => line(' ', index === 0 ? marker('fail') : '    ', ' ', text)),
    ...hint.map(text => line('      ', dim(text))),
    ...(home === undefined
      ? []
      : wrap(`Log: ${logPlace(fault, home)}`, width - 7).map(text => line('      ', dim(text)))),
  ];
}

function drawNothing<Row>(drawing: ListDrawing<Row>, width: number): Line[] {
  const {source} = drawing;
  if (source.value === undefined && source.fault !== undefined) return [];
  if (source.value === undefined)
    return [blank, line('   ', marker('run'), ` loading ${drawing.caption} ...`)];
  return [blank, ...drawing.empty.flatMap(text => indented(text, width - 4))];
}

/** A paragraph whose first blanks stand before each of its lines. */
function indented(text: string, width: number): Line[] {
  const body = text.trimStart();
  const indent = ' '.repeat(text.length - body.length);
  return wrap(body, width - indent.length).map(part => line(`   ${indent}${part}`));
}

function drawCaption<Row>(
  spec: ListSpec<Row>,
  state: ListState,
  drawing: ListDrawing<Row>,
  model: Model,
  shown: number,
  width: number,
): Line {
  const filter = state.filter.value;
  const name = drawing.active === false ? dim(` ${drawing.caption}`) : bold(` ${drawing.caption}`);
  const left =
    state.filtering || filter !== ''
      ? line(name, '  /', ...drawInput(state.filter, state.filtering, model.colour))
      : line(name);
  const total = spec.rows.length;
  const count =
    drawing.source.value === undefined
      ? ''
      : shown === total
        ? formatCount(total)
        : `${formatCount(shown)} of ${formatCount(total)}`;
  const column = state.sort === undefined ? undefined : spec.columns[state.sort];
  const order =
    column === undefined ? '' : `  by ${column.title || 'state'}${state.descending ? ', reversed' : ''}`;
  return spread(left, line(dim(`${count}${order}${drawAge(drawing.source, model)} `)), width);
}

/** How old the data is, and that newer is on its way. Silent while it is fresh. */
export function drawAge(source: Loadable<unknown>, model: Model): string {
  if (source.at === undefined) return '';
  const ageMs = model.now - source.at;
  const age = ageMs < 10_000 ? 'now' : formatAge(ageMs);
  return `  as of ${age}${source.fault !== undefined ? ', stale' : ''}`;
}

function tableOf<Row>(
  spec: ListSpec<Row>,
  state: ListState,
  drawing: ListDrawing<Row>,
  visible: readonly Row[],
  known: readonly number[],
  cursor: number,
  width: number,
): Block {
  const cells = visible.map(row => spec.columns.map(column => column.text(row)));
  const titles = spec.columns.map((column, index) =>
    index === state.sort ? `${column.title}${state.descending ? ' v' : ' ^'}` : column.title,
  );
  // The first column is the cursor, so that it can be seen without colour; it and its frame take 4 characters.
  const shown = layoutColumns(spec.columns, titles, cells, width - 4, known);
  const alignments = ['left' as const, ...shown.map(({index}) => spec.columns[index]!.align ?? 'left')];
  const widths = [1, ...shown.map(column => column.width)];
  const active = drawing.active !== false;
  return {
    kind: 'table',
    titles: ['', ...shown.map(({index, width: room}) => cut(titles[index]!, room))],
    rows: cells.map((row, at) => [
      at !== cursor ? ' ' : active ? '>' : '-',
      ...shown.map(({index, width: room}) => fitText(row[index]!, room, spec.columns[index]!.align)),
    ]),
    widths,
    alignments,
    cursor: active ? cursor : -1,
    tones: visible.map(row => drawing.tone?.(row)),
  };
}
