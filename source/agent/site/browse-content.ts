import type {RowRef} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import type {TableDescription} from '../../core/site-description.js';
import type {ContentEntry} from '../../protocol/browse-endpoints.js';
import {titleColumn} from '../database/table-shape.js';
import {displayWire} from '../database/wire-value.js';
import {folderLink, type SelectionSource, tablesOf} from './expand-selection.js';
import type {WireRow} from './ports.js';

/** Characters of a title. */
const titleLength = 200;

const collator = new Intl.Collator('en', {numeric: true});

type Level = {readonly row: WireRow; readonly folder: TableDescription};

/**
 * Folders and content directly in a folder (E20, E21): the rows that `content:` and `folder:` of a selection mean.
 * @param folder key of a folder's row; undefined for the outermost level
 * @throws OperatorError NOT_FOUND
 */
export async function browseContent(
  folder: readonly string[] | undefined,
  source: SelectionSource,
  limit: number,
): Promise<{entries: ContentEntry[]; more: boolean}> {
  const level = folder === undefined ? undefined : await findFolder(folder, source);
  const entries: ContentEntry[] = [];
  let more = false;
  for (const kind of ['folder', 'content'] as const) {
    for (const table of tablesOf(kind === 'folder' ? 'folders' : 'content', source)) {
      const keys = await keysIn(table, kind, level, source, limit + 1);
      more ||= keys.length > limit;
      entries.push(...(await titled(table.table, kind, keys.slice(0, limit), source)));
    }
  }
  return {entries: entries.slice(0, limit), more: more || entries.length > limit};
}

async function findFolder(key: readonly string[], source: SelectionSource): Promise<Level> {
  const tables = tablesOf('folders', source).filter(({primaryKey}) => primaryKey.length === key.length);
  const refs = tables.map(({table}): RowRef => ({type: 'row', table, key}));
  const rows = (await source.database?.readRows(refs)) ?? [];
  const at = rows.findIndex(row => row !== undefined);
  const [row, folder] = [rows[at]?.row, tables[at]];
  if (row !== undefined && folder !== undefined) return {row, folder};
  throw new OperatorError('NOT_FOUND', `There is no folder ${key.join(', ')} in the content.`);
}

/** Keys of a table's rows on a level. What cannot lie in a folder lies on the outermost level. */
async function keysIn(
  table: TableDescription,
  kind: ContentEntry['kind'],
  level: Level | undefined,
  source: SelectionSource,
  limit: number,
): Promise<readonly (readonly string[])[]> {
  const {database, settings} = source;
  if (database === null) return [];
  if (level !== undefined) {
    const link = folderLink(table, level.folder, settings[table.table]);
    const value = link && level.row[link.references];
    if (link === undefined || value === undefined || value === null) return [];
    return database.findRows(table.table, {[link.column]: value}, limit);
  }
  const links = tablesOf('folders', source).flatMap(
    folder => folderLink(table, folder, settings[table.table]) ?? [],
  );
  const [link] = links;
  if (link === undefined) return firstKeys(table.table, source, limit);
  const outermost = await database.findRows(table.table, {[link.column]: null}, limit);
  // A site may mark its outermost folders in a way of its own, such as a parent 0; then all are shown side by side.
  return outermost.length === 0 && kind === 'folder' ? firstKeys(table.table, source, limit) : outermost;
}

async function firstKeys(
  table: string,
  {database}: SelectionSource,
  limit: number,
): Promise<readonly (readonly string[])[]> {
  const keys: (readonly string[])[] = [];
  if (database === null) return keys;
  for await (const {key} of database.readTable(table)) {
    keys.push(key);
    if (keys.length === limit) break;
  }
  return keys;
}

async function titled(
  table: string,
  kind: ContentEntry['kind'],
  keys: readonly (readonly string[])[],
  {database, settings}: SelectionSource,
): Promise<ContentEntry[]> {
  const refs = keys.map((key): RowRef => ({type: 'row', table, key}));
  const rows = (await database?.readRows(refs)) ?? [];
  const entries = refs.flatMap(({key}, index): ContentEntry[] => {
    const row = rows[index]?.row;
    if (row === undefined) return [];
    const column = titleColumn(Object.keys(row), settings[table]);
    const title = column === undefined ? null : displayWire(row[column] ?? null, titleLength);
    return [{kind, table, key: [...key], ...(title === null ? {} : {title})}];
  });
  return entries.sort((a, b) => collator.compare(a.title ?? '', b.title ?? ''));
}
