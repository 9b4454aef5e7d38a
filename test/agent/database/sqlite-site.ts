import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import type {ExecutionContext} from 'ava';
import type {DatabaseMemory, SiteDatabaseOptions} from '../../../source/agent/database/database-options.js';
import {openSiteDatabase} from '../../../source/agent/database/open-site-database.js';
import type {TestDatabase} from './test-site.js';

export type SqliteSite = TestDatabase & {
  readonly path: string;
  readonly folder: string;
  memory(): DatabaseMemory | undefined;
  /** For tests that make many. */
  dispose(): Promise<void>;
};

/** A fresh SQLite database with the site's own connection to it; both go away with the test. */
export async function createSqliteSite(
  t: ExecutionContext,
  options: Partial<SiteDatabaseOptions> = {},
): Promise<SqliteSite> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-database-'));
  const path = join(folder, 'content.db');
  let memory: DatabaseMemory | undefined;
  const site = new DatabaseSync(path, {timeout: 5000, readBigInts: true, returnArrays: true});
  const open = (more: Partial<SiteDatabaseOptions>) =>
    openSiteDatabase(`sqlite:${path}`, {
      exclude: [],
      lockTimeoutMs: 2000,
      lastKnown: memory,
      remember: known => {
        memory = known;
      },
      ...more,
    });
  let database = await open(options);
  const dispose = async () => {
    await database.close();
    if (site.isOpen) site.close();
    await rm(folder, {recursive: true, force: true});
  };
  t.teardown(dispose);
  const self: SqliteSite = {
    database,
    async reopen(more) {
      await database.close();
      database = await open({...options, ...more});
      return {...self, database};
    },
    path,
    folder,
    memory: () => memory,
    dispose,
    execute: async sql => site.exec(sql),
    query: async sql => site.prepare(sql).all() as unknown as unknown[][],
    async connect() {
      const connection = new DatabaseSync(path, {timeout: 5000});
      t.teardown(() => connection.close());
      return {execute: async sql => connection.exec(sql)};
    },
    async dump() {
      return dumpOf(path);
    },
  };
  return self;
}

function dumpOf(path: string): string {
  const database = new DatabaseSync(path, {readOnly: true, readBigInts: true, returnArrays: true});
  try {
    const schema = database
      .prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name')
      .all() as unknown as string[][];
    const tables = schema.filter(([type]) => type === 'table').map(([, name]) => name!);
    const content = tables.map(name => [name, database.prepare(`SELECT * FROM \`${name}\``).all()]);
    return JSON.stringify([schema, content], (_, value: unknown) =>
      typeof value === 'bigint'
        ? `${value}n`
        : value instanceof Uint8Array
          ? Buffer.from(value).toString('hex')
          : value,
    );
  } finally {
    database.close();
  }
}
