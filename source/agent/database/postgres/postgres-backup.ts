import {PassThrough} from 'node:stream';
import {Client} from 'pg';
import {OperatorError} from '../../../core/operator-error.js';
import type {DatabaseBackup} from '../../backup/database-backup.js';
import {findTool, runTool} from '../../backup/run-tool.js';
import {dropEverything} from './drop-everything.js';
import {parsePostgresUrl} from './postgres-url.js';

/** How long a lock that the site holds is waited for, milliseconds. */
const lockTimeoutMs = 30_000;
const comesWith = 'the PostgreSQL client programs (postgresql-client), of the server’s version or newer';

/**
 * Backups of a PostgreSQL database by its own tools: `pg_dump` in the custom format, `pg_restore` and `psql` in one
 * transaction that first removes everything, also what was made after the backup. Owners and grants are kept, because others than our user work with the database.
 */
export function postgresBackup(url: string): DatabaseBackup {
  const {database, environment} = parsePostgresUrl(url);
  return {
    database,
    restoresAtOnce: true,

    async mustBePossible() {
      await findTool(['pg_dump'], comesWith);
      await findTool(['pg_restore'], comesWith);
      await findTool(['psql'], comesWith);
    },

    async sizeBytes() {
      return await connected(url, database, async client => {
        const {rows} = await client.query<{size: string}>(
          'SELECT pg_database_size(current_database()) AS size',
        );
        return Number(rows[0]?.size ?? 0);
      });
    },

    async write(file, {signal}) {
      const tool = await findTool(['pg_dump'], comesWith);
      await tried('The backup could not be written', () =>
        runTool(
          tool,
          ['--format=custom', '--no-password', `--lock-wait-timeout=${lockTimeoutMs}`, `--file=${file}`],
          {env: environment, signal},
        ),
      );
    },

    async verify(file, {signal}) {
      const tool = await findTool(['pg_restore'], comesWith);
      try {
        // Written nowhere, the archive is read and decompressed to its end.
        await runTool(tool, ['--file=/dev/null', file], {signal});
      } catch (error) {
        signal.throwIfAborted();
        throw new OperatorError(
          'BACKUP_DAMAGED',
          `${file} is not a whole archive: ${(error as Error).message}`,
          {
            hint: 'Make a new backup; if it happens again, check the disk.',
            cause: error,
          },
        );
      }
    },

    async restore(file, {signal}) {
      const reader = await findTool(['pg_restore'], comesWith);
      const writer = await findTool(['psql'], comesWith);
      const drops = await connected(url, database, dropEverything);
      const options = `${environment.PGOPTIONS ?? ''} -c lock_timeout=${lockTimeoutMs}`.trim();
      await tried('The backup could not be put back', async () => {
        const script = new PassThrough();
        script.write(['BEGIN', ...drops, ''].join(';\n'));
        // The archive ends with the COMMIT: should either program, or we, end before, then nothing has changed.
        const read = runTool(reader, ['--clean', '--if-exists', '--single-transaction', '--file=-', file], {
          stdout: script,
          signal,
        });
        const written = runTool(
          writer,
          [
            '--no-psqlrc',
            '--quiet',
            '--no-password',
            '--set=ON_ERROR_STOP=1',
            `--dbname=${connectionName(database)}`,
          ],
          {env: {...environment, PGOPTIONS: options}, stdin: script, signal},
        );
        // What the database said says more than the pipe that broke with it.
        const [reading, writing] = await Promise.allSettled([read, written]);
        for (const ended of [writing, reading]) if (ended.status === 'rejected') throw ended.reason;
      });
    },
  };
}

async function connected<T>(url: string, database: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({connectionString: url, connectionTimeoutMillis: 10_000});
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw new OperatorError(
      'DATABASE_UNAVAILABLE',
      `The database ${database} cannot be used: ${(error as Error).message}.`,
      {hint: 'See whether it is up and the URL in agent.json is right.', cause: error},
    );
  } finally {
    await client.end().catch(() => {});
  }
}

/** A name with `=` or a URL's form would be taken for a connection string. */
function connectionName(database: string): string {
  return `dbname='${database.replace(/[\\']/g, '\\$&')}'`;
}

async function tried(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const {message} = error as Error;
    const locked = /lock timeout|could not obtain lock/.test(message);
    throw new OperatorError(locked ? 'DATABASE_LOCKED' : 'BACKUP_FAILED', `${what}: ${message}`, {
      hint: locked
        ? 'Look for a transaction that the site leaves open, then try again.'
        : 'The database is as it was.',
      cause: error,
    });
  }
}
