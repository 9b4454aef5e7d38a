import {databaseFile, engineOf} from '../database/open-site-database.js';
import type {DatabaseBackup} from './database-backup.js';

/** The way of backing up the database behind a URL of agent.json. Nothing is connected to before it is used. */
export async function openDatabaseBackup(url: string): Promise<DatabaseBackup> {
  const engine = engineOf(url);
  switch (engine) {
    case 'sqlite': {
      const {sqliteBackup} = await import('../database/sqlite/sqlite-backup.js');
      return sqliteBackup(databaseFile(url)!);
    }
    case 'postgres': {
      const {postgresBackup} = await import('../database/postgres/postgres-backup.js');
      return postgresBackup(url);
    }
    case 'mysql': {
      const {mariadbBackup} = await import('../database/mariadb/mariadb-backup.js');
      return mariadbBackup(url);
    }
  }
}
