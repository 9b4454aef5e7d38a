import {findFileReferences} from '../../core/file-references.js';
import {type ItemRecord, itemId, type RowRecord, type RowRef, refOf} from '../../core/item.js';
import type {ItemGroups} from '../../core/item-group.js';
import {pathToText} from '../../core/path-text.js';
import {createSiteScope} from '../../core/scope.js';
import {formatSelected, type Selected, type SelectedFile, type SelectedRow} from '../../core/selection.js';
import type {TableDescription} from '../../core/site-description.js';
import type {TableSettings} from '../database/database-options.js';
import {kindOfTable} from '../database/table-kind.js';
import type {SiteDatabase, SiteFiles, WireRow} from './ports.js';

/** What belongs to a selection at a site, or why a part of it cannot be found. */
export type SelectionLine =
  | {readonly type: 'member'; readonly of: number; readonly record: ItemRecord}
  | {readonly type: 'unknown'; readonly of: number; readonly reason: string};

export type SelectionSource = {
  readonly files: SiteFiles;
  readonly database: SiteDatabase | null;
  readonly groups: ItemGroups;
  readonly settings: Readonly<Record<string, TableSettings>>;
  /** The tables that take part, as the last scan saw them. */
  readonly tables: readonly TableDescription[];
};

/** Kinds of tables whose rows are things of their own: they refer to content and do not belong to it. */
const ownKinds: readonly (string | undefined)[] = ['content', 'folders', 'users', 'groups'];
const rowsPerRead = 500;
const mostContent = 1_000_000;

/**
 * Finds what is selected and what belongs to it (E20–E22): a content row with the rows that refer to it, through all
 * levels, and the files that any of these mention; all content directly in a folder; files. Rows are found by foreign
 * keys and the references, kinds and columns of agent.json.
 */
export async function* expandSelection(
  selection: readonly Selected[],
  source: SelectionSource,
): AsyncGenerator<SelectionLine, void> {
  const content = new Map<string, {of: number; ref: RowRef}>();
  for (const [of, selected] of selection.entries()) {
    if (selected.kind === 'file') {
      yield findFile(of, selected, source);
      continue;
    }
    const found =
      selected.kind === 'content'
        ? await findContent(selected, source)
        : await findInFolder(selected, source);
    if (typeof found === 'string') yield {type: 'unknown', of, reason: found};
    else
      for (const record of found) {
        yield {type: 'member', of, record};
        if (!record.deleted) content.set(itemId(record), {of, ref: rowRefOf(record)});
      }
  }
  yield* findBelongings(content, source);
}

function findFile(of: number, {path}: SelectedFile, {files}: SelectionSource): SelectionLine {
  const record = files.lookUp({type: 'file', path});
  if (record === undefined) return {type: 'unknown', of, reason: `there is no file ${path}`};
  if (record.kind === 'folder' && !record.deleted)
    return {type: 'unknown', of, reason: `${path} is a folder; files are selected one by one`};
  return {type: 'member', of, record};
}

/** The row with that key; a tombstone where it is known to be gone. */
async function findContent(
  selected: SelectedRow,
  source: SelectionSource,
): Promise<readonly RowRecord[] | string> {
  const tables = tablesOf('content', source);
  if (tables.length === 0) return noTable('content');
  const refs = tables
    .filter(({primaryKey}) => primaryKey.length === selected.key.length)
    .map(({table}): RowRef => ({type: 'row', table, key: selected.key}));
  const records = await lookUpRows(refs, source);
  const live = records.filter(({deleted}) => !deleted);
  if (live.length > 1)
    return `${formatSelected(selected)} is in several tables: ${live.map(({table}) => table).join(', ')}`;
  if (records.length === 0) return `there is no ${formatSelected(selected)}`;
  return live.length === 1 ? live : records.slice(0, 1);
}

/** The content whose folder column names the folder; nothing of its subfolders (E21). */
async function findInFolder(
  {key}: SelectedRow,
  source: SelectionSource,
): Promise<readonly RowRecord[] | string> {
  const {database} = source;
  const folders = tablesOf('folders', source).filter(({primaryKey}) => primaryKey.length === key.length);
  if (folders.length === 0) return noTable('folders');
  const refs = folders.map(({table}): RowRef => ({type: 'row', table, key}));
  const found = ((await database?.readRows(refs)) ?? []).map((row, index) => ({
    row,
    folder: folders[index]!,
  }));
  const known = found.find(({row}) => row !== undefined);
  if (known?.row === undefined) return `there is no ${formatSelected({kind: 'folder', key})}`;
  const members: RowRecord[] = [];
  for (const table of tablesOf('content', source)) {
    const link = folderLink(table, known.folder, source.settings[table.table]);
    const value = link && known.row.row[link.references];
    if (link === undefined || value === undefined || value === null) continue;
    const keys = (await database?.findRows(table.table, {[link.column]: value}, mostContent)) ?? [];
    const rows = keys.map((of): RowRef => ({type: 'row', table: table.table, key: of}));
    members.push(...(await lookUpRows(rows, source)).filter(({deleted}) => !deleted));
  }
  return members;
}

/** Which column of a content table names the folder, and by which column of the folder's table. */
export function folderLink(
  table: TableDescription,
  folder: TableDescription,
  settings: TableSettings | undefined,
): {column: string; references: string} | undefined {
  const links = table.references
    .filter(({table: to, columns}) => to === folder.table && columns.length === 1)
    .map(({columns, references}) => ({column: columns[0]!, references: references[0]!}));
  const wanted = settings?.folder;
  if (wanted === undefined) return links.find(({column}) => /folder/i.test(column)) ?? links[0];
  const link = links.find(({column}) => column === wanted);
  if (link !== undefined) return link;
  const [key, ...more] = folder.primaryKey;
  return more.length === 0 && key !== undefined && table.columns.includes(wanted)
    ? {column: wanted, references: key}
    : undefined;
}

/** Rows that refer to the content, and files that the content or these mention. */
async function* findBelongings(
  content: ReadonlyMap<string, {of: number; ref: RowRef}>,
  source: SelectionSource,
): AsyncGenerator<SelectionLine, void> {
  const {database, files, settings, groups} = source;
  if (database === null || content.size === 0) return;
  const edges: {child: RowRecord; parent: string}[] = [];
  for await (const {child, parent} of database.children([...content.values()].map(({ref}) => ref)))
    if (isDependent(child.table, settings)) edges.push({child, parent: itemId(parent)});
  const members = new Map(content);
  // A row may be found first by a way that does not count; so the edges are followed once all are known.
  for (let before = -1; members.size > before; ) {
    before = members.size;
    for (const {child, parent} of edges) {
      const owner = members.get(parent);
      if (owner === undefined || members.has(itemId(child))) continue;
      members.set(itemId(child), {of: owner.of, ref: rowRefOf(child)});
      yield {type: 'member', of: owner.of, record: child};
    }
  }
  const resources = createSiteScope({
    groups,
    items: Object.keys(groups).filter(name => groups[name]?.database === true),
    filter: {kind: 'none'},
  });
  const seen = new Set<string>();
  const all = [...members.values()];
  for (let from = 0; from < all.length; from += rowsPerRead) {
    const part = all.slice(from, from + rowsPerRead);
    const rows = await database.readRows(part.map(({ref}) => ref));
    for (const [index, {of, ref}] of part.entries())
      for (const {path, declared} of pathsIn(rows[index]?.row ?? {}, settings[ref.table])) {
        if (seen.has(path) || (!declared && !resources.accepts(path, false))) continue;
        seen.add(path);
        const record = files.lookUp({type: 'file', path});
        if (record !== undefined && !record.deleted && record.kind !== 'folder')
          yield {type: 'member', of, record};
      }
  }
}

function isDependent(table: string, settings: SelectionSource['settings']): boolean {
  const own = settings[table];
  return own?.dependent ?? !ownKinds.includes(kindOfTable(table, own));
}

/** Paths that a row mentions, in the text form of items; those of declared columns whatever they look like. */
function* pathsIn(
  row: WireRow,
  settings: TableSettings | undefined,
): Generator<{path: string; declared: boolean}, void> {
  for (const [column, value] of Object.entries(row)) {
    if (value?.[0] !== 't') continue;
    const text = value.slice(1);
    const folder = settings?.files?.[column];
    if (folder !== undefined)
      for (const path of findFileReferences(text))
        yield {
          path: asItemPath(folder === '' ? path : `${folder.replace(/^\/+|\/+$/g, '')}/${path}`),
          declared: true,
        };
    else for (const path of findFileReferences(text)) yield {path: asItemPath(path), declared: false};
  }
}

function asItemPath(path: string): string {
  return pathToText(Buffer.from(path)).path;
}

/** The tables with a key whose rows are of a kind. */
export function tablesOf(kind: string, {tables, settings}: SelectionSource): readonly TableDescription[] {
  return tables.filter(
    ({table, primaryKey}) => primaryKey.length > 0 && kindOfTable(table, settings[table]) === kind,
  );
}

function noTable(kind: string): string {
  return `no table holds ${kind}; agent.json says which does, with "kind": "${kind}"`;
}

async function lookUpRows(
  refs: readonly RowRef[],
  {database}: SelectionSource,
): Promise<readonly RowRecord[]> {
  if (refs.length === 0) return [];
  const records = (await database?.lookUp(refs)) ?? [];
  return records.filter((record): record is RowRecord => record?.type === 'row');
}

function rowRefOf(record: RowRecord): RowRef {
  return refOf(record) as RowRef;
}
