import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import mysql from 'mysql2/promise';
import pg from 'pg';

/** A value as a test compares it: exact text, the same whatever the driver would make of it. */
export type SqlValue = string | null;

/** Runs statements on a connection of their own, as the site's own programs would; the rows of the last one. */
export async function runSql(
  url: string,
  sql: string,
  values: readonly (string | number | null)[] = [],
): Promise<SqlValue[][]> {
  return /^postgres/.test(url) ? await runPostgres(url, sql, values) : await runMysql(url, sql, values);
}

async function runPostgres(
  url: string,
  sql: string,
  values: readonly (string | number | null)[],
): Promise<SqlValue[][]> {
  const client = new pg.Client({connectionString: url, types: {getTypeParser: () => String}});
  client.on('error', () => {});
  await client.connect();
  try {
    const result = (await client.query({
      text: sql,
      rowMode: 'array',
      ...(values.length === 0 ? {} : {values: [...values]}),
    })) as unknown as pg.QueryArrayResult<SqlValue[]> | pg.QueryArrayResult<SqlValue[]>[];
    return (Array.isArray(result) ? result.at(-1)! : result).rows;
  } finally {
    await client.end();
  }
}

async function runMysql(
  url: string,
  sql: string,
  values: readonly (string | number | null)[],
): Promise<SqlValue[][]> {
  const connection = await mysql.createConnection({
    uri: url,
    multipleStatements: true,
    rowsAsArray: true,
    timezone: 'Z',
    typeCast: field => {
      const bytes = field.buffer();
      return bytes === null ? null : bytes.toString(field.type.includes('BLOB') ? 'hex' : 'utf8');
    },
  });
  try {
    const [result] = await connection.query(sql, [...values]);
    const rows = result as unknown as SqlValue[][] | SqlValue[][][];
    const last = rows.at?.(-1);
    return (Array.isArray(last?.[0]) ? last : rows) as SqlValue[][];
  } finally {
    await connection.end();
  }
}

/** `runSql` for a test that cannot wait: a thread of its own asks, and this one sleeps until the answer is there. */
export function runSqlNow(url: string, sql: string, values: readonly SqlValue[] = []): SqlValue[][] {
  thread ??= startThread();
  Atomics.store(thread.ready, 0, 0);
  thread.port.postMessage({url, sql, values} satisfies Question);
  if (Atomics.wait(thread.ready, 0, 0, 120_000) === 'timed-out') throw new Error(`no answer to ${sql}`);
  const answer = receiveMessageOnPort(thread.port)?.message as Reply;
  if ('error' in answer) throw new Error(answer.error);
  return answer.rows;
}

type Question = {url: string; sql: string; values: readonly SqlValue[]};
type Reply = {rows: SqlValue[][]} | {error: string};

let thread: {port: MessagePort; ready: Int32Array<SharedArrayBuffer>} | undefined;

function startThread(): NonNullable<typeof thread> {
  const ready = new Int32Array(new SharedArrayBuffer(4));
  const {port1, port2} = new MessageChannel();
  new Worker(import.meta.filename, {workerData: {port: port2, ready}, transferList: [port2]}).unref();
  port1.unref();
  return {port: port1, ready};
}

if (!isMainThread && isOurs(workerData)) {
  const {port, ready} = workerData;
  port.on('message', async ({url, sql, values}: Question) => {
    const answer: Reply = await runSql(url, sql, values).then(
      rows => ({rows: rows ?? []}),
      (error: Error) => ({error: error.message}),
    );
    port.postMessage(answer);
    Atomics.store(ready, 0, 1);
    Atomics.notify(ready, 0);
  });
}

function isOurs(data: unknown): data is {port: MessagePort; ready: Int32Array<SharedArrayBuffer>} {
  return typeof data === 'object' && data !== null && 'ready' in data && 'port' in data;
}
