/** By what people tell the rows of a table apart (E18), as a site describes its table. */
export type NaturalKey = {
  /** What the rows are: users, folders, metadata, messages … */
  readonly kind: string;
  readonly columns: readonly string[];
  /** The column that gets the id appended when two rows have one natural key. */
  readonly nameColumn: string;
  /** Column with the time at which a row was made. */
  readonly createdColumn?: string;
  /** Characters that the name may have. */
  readonly maxLength?: number;
};

/** What agent.json says of a table's natural key. An empty `naturalKey` says that it has none. */
export type NaturalKeySettings = {
  readonly kind?: string;
  readonly naturalKey?: readonly string[];
  readonly nameColumn?: string;
  readonly created?: string;
};

type Table = {
  readonly table: string;
  readonly columns: readonly string[];
  readonly primaryKey: readonly string[];
};

/** The kinds of E18 under the names that sites give their tables; the first of each list of columns that there is. */
const kinds: readonly {
  kind: string;
  tables: RegExp;
  within: readonly string[];
  names: readonly string[];
}[] = [
  {kind: 'users', tables: /^users?$/i, within: [], names: ['name', 'username', 'user_name', 'login']},
  {kind: 'groups', tables: /^(user_?)?groups?$/i, within: [], names: ['name', 'group_name']},
  {
    kind: 'folders',
    tables: /^folders?$/i,
    within: ['parent_id', 'parent', 'parent_folder_id'],
    names: ['name', 'folder_name', 'title'],
  },
  {
    kind: 'metadata',
    tables: /^meta(data)?_?(definitions?|types?)$/i,
    within: [],
    names: ['name', 'title', 'meta_name'],
  },
  {
    kind: 'messages',
    tables: /^messages?$/i,
    within: ['reply_to', 'parent_id'],
    names: ['subject', 'title', 'name'],
  },
];

const createdColumns =
  /^(created|created_?at|created_?on|creation_?(date|time)|date_?created|inserted_?at|sent_?at)$/i;

/**
 * The natural key of a table: what agent.json declares, else what the names of table and columns say. Undefined when
 * there is none, or when it is the primary key itself: two rows of one natural key are then one row.
 */
export function naturalKeyOf(table: Table, settings: NaturalKeySettings = {}): NaturalKey | undefined {
  const found = settings.naturalKey === undefined ? detect(table) : declared(table, settings);
  if (found === undefined || table.primaryKey.length === 0) return undefined;
  if (found.columns.every(column => table.primaryKey.includes(column))) return undefined;
  if (table.primaryKey.includes(found.nameColumn)) return undefined;
  const created = settings.created ?? table.columns.find(column => createdColumns.test(column));
  return {
    kind: settings.kind ?? found.kind,
    columns: found.columns,
    nameColumn: found.nameColumn,
    ...(created === undefined || !table.columns.includes(created) ? {} : {createdColumn: created}),
  };
}

/** What is wrong with a declared natural key; undefined when nothing. */
export function naturalKeyProblem(table: Table, settings: NaturalKeySettings): string | undefined {
  const unknown = [...(settings.naturalKey ?? []), settings.nameColumn, settings.created].filter(
    column => column !== undefined && !table.columns.includes(column),
  );
  if (unknown.length > 0)
    return `agent.json names columns that table ${table.table} does not have: ${unknown.join(', ')}.`;
  const nameColumn = settings.nameColumn ?? settings.naturalKey?.at(-1);
  if (
    nameColumn !== undefined &&
    (settings.naturalKey?.length ?? 0) > 0 &&
    !settings.naturalKey!.includes(nameColumn)
  )
    return `agent.json: the name column ${nameColumn} of table ${table.table} must be part of its natural key.`;
  return undefined;
}

function declared(
  table: Table,
  settings: NaturalKeySettings,
): Pick<NaturalKey, 'kind' | 'columns' | 'nameColumn'> | undefined {
  const columns = settings.naturalKey ?? [];
  const nameColumn = settings.nameColumn ?? columns.at(-1);
  if (nameColumn === undefined || columns.length === 0) return undefined;
  if (naturalKeyProblem(table, settings) !== undefined) return undefined;
  return {kind: table.table, columns, nameColumn};
}

function detect(table: Table): Pick<NaturalKey, 'kind' | 'columns' | 'nameColumn'> | undefined {
  const known = kinds.find(({tables}) => tables.test(table.table));
  if (known === undefined) return undefined;
  const has = (names: readonly string[]) => names.find(name => table.columns.includes(name));
  const nameColumn = has(known.names);
  if (nameColumn === undefined) return undefined;
  const within = has(known.within);
  return {kind: known.kind, columns: within === undefined ? [nameColumn] : [within, nameColumn], nameColumn};
}

/**
 * A name for a row whose name is taken (E18): its id behind it, `Marketing` → `Marketing11329`; when that is taken too,
 * `Marketing11329-2` and so on. The name is cut where the column is too short.
 * @param attempt 0 for the first
 */
export function proposeName(
  original: string,
  key: readonly string[],
  attempt: number,
  maxLength: number | undefined,
): string {
  const suffix = `${key.join('-')}${attempt === 0 ? '' : `-${attempt + 1}`}`;
  if (maxLength === undefined) return original + suffix;
  // Characters are counted as databases do, by code point.
  const room = Math.max(0, maxLength - [...suffix].length);
  return [...original].slice(0, room).join('') + [...suffix].slice(-maxLength).join('');
}
