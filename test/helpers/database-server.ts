import {randomBytes} from 'node:crypto';
import {setTimeout as delay} from 'node:timers/promises';
import {withoutPassword} from '../../source/agent/database/open-site-database.js';
import {runSql} from './run-sql.js';

/** Engines whose databases lie on a server that has to be there for their tests. */
export type ServerEngine = 'postgres' | 'mysql';

const servers: Readonly<Record<ServerEngine, {variable: string; usual: string}>> = {
  postgres: {
    variable: 'LOCKSTEP_TEST_POSTGRES_URL',
    usual: 'postgres://postgres@127.0.0.1:5432/postgres',
  },
  mysql: {variable: 'LOCKSTEP_TEST_MARIADB_URL', usual: 'mysql://root@127.0.0.1:3306/mysql'},
};

/** The server's URL with a user who may create databases. */
export function serverUrl(engine: ServerEngine): string {
  const {variable, usual} = servers[engine];
  return process.env[variable] ?? usual;
}

/**
 * Whether the engine's tests can run here. Says so when they cannot.
 * @throws Error where `CI` is set: there a missing server is a failure
 */
export async function hasServer(engine: ServerEngine): Promise<boolean> {
  try {
    await runSql(serverUrl(engine), 'SELECT 1');
    return true;
  } catch (error) {
    const message = `no ${engine} server at ${withoutPassword(serverUrl(engine))} (${servers[engine].variable}): ${(error as Error).message}`;
    if (process.env.CI === 'true') throw new Error(message, {cause: error});
    console.warn(`SKIPPED: ${message}`);
    return false;
  }
}

export type Engine = ServerEngine | 'sqlite';
export const engines = ['sqlite', 'postgres', 'mysql'] as const satisfies readonly Engine[];

/** The engines on which tests can run here; to be asked before any test is declared, because that takes a while. */
export async function usableEngines(): Promise<ReadonlySet<Engine>> {
  const servers = await Promise.all(
    (['postgres', 'mysql'] as const).map(async engine => [engine, await hasServer(engine)] as const),
  );
  return new Set<Engine>(['sqlite', ...servers.flatMap(([engine, there]) => (there ? [engine] : []))]);
}

/** A fresh, empty database on the engine's server; the caller drops it. */
export async function createServerDatabase(
  engine: ServerEngine,
): Promise<{url: string; name: string; drop(): Promise<void>}> {
  const name = `lockstep_test_${randomBytes(8).toString('hex')}`;
  const server = serverUrl(engine);
  await runSql(server, createStatement(engine, name));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {url: url.href, name, drop: () => dropDatabase(engine, name)};
}

/** MariaDB leaves the folder behind while it still closes tables of connections that went away; the next try drops it. */
async function dropDatabase(engine: ServerEngine, name: string): Promise<void> {
  for (let tries = 1; ; tries++)
    try {
      await runSql(serverUrl(engine), dropStatement(engine, name));
      return;
    } catch (error) {
      if ((error as {errno?: number}).errno !== 1010 || tries === 20) throw error;
      await delay(100);
    }
}

function createStatement(engine: ServerEngine, name: string): string {
  switch (engine) {
    case 'postgres':
      return `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`;
    case 'mysql':
      return `CREATE DATABASE ${name} CHARACTER SET utf8mb4`;
  }
}

function dropStatement(engine: ServerEngine, name: string): string {
  switch (engine) {
    case 'postgres':
      return `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`;
    case 'mysql':
      return `DROP DATABASE IF EXISTS ${name}`;
  }
}

/** Tests of one process that may have databases on a server at once; each takes a handful of its connections. */
const atOnce = 5;
const waiting: (() => void)[] = [];
let running = 0;

/** Lets a test wait for its turn, which ends with it: a server takes only so many connections. To be called first. */
export async function takeTurn(t: {teardown(task: () => void): void}): Promise<void> {
  if (running < atOnce) running++;
  else await new Promise<void>(resolve => waiting.push(resolve));
  t.teardown(() => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  });
}
