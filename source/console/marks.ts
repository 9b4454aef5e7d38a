import type {Binding} from './bindings.js';
import {type Column, type ListSpec, type ListState, selectedRow} from './list.js';
import {type Model, step} from './model.js';
import {replaceScreen} from './navigate.js';
import type {Screen} from './screen.js';
import {type Line, line} from './view/lines.js';

/* Lists on which Space marks rows, so that one action takes several of them. */

type Marking = {readonly list: ListState; readonly marked: ReadonlySet<string>};

/** What is marked in a list and still there, or the row under the cursor when nothing is. */
export function markedRows<Row>(spec: ListSpec<Row>, {list, marked}: Marking): readonly Row[] {
  const rows = spec.rows.filter(row => marked.has(spec.id(row)));
  if (rows.length > 0) return rows;
  const row = selectedRow(spec, list);
  return row === undefined ? [] : [row];
}

/** The key that marks. @param what a row is called, with its article */
export function markBinding<S extends Screen & Marking, Row>(
  what: string,
  specOf: (screen: S, model: Model) => ListSpec<Row>,
  disabledBecause: (model: Model, screen: S) => string | undefined,
): Binding<S> {
  return {
    keys: [' '],
    label: 'mark',
    description: `Mark ${what} under the cursor, or take the mark away`,
    disabledBecause,
    run: (model, screen) => {
      const spec = specOf(screen, model);
      const row = selectedRow(spec, screen.list);
      if (row === undefined) return step(model);
      const marked = new Set(screen.marked);
      const id = spec.id(row);
      if (!marked.delete(id)) marked.add(id);
      const changed: S = {...screen, marked};
      return step(replaceScreen(model, changed));
    },
  };
}

/** The column that shows the marks. */
export function markColumn<Row>({marked}: Pick<Marking, 'marked'>, id: (row: Row) => string): Column<Row> {
  return {title: '', min: 1, text: row => (marked.has(id(row)) ? '*' : ' ')};
}

/** How many are marked, for the right end of a screen's second line. */
export function tellMarked({marked}: Pick<Marking, 'marked'>, more = ''): {readonly right?: Line} {
  return marked.size === 0 ? {} : {right: line(`${marked.size} marked${more} `)};
}
