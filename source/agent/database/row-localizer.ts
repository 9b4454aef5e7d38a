import {createValueReplacer, type ValueReplacer} from '../../core/replace-values.js';
import {compileTablePatterns} from '../../core/table-patterns.js';
import type {TableSettings} from './database-options.js';
import {referencesOf, type TableShape} from './table-shape.js';
import type {WireValue} from './wire-value.js';

/** Values that a site holds in another form than they travel in (E28), as agent.json says. */
export type ReplacementSettings = {
  readonly canonical: string;
  readonly here: string;
  /** Patterns of tables and columns; all when absent. */
  readonly tables?: readonly string[];
  readonly columns?: readonly string[];
};

/**
 * How the values of one table change between site and wire. Drivers apply `toCanonical` to every value that they read
 * and `toHere` to every one that they write or compare with, so that digests are always of what travels.
 */
export type TableLocalizer = {
  toHere(column: string, value: WireValue): WireValue;
  toCanonical(column: string, value: WireValue): WireValue;
};

/** The localizers of a database's tables. */
export class RowLocalizer {
  /** The settings as text: what a database remembers, to notice that they were changed. */
  readonly signature: string;
  readonly #settings: readonly ReplacementSettings[];

  constructor(settings: readonly ReplacementSettings[] = []) {
    this.#settings = settings;
    this.signature = JSON.stringify(
      settings.map(({canonical, here, tables, columns}) => [
        canonical,
        here,
        tables ?? null,
        columns ?? null,
      ]),
    );
  }

  /** The localizer that a signature stands for; none for a text that is no signature. */
  static of(signature: string): RowLocalizer {
    try {
      const settings = JSON.parse(signature) as [string, string, string[] | null, string[] | null][];
      return new RowLocalizer(
        settings.map(([canonical, here, tables, columns]) => ({
          canonical,
          here,
          ...(tables === null ? {} : {tables}),
          ...(columns === null ? {} : {columns}),
        })),
      );
    } catch {
      return new RowLocalizer();
    }
  }

  /**
   * Undefined when nothing in the table is replaced. Columns that tell rows apart or tie them together (the primary
   * key, both ends of a reference) are never replaced.
   */
  forTable(
    shape: TableShape,
    shapes: ReadonlyMap<string, TableShape>,
    tables?: Readonly<Record<string, TableSettings>>,
  ): TableLocalizer | undefined {
    const settings = this.#settings.filter(entry => accepts(entry.tables, shape.name));
    if (settings.length === 0) return undefined;
    const fixed = fixedColumns(shape, shapes, tables);
    const byColumn = new Map<string, ValueReplacer>();
    for (const column of shape.columns) {
      if (fixed.has(column)) continue;
      const replacer = createValueReplacer(settings.filter(entry => accepts(entry.columns, column)));
      if (replacer !== undefined) byColumn.set(column, replacer);
    }
    if (byColumn.size === 0) return undefined;
    const change = (way: keyof ValueReplacer) => (column: string, value: WireValue) => {
      if (value?.[0] !== 't') return value;
      const replacer = byColumn.get(column);
      return replacer === undefined ? value : `t${replacer[way](value.slice(1))}`;
    };
    return {toHere: change('toHere'), toCanonical: change('toCanonical')};
  }
}

function accepts(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns === undefined || compileTablePatterns(patterns)(name);
}

function fixedColumns(
  shape: TableShape,
  shapes: ReadonlyMap<string, TableShape>,
  tables: Readonly<Record<string, TableSettings>> | undefined,
): ReadonlySet<string> {
  const fixed = new Set(shape.primaryKey);
  for (const child of shapes.values())
    for (const reference of referencesOf(child, tables?.[child.name], shapes)) {
      if (child.name === shape.name) for (const column of reference.columns) fixed.add(column);
      if (reference.table === shape.name) for (const column of reference.references) fixed.add(column);
    }
  return fixed;
}
