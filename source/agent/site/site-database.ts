import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type {SiteDescription} from '../../core/site-description.js';
import type {DatabaseIdentity} from '../database/database-identity.js';
import type {DatabaseMemory} from '../database/database-options.js';
import {databaseFile, openSiteDatabase} from '../database/open-site-database.js';
import type {SiteDatabase} from './ports.js';
import {readJson} from './read-json.js';
import type {SiteOptions} from './site-options.js';

/** Opens the driver of a site's database; null for a site without one. @param serverNumber the number of its server, once it has one (E25) */
export async function openDatabase(
  {database, replacements}: SiteOptions,
  folder: string,
  serverNumber: () => number | undefined,
): Promise<SiteDatabase | null> {
  if (database === undefined) return null;
  const memoryFile = join(folder, 'database.json');
  return openSiteDatabase(database.url, {
    exclude: database.exclude ?? [],
    ...(database.tables === undefined ? {} : {tables: database.tables}),
    ...(replacements === undefined ? {} : {replacements}),
    serverNumber,
    lastKnown: readJson<DatabaseMemory>(memoryFile),
    remember: memory => writeFileAtomic.sync(memoryFile, JSON.stringify(memory), {mode: 0o600}),
  });
}

/** The site's database with its companions, which are never taken for files of the site. */
export function databaseFiles({database}: SiteOptions): readonly string[] {
  const file = database === undefined ? undefined : databaseFile(database.url);
  return file === undefined ? [] : ['', '-wal', '-shm', '-journal'].map(suffix => file + suffix);
}

/** What a site says of its database. */
export function describeDatabase(
  {database}: SiteOptions,
  identity: DatabaseIdentity | undefined,
): Pick<SiteDescription, 'databaseId' | 'tableGroups' | 'userTables'> {
  const databaseId = identity?.();
  const userTables = Object.entries(database?.tables ?? {})
    .filter(([, {kind}]) => kind === 'users')
    .map(([table]) => table);
  return {
    ...(databaseId === undefined ? {} : {databaseId}),
    ...(database?.groups === undefined ? {} : {tableGroups: database.groups}),
    ...(userTables.length === 0 ? {} : {userTables}),
  };
}
