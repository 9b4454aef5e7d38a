import type {ExecutionContext} from 'ava';
import pg from 'pg';
import type {DatabaseMemory, SiteDatabaseOptions} from '../../../source/agent/database/database-options.js';
import {openSiteDatabase} from '../../../source/agent/database/open-site-database.js';
import {createServerDatabase, serverUrl} from '../../helpers/database-server.js';
import {runSql} from '../../helpers/run-sql.js';
import type {TestDatabase} from './test-site.js';

export type PostgresSite = TestDatabase & {
  readonly url: string;
  /** Rows of a query as exact text. */
  query(sql: string): Promise<(string | null)[][]>;
  memory(): DatabaseMemory | undefined;
};

/** A fresh PostgreSQL database with the site's own connection to it; both go away with the test. */
export async function createPostgresSite(
  t: ExecutionContext,
  options: Partial<SiteDatabaseOptions> = {},
): Promise<PostgresSite> {
  const {url, drop} = await createServerDatabase('postgres');
  return await openPostgresSite(t, url, drop, options);
}

/** The same for a user who may not do more than own the database. */
export async function createOwnedPostgresSite(
  t: ExecutionContext,
  options: Partial<SiteDatabaseOptions> = {},
): Promise<PostgresSite> {
  const {url, name, drop} = await createServerDatabase('postgres');
  const role = `${name}_owner`;
  await runSql(
    serverUrl('postgres'),
    `CREATE ROLE ${role} LOGIN PASSWORD 'secret'; ALTER DATABASE ${name} OWNER TO ${role}`,
  );
  const owned = new URL(url);
  owned.username = role;
  owned.password = 'secret';
  return await openPostgresSite(
    t,
    owned.href,
    async () => {
      await drop();
      await runSql(serverUrl('postgres'), `DROP ROLE ${role}`);
    },
    options,
  );
}

async function openPostgresSite(
  t: ExecutionContext,
  url: string,
  drop: () => Promise<void>,
  options: Partial<SiteDatabaseOptions>,
): Promise<PostgresSite> {
  let memory: DatabaseMemory | undefined;
  const clients: pg.Client[] = [];
  const connect = async () => {
    const client = new pg.Client({connectionString: url, types: asText});
    // Dropping the database ends what is still connected.
    client.on('error', () => {});
    await client.connect();
    clients.push(client);
    return client;
  };
  const site = await connect();
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
  t.teardown(async () => {
    await database.close();
    await Promise.all(clients.map(client => client.end().catch(() => {})));
    await drop();
  });
  const rows = async (sql: string) =>
    (await site.query<(string | null)[]>({text: sql, rowMode: 'array'})).rows;
  const self: PostgresSite = {
    database,
    async reopen(more) {
      await database.close();
      database = await open({...options, ...more});
      return {...self, database};
    },
    url,
    memory: () => memory,
    async execute(sql) {
      await site.query(sql);
    },
    query: rows,
    async connect() {
      const client = await connect();
      return {
        async execute(sql) {
          await client.query(sql);
        },
      };
    },
    async dump() {
      const tables = await rows(
        `SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname IN ('public', 'lockstep') ORDER BY 1, 2`,
      );
      const content: unknown[] = [];
      for (const [schema, name] of tables)
        content.push([name, await rows(`SELECT r::text FROM "${schema}"."${name}" AS r ORDER BY 1`)]);
      const rules = await rows(
        `SELECT conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE conrelid <> 0 AND connamespace::regnamespace::text IN ('public', 'lockstep')
         UNION ALL SELECT tgrelid::regclass, tgname, pg_get_triggerdef(oid) || tgenabled::text, true FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2`,
      );
      return JSON.stringify([content, rules]);
    },
  };
  return self;
}

const asText = {getTypeParser: () => (value: unknown) => value} as unknown as pg.CustomTypesConfig;
