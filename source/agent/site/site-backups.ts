import {join} from 'node:path';
import {durationMs} from '../../core/duration.js';
import {Backups} from '../backup/backups.js';
import type {DatabaseBackup} from '../backup/database-backup.js';
import {openDatabaseBackup} from '../backup/open-database-backup.js';
import type {SiteOptions} from './site-options.js';

/** How many backups stay where agent.json does not say. */
const defaultKeep = 10;

/** Where and how a site's database is backed up (E16); null for a site without one. @param prepare what comes before every backup */
export function openBackups(
  {database, backup = {}}: SiteOptions,
  folder: string,
  prepare: () => Promise<unknown>,
): Backups | null {
  if (database === undefined) return null;
  const {keep = defaultKeep, maxAge} = backup;
  let driver: Promise<DatabaseBackup> | undefined;
  return new Backups({
    folder: backup.folder ?? join(folder, 'backups'),
    indexFile: join(folder, 'backups.json'),
    retention: {keep, ...(maxAge === undefined ? {} : {maxAgeMs: durationMs(maxAge)!})},
    driver: () => {
      driver ??= openDatabaseBackup(database.url);
      return driver;
    },
    prepare,
  });
}
