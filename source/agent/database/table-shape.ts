import type {Reference, TableDescription} from '../../core/site-description.js';
import type {TableSettings} from './database-options.js';

/** What drivers know of a user table; column names as the table spells them. */
export type TableShape = {
  readonly name: string;
  /** Written columns in code point order; generated ones are left out. */
  readonly columns: readonly string[];
  /** Key columns in key order; empty for a table without a primary key. */
  readonly primaryKey: readonly string[];
  /** For each key column whether it can only hold text and binary (key-text.ts). */
  readonly textualKey: readonly boolean[];
  /** Foreign keys that the database can enforce: the parent exists and its columns are unique. */
  readonly foreignKeys: readonly Reference[];
  /** Columns of unique constraints and indexes other than the primary key; partial and computed ones are left out. */
  readonly uniques: readonly (readonly string[])[];
};

/** How many live rows a driver knows a table to have. */
type LiveRows = {readonly name: string; readonly live: number};

/** Foreign keys and the references that agent.json declares, as far as their tables and columns exist. */
export function referencesOf(
  shape: TableShape,
  settings: TableSettings | undefined,
  tables: ReadonlyMap<string, TableShape>,
): Reference[] {
  const declared = Object.entries(settings?.references ?? {}).flatMap(([column, target]): Reference[] => {
    const point = target.lastIndexOf('.');
    const table = target.slice(0, point);
    const references = target.slice(point + 1);
    const known =
      shape.columns.includes(column) && tables.get(table)?.columns.includes(references) && point > 0;
    const isForeignKey = shape.foreignKeys.some(key => key.columns.length === 1 && key.columns[0] === column);
    return known && !isForeignKey ? [{columns: [column], table, references: [references]}] : [];
  });
  return [...shape.foreignKeys, ...declared];
}

/** Foreign keys by the table that they refer to. */
export type ReferencesByParent = ReadonlyMap<string, readonly {child: string; reference: Reference}[]>;

export function referencesByParent(
  tables: ReadonlyMap<string, {readonly table: TableShape}>,
): ReferencesByParent {
  const all = [...tables.values()].flatMap(({table}) =>
    table.foreignKeys.map(reference => ({child: table.name, reference})),
  );
  return Map.groupBy(all, ({reference}) => reference.table);
}

/** Tables as the other side and the console get to know them. @param states with the live rows of each table */
export function describeTables(
  shapes: ReadonlyMap<string, TableShape>,
  states: readonly LiveRows[],
  settings: Readonly<Record<string, TableSettings>> | undefined,
): TableDescription[] {
  const live = new Map(states.map(state => [state.name, state.live]));
  return [...shapes.values()].map(shape => ({
    table: shape.name,
    columns: shape.columns,
    primaryKey: shape.primaryKey,
    references: referencesOf(shape, settings?.[shape.name], shapes),
    rows: live.get(shape.name) ?? 0,
  }));
}

/** Live rows of the tables with a key. */
export function countRows(
  tables: ReadonlyMap<string, {readonly table: TableShape}>,
  states: readonly LiveRows[],
): number {
  return states
    .filter(({name}) => (tables.get(name)?.table.primaryKey.length ?? 0) > 0)
    .reduce((sum, {live}) => sum + live, 0);
}

/** Column whose value tells a person which row it is (E13): the configured one, else a usual name. */
export function titleColumn(
  columns: readonly string[],
  settings: TableSettings | undefined,
): string | undefined {
  if (settings?.title !== undefined && columns.includes(settings.title)) return settings.title;
  return ['title', 'name', 'label', 'subject', 'username', 'email', 'slug', 'path'].find(name =>
    columns.includes(name),
  );
}
