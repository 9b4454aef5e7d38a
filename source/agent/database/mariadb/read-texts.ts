import type {MariadbConnection} from './connection.js';

/** The rows of a query as texts; NULL as the empty one. */
export async function readTexts(connection: MariadbConnection, sql: string): Promise<string[][]> {
  return (await connection.query(sql)).map(row => row.map(value => value?.toString('utf8') ?? ''));
}
