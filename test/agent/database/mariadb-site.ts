import type {ExecutionContext} from 'ava';
import mysql from 'mysql2/promise';
import type {DatabaseMemory, SiteDatabaseOptions} from '../../../source/agent/database/database-options.js';
import {openSiteDatabase} from '../../../source/agent/database/open-site-database.js';
import {createServerDatabase} from '../../helpers/database-server.js';
import type {SiteConnection, TestDatabase} from './test-site.js';

type SiteSession = SiteConnection & {query(sql: string): Promise<unknown[][]>};

export type MariadbSite = TestDatabase & {
  readonly url: string;
  memory(): DatabaseMemory | undefined;
  connect(): Promise<SiteSession>;
  /** For tests that make many. */
  dispose(): Promise<void>;
};

/** A fresh MariaDB database with the site's own connection to it; both go away with the test. */
export async function createMariadbSite(
  t: ExecutionContext,
  options: Partial<SiteDatabaseOptions> = {},
): Promise<MariadbSite> {
  const {url, drop} = await createServerDatabase('mysql');
  let memory: DatabaseMemory | undefined;
  const open = (more: Partial<SiteDatabaseOptions>) =>
    openSiteDatabase(url, {
      exclude: [],
      lockTimeoutMs: 2000,
      lastKnown: memory,
      remember: known => {
        memory = known;
      },
      ...more,
    });
  let database = await open(options);
  const sessions: mysql.Connection[] = [];
  const connect = async (): Promise<SiteSession> => {
    const connection = await mysql.createConnection(sessionOptions(url));
    sessions.push(connection);
    return {
      execute: async sql => void (await connection.query(sql)),
      query: async sql => (await connection.query(sql))[0] as unknown as unknown[][],
    };
  };
  const dispose = async () => {
    await database.close();
    for (const session of sessions) session.destroy();
    await drop();
  };
  t.teardown(dispose);
  const site = await connect();
  const self: MariadbSite = {
    database,
    async reopen(more) {
      await database.close();
      database = await open({...options, ...more});
      return {...self, database};
    },
    url,
    memory: () => memory,
    dispose,
    ...site,
    connect,
    dump: () => dumpOf(site.query),
  };
  return self;
}

function sessionOptions(url: string): mysql.ConnectionOptions {
  return {
    uri: url,
    multipleStatements: true,
    rowsAsArray: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
  };
}

async function dumpOf(query: (sql: string) => Promise<unknown[][]>): Promise<string> {
  const tables = (
    await query(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name",
    )
  ).map(([name]) => String(name));
  const content: unknown[] = [];
  for (const name of tables) content.push([name, await query(`SELECT * FROM \`${name}\``)]);
  const triggers = await query(
    'SELECT trigger_name, event_object_table, action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY trigger_name',
  );
  return JSON.stringify([content, triggers], (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );
}
