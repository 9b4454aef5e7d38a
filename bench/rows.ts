import {execFile} from 'node:child_process';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import {promisify} from 'node:util';
import {createServerDatabase, type ServerEngine} from '../test/helpers/database-server.js';
import {runSql} from '../test/helpers/run-sql.js';
import {processorSeconds, serverProcess} from './processor-time.js';
import {residentMemory} from './resident-memory.js';
import {createTwoSites} from './two-sites.js';

type Engine = ServerEngine | 'sqlite';
/** Seconds on the clock, and of processor time. */
type Cost = {readonly seconds: number; readonly processor: number};
type Database = {readonly url: string; execute(sql: string): Promise<unknown>; drop(): Promise<void>};

/**
 * `npm run bench -- rows --engine sqlite,postgres,mysql`: the first copy against the engine's own dump piped into its
 * own restore, and the time of a run with 100 changed rows against the size of the table. Processor time is that of
 * the agents, or the engine's programs, together with the database server's.
 */
export async function benchRows(
  options: {engine: string; sizes: readonly number[]; changes: number},
  print: (line: string) => void,
): Promise<void> {
  const engine = engineOf(options.engine);
  print(
    `${engine}: rows | first copy | dump and restore | ratio | processor: first copy | dump and restore | ratio | nothing changed | ${options.changes} changed | processor: ${options.changes} changed | applied | bytes | peak memory of the agents`,
  );
  const changed: Cost[] = [];
  for (const rows of options.sizes) changed.push(await benchSize(engine, rows, options.changes, print));
  const [least] = changed;
  const most = changed.at(-1);
  if (least !== undefined && most !== undefined && most !== least)
    print(
      `${engine}: ${options.changes} changed of ${options.sizes.at(-1)} rows take ${(most.seconds / least.seconds).toFixed(2)} times as long as of ${options.sizes[0]}, and ${(most.processor / least.processor).toFixed(2)} times the processor time`,
    );
}

/** @returns what a run with changes takes */
async function benchSize(
  engine: Engine,
  rows: number,
  changes: number,
  print: (line: string) => void,
): Promise<Cost> {
  const sites = createTwoSites();
  const databases: Database[] = [];
  try {
    for (const side of ['local', 'remote', 'rival'])
      databases.push(await createDatabase(engine, path.join(sites.folder, `${side}.db`)));
    const [local, remote, rival] = databases as [Database, Database, Database];
    for (const {execute} of [local, remote]) await execute(schema);
    await fill(engine, local, rows);
    const server = engine === 'sqlite' ? undefined : await serverProcess(local.url);
    // Before there is anything of ours in it.
    const own = await measure(
      () => [process.pid, server],
      () => ownCopy(engine, local.url, rival.url),
    );
    await sites.connect({local: local.url, remote: remote.url});
    const served = () => [...sites.agents.map(({pid}) => pid), server];
    const first = await measure(served, () => sites.time('relationship', 'initial-sync', 'bench', '--yes'));
    const created = await sites.commandLine.run(
      ...['profile', 'create', 'bench/rows', '--items', 'database', '--direction', 'bidirectional'],
    );
    if (created.exitCode !== 0) throw new Error(created.stderr);
    await sites.time('run', 'bench/rows');
    const idle = await sites.time('run', 'bench/rows');
    await local.execute(
      `UPDATE orders SET cents = cents + 1 WHERE number IN (${Array.from({length: changes}, (_, index) => `'order-${1 + Math.floor((index * rows) / changes)}'`).join(', ')})`,
    );
    const changed = await measure(served, () => sites.time('run', 'bench/rows'));
    const {summary} = changed.result;
    const isThere = own.result;
    const compared = (part: 'seconds' | 'processor') => [
      `${first[part].toFixed(2)} s`,
      isThere ? `${own[part].toFixed(2)} s` : '-',
      isThere ? (first[part] / own[part]).toFixed(2) : '-',
    ];
    print(
      [
        rows,
        ...compared('seconds'),
        ...compared('processor'),
        `${idle.seconds.toFixed(2)} s`,
        `${changed.seconds.toFixed(2)} s`,
        `${changed.processor.toFixed(2)} s`,
        summary.applied,
        summary.bytes,
        sites.agents.map(({pid}) => `${residentMemory(pid)?.peak ?? '?'} MiB`).join(', '),
      ].join(' | '),
    );
    return changed;
  } finally {
    await sites.close();
    for (const {drop} of databases) await drop();
  }
}

/** What some work takes in the named processes. */
async function measure<T>(
  processes: () => readonly (number | undefined)[],
  work: () => Promise<T>,
): Promise<Cost & {result: T}> {
  const used = () => processes().reduce<number>((sum, pid) => sum + processorSeconds(pid), 0);
  const usedBefore = used();
  const begin = performance.now();
  const result = await work();
  return {result, seconds: (performance.now() - begin) / 1000, processor: used() - usedBefore};
}

const schema =
  'CREATE TABLE orders (number VARCHAR(40) PRIMARY KEY, customer VARCHAR(100), cents INTEGER, page_id INTEGER, created_at VARCHAR(30))';

function engineOf(text: string): Engine {
  if (text === 'sqlite' || text === 'postgres' || text === 'mysql') return text;
  throw new RangeError(`no engine ${text}: sqlite, postgres or mysql`);
}

async function createDatabase(engine: Engine, file: string): Promise<Database> {
  if (engine === 'sqlite')
    return {
      url: `sqlite:${file}`,
      async execute(sql) {
        const database = new DatabaseSync(file);
        database.exec(sql);
        database.close();
      },
      async drop() {},
    };
  const {url, drop} = await createServerDatabase(engine);
  return {url, execute: sql => runSql(url, sql), drop};
}

async function fill(engine: Engine, database: Database, rows: number): Promise<void> {
  const series = engine === 'postgres' ? `generate_series(1, ${rows}) AS n(i)` : 'n';
  const recursive =
    engine === 'postgres'
      ? ''
      : `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) `;
  const text = (prefix: string) => (engine === 'mysql' ? `CONCAT('${prefix}', i)` : `'${prefix}' || i`);
  const more = engine === 'mysql' ? `SET max_recursive_iterations = ${rows + 1}; ` : '';
  await database.execute(
    `${more}INSERT INTO orders ${recursive}SELECT ${text('order-')}, ${text('Customer ')}, i, NULL, '2026-01-01T00:00:00.000Z' FROM ${series}`,
  );
}

/** The same copy by the engine's own programs; false when they are not there. */
async function ownCopy(engine: Engine, from: string, to: string): Promise<boolean> {
  const [source, target] = [from, to].map(url => (engine === 'sqlite' ? url.slice('sqlite:'.length) : url));
  try {
    await promisify(execFile)('bash', ['-o', 'pipefail', '-c', pipeOf(engine, source!, target!)]);
    return true;
  } catch {
    return false;
  }
}

function pipeOf(engine: Engine, source: string, target: string): string {
  switch (engine) {
    case 'sqlite':
      return `sqlite3 '${source}' '.dump orders' | sqlite3 '${target}'`;
    case 'postgres':
      return `pg_dump -Fc -t orders '${source}' | pg_restore --no-owner -d '${target}'`;
    case 'mysql': {
      const options = (url: string) => {
        const {hostname, port, username, password, pathname} = new URL(url);
        return `-h ${hostname} -P ${port || 3306} -u ${username} ${password && `-p'${password}'`} ${pathname.slice(1)}`;
      };
      return `mariadb-dump ${options(source)} orders --skip-triggers | mariadb ${options(target)}`;
    }
  }
}
