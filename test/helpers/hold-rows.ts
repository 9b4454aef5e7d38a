import {DatabaseSync} from 'node:sqlite';
import mysql from 'mysql2/promise';
import pg from 'pg';

/** Changes every row of a table in a transaction that stays open, as a program of the site may. */
export async function holdRows(
  url: string,
  table: string,
  column: string,
): Promise<{release(): Promise<void>}> {
  const update = `UPDATE ${table} SET ${column} = ${column}`;
  let isHeld = true;
  const once = (end: () => unknown) => ({
    async release() {
      if (isHeld) await end();
      isHeld = false;
    },
  });
  if (url.startsWith('sqlite:')) {
    const site = new DatabaseSync(url.slice('sqlite:'.length), {timeout: 10_000});
    site.exec(`BEGIN IMMEDIATE; ${update}`);
    return once(() => site.close());
  }
  if (url.startsWith('postgres')) {
    const client = new pg.Client({connectionString: url});
    client.on('error', () => {});
    await client.connect();
    await client.query(`BEGIN; ${update}`);
    return once(() => client.end());
  }
  const connection = await mysql.createConnection({uri: url, multipleStatements: true});
  await connection.query(`BEGIN; ${update}`);
  return once(() => connection.end());
}
