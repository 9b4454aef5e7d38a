import {resolve} from 'node:path';
import {OperatorError} from '../../core/operator-error.js';
import type {DatabaseEngine} from '../../core/site-description.js';
import type {SiteDatabase} from '../site/ports.js';
import type {SiteDatabaseOptions} from './database-options.js';

type Driver = {
  readonly engine: DatabaseEngine;
  open(url: string, options: SiteDatabaseOptions): Promise<SiteDatabase>;
};

const mariadb: Driver = {
  engine: 'mysql',
  async open(url, options) {
    const {MariadbDatabase} = await import('./mariadb/mariadb-database.js');
    return new MariadbDatabase(url, options);
  },
};

const postgres: Driver = {
  engine: 'postgres',
  async open(url, options) {
    const {PostgresDatabase} = await import('./postgres/postgres-database.js');
    return new PostgresDatabase(url, options);
  },
};

/** Drivers by the scheme of a database URL. Each is loaded when a site needs it. */
const drivers: Readonly<Record<string, Driver>> = {
  sqlite: {
    engine: 'sqlite',
    async open(url, options) {
      const {SqliteDatabase} = await import('./sqlite/sqlite-database.js');
      return new SqliteDatabase(sqlitePath(url), options);
    },
  },
  mysql: mariadb,
  mariadb,
  postgres,
  postgresql: postgres,
};

/**
 * The database behind a URL of agent.json (CLI.md, "Agent"). Connects at first use, so that an agent can start while
 * a database is away; what then fails is DATABASE_UNAVAILABLE.
 * @throws OperatorError INVALID_CONFIGURATION for a URL of another form or of an engine that is not supported
 */
export async function openSiteDatabase(url: string, options: SiteDatabaseOptions): Promise<SiteDatabase> {
  return await driverOf(url).open(url, options);
}

/** The engine behind a database URL. Throws like `openSiteDatabase`. */
export function engineOf(url: string): DatabaseEngine {
  return driverOf(url).engine;
}

/** The file of a `sqlite:` URL as an absolute path; undefined for other engines. */
export function databaseFile(url: string): string | undefined {
  return schemeOf(url) === 'sqlite' ? sqlitePath(url) : undefined;
}

function driverOf(url: string): Driver {
  const scheme = schemeOf(url);
  if (scheme !== undefined && Object.hasOwn(drivers, scheme)) return drivers[scheme]!;
  throw new OperatorError('INVALID_CONFIGURATION', `This is not a database URL: ${withoutPassword(url)}`, {
    hint: 'Write sqlite:/path/file.db, postgres://user:pass@host:port/name or mysql://user:pass@host:port/name.',
  });
}

function schemeOf(url: string): string | undefined {
  return /^([a-z]+):/.exec(url)?.[1];
}

function sqlitePath(url: string): string {
  const path = url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
  if (path === '' || path.includes('\0'))
    throw new OperatorError('INVALID_CONFIGURATION', 'A sqlite: URL needs the path of the database file.');
  return resolve(path);
}

/** For messages; a password may hold an `@`. */
export function withoutPassword(url: string): string {
  return url.replace(/(:\/\/[^:/@]*):.*@/, '$1:…@');
}
