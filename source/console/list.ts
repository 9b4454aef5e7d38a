import {isCharacter, type Key} from './key-splitter.js';
import {editText, type TextInput, textInput} from './text-input.js';

/** What the operator did to a list: where the cursor is, what is filtered, how it is sorted. */
export type ListState = {
  /** Id of the row under the cursor; survives reloading, sorting and filtering. */
  readonly selected?: string;
  /** Where the cursor was, for when the row under it has gone. */
  readonly position: number;
  readonly filter: TextInput;
  /** The filter line has the keyboard. */
  readonly filtering: boolean;
  /** Index of the sorted column; undefined for the order the rows came in. */
  readonly sort?: number;
  readonly descending: boolean;
};

export const emptyList: ListState = {position: 0, filter: textInput(), filtering: false, descending: false};

/** A column of a list; `text` is only asked for rows that are filtered or drawn. */
export type Column<Row> = {
  readonly title: string;
  text(row: Row): string;
  /** What to sort by where the text would sort wrongly (sizes, times). */
  sortBy?(row: Row): number | string;
  /** Narrowest useful width; the column keeps at least this, characters. */
  readonly min?: number;
  /** Takes what room is left over. */
  readonly grow?: boolean;
  readonly align?: 'right';
  /** Left out where the room is short; of several the one with the highest number first. */
  readonly optional?: number;
};

/** A list as its screen describes it. */
export type ListSpec<Row> = {
  readonly rows: readonly Row[];
  id(row: Row): string;
  readonly columns: readonly Column<Row>[];
};

/** Rows after filter and order, and the place of the cursor in them. */
export type ListContent<Row> = {
  readonly rows: readonly Row[];
  readonly cursor: number;
  readonly total: number;
};

/**
 * Applies filter and order. The last answers are remembered by the identity of the rows, because a key in a
 * list of 10,000 must not filter and sort 10,000 rows again.
 */
export function listContent<Row>(spec: ListSpec<Row>, list: ListState): ListContent<Row> {
  const rows = arrange(spec, list);
  return {rows, cursor: cursorIn(spec, list, rows), total: spec.rows.length};
}

function cursorIn<Row>(spec: ListSpec<Row>, list: ListState, rows: readonly Row[]): number {
  if (rows.length === 0) return 0;
  const position = Math.min(Math.max(0, list.position), rows.length - 1);
  if (list.selected === undefined || spec.id(rows[position]!) === list.selected) return position;
  const found = rows.findIndex(row => spec.id(row) === list.selected);
  return found === -1 ? position : found;
}

type Arranged = {readonly key: string; readonly rows: readonly unknown[]};
const arranged = new WeakMap<readonly unknown[], Arranged>();

function arrange<Row>(spec: ListSpec<Row>, list: ListState): readonly Row[] {
  const filter = list.filter.value.trim().toLowerCase();
  if (filter === '' && list.sort === undefined) return spec.rows;
  const key = JSON.stringify([filter, list.sort, list.descending]);
  const known = arranged.get(spec.rows);
  if (known?.key === key) return known.rows as readonly Row[];
  const words = filter.split(/\s+/).filter(word => word !== '');
  const kept = spec.rows.filter(row => {
    if (words.length === 0) return true;
    const text = spec.columns
      .map(column => column.text(row))
      .join('\t')
      .toLowerCase();
    return words.every(word => text.includes(word));
  });
  const column = list.sort === undefined ? undefined : spec.columns[list.sort];
  if (column !== undefined) {
    const sortBy = column.sortBy ?? column.text;
    const sign = list.descending ? -1 : 1;
    kept.sort((a, b) => sign * compareValues(sortBy(a), sortBy(b)));
  }
  arranged.set(spec.rows, {key, rows: kept});
  return kept;
}

const collator = new Intl.Collator('en', {numeric: true, sensitivity: 'base'});

function compareValues(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return collator.compare(String(a), String(b));
}

/** The row under the cursor. */
export function selectedRow<Row>(spec: ListSpec<Row>, list: ListState): Row | undefined {
  const content = listContent(spec, list);
  return content.rows[content.cursor];
}

/**
 * The first row to draw so that the cursor is in sight, in the middle where there are rows on both sides. The window
 * goes on by one row with every key: a terminal scrolls it, so over a slow line only the row that comes is sent.
 */
export function windowStart(count: number, cursor: number, height: number): number {
  return Math.max(0, Math.min(cursor - Math.floor(height / 2), count - height));
}

/** The list after a movement key, or undefined when the key moves nothing. @param page rows on a page */
export function moveInList<Row>(
  spec: ListSpec<Row>,
  list: ListState,
  key: Key,
  page: number,
): ListState | undefined {
  const {rows, cursor} = listContent(spec, list);
  const target = targetOf(key, cursor, rows.length, page);
  if (target === undefined) return undefined;
  const position = Math.max(0, Math.min(target, rows.length - 1));
  const row = rows[position];
  return row === undefined ? {...list, position: 0} : {...list, position, selected: spec.id(row)};
}

function targetOf(key: Key, cursor: number, count: number, page: number): number | undefined {
  switch (key) {
    case 'up':
    case 'k':
      return cursor - 1;
    case 'down':
    case 'j':
      return cursor + 1;
    case 'page-up':
    case 'ctrl-b':
      return cursor - page;
    case 'page-down':
    case 'ctrl-f':
      return cursor + page;
    case 'home':
    case 'g':
      return 0;
    case 'end':
    case 'G':
      return count - 1;
    default:
      return undefined;
  }
}

/** The list after a key while its filter line has the keyboard. */
export function typeFilter(list: ListState, key: Key): ListState {
  switch (key) {
    case 'enter':
      return {...list, filtering: false};
    case 'escape':
      return {...list, filtering: false, filter: textInput()};
    default: {
      const filter = editText(list.filter, key);
      if (filter === undefined) return list;
      return {...list, filter, ...(isCharacter(key) ? {position: 0} : {})};
    }
  }
}

/** The next column to sort by; after the last one the original order comes back. */
export function sortNext(list: ListState, columns: number): ListState {
  const {sort, ...rest} = list;
  if (sort === undefined) return {...rest, sort: 0, descending: false};
  return sort + 1 < columns ? {...rest, sort: sort + 1, descending: false} : {...rest, descending: false};
}
