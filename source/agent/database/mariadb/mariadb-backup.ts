import {randomBytes} from 'node:crypto';
import {createWriteStream} from 'node:fs';
import {appendFile, mkdtemp, open, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {OperatorError} from '../../../core/operator-error.js';
import type {DatabaseBackup} from '../../backup/database-backup.js';
import {findTool, runTool} from '../../backup/run-tool.js';
import {findParts, middleOf} from './backup-parts.js';
import {MariadbConnection} from './connection.js';
import {type ConnectionTarget, parseConnectionTarget} from './connection-target.js';
import {readDefinitions} from './definitions.js';
import {putBack} from './put-back.js';
import {readTexts} from './read-texts.js';
import {literal, quote} from './sql-text.js';

const dumpTools = ['mariadb-dump', 'mysqldump'];
const clientTools = ['mariadb', 'mysql'];
const comesWith = 'the MariaDB or MySQL client programs (mariadb-client)';

/** The last line of every dump that was written to its end. */
const completed = /\n-- Dump completed[^\n]*\n*$/;
/** How long a lock that the site holds is waited for, milliseconds. */
const lockTimeoutMs = 30_000;

/**
 * Backups of a MariaDB or MySQL database by its own tools: tables and triggers are dumped and loaded by them; views,
 * routines and events are read and made by us, so that those which stay the same are left alone (definitions.ts).
 */
export function mariadbBackup(url: string): DatabaseBackup {
  const target = parseConnectionTarget(url);
  const {database} = target;

  /** Runs a tool with the login in a file that only our user can read. */
  async function withLogin<T>(work: (login: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'lockstep-login-'));
    try {
      const file = join(folder, 'login.cnf');
      await writeFile(file, loginFile(target), {mode: 0o600});
      return await work(`--defaults-extra-file=${file}`);
    } finally {
      await rm(folder, {recursive: true, force: true});
    }
  }

  return {
    database,
    restoresAtOnce: false,

    async mustBePossible() {
      await findTool(dumpTools, comesWith);
      await findTool(clientTools, comesWith);
      await connected(target, mustMakeDatabases);
    },

    async sizeBytes() {
      return await connected(target, async connection => {
        const size = await readTexts(
          connection,
          `SELECT CAST(COALESCE(SUM(data_length), 0) AS CHAR) FROM information_schema.tables WHERE table_schema = ${literal(database)}`,
        );
        // Binary values are written in hexadecimal, which takes twice their size.
        return Number(size[0]?.[0] ?? 0) * 2;
      });
    },

    async write(file, {signal}) {
      const tool = await findTool(dumpTools, comesWith);
      await tried('The backup could not be written', () =>
        withLogin(async login => {
          const {views, definitions} = await connected(target, async connection => ({
            views: await viewsOf(connection, database),
            definitions: await readDefinitions(connection, database),
          }));
          const dump = async (...options: string[]) => {
            await runTool(
              tool,
              [
                ...[login, '--default-character-set=utf8mb4', '--hex-blob', '--no-tablespaces'],
                ...views.map(view => `--ignore-table=${database}.${view}`),
                ...[...options, '--', database],
              ],
              {stdout: createWriteStream(file, {flags: 'a', mode: 0o600}), signal},
            );
          };
          await dump('--single-transaction', '--skip-triggers', '--skip-add-locks');
          await appendFile(file, middleOf(definitions));
          await dump('--no-create-info', '--no-data', '--triggers');
        }),
      );
    },

    async verify(file) {
      const end = await readEnd(file);
      const {triggersAt} = await findParts(file).catch(() => ({triggersAt: undefined}));
      if (completed.test(end) && triggersAt !== undefined) return;
      throw new OperatorError('BACKUP_DAMAGED', `${file} is not a whole dump: its end is missing.`, {
        hint: 'Make a new backup; if it happens again, check the disk.',
      });
    },

    async restore(file, work) {
      await tried('The backup could not be put back', () =>
        withLogin(async login => {
          const client = await findTool(clientTools, comesWith);
          await connected(target, connection => putBack({connection, database, file, login, client, work}));
        }),
      );
    },
  };
}

async function viewsOf(connection: MariadbConnection, database: string): Promise<string[]> {
  const rows = await readTexts(
    connection,
    `SELECT table_name FROM information_schema.views WHERE table_schema = ${literal(database)}`,
  );
  return rows.map(([name]) => name!);
}

/** A backup that could not be put back is of no use: found out before anything depends on it. */
async function mustMakeDatabases(connection: MariadbConnection): Promise<void> {
  const name = quote(`lockstep_check_${randomBytes(6).toString('hex')}`);
  try {
    await connection.run(`CREATE DATABASE ${name}`);
    await connection.run(`DROP DATABASE ${name}`);
  } catch (error) {
    throw new OperatorError('BACKUP_FAILED', `A backup could not be put back: ${(error as Error).message}.`, {
      hint: "Needed is: GRANT ALL ON `lockstep\\_%`.* TO the user of the site's database URL.",
      cause: error,
    });
  }
}

async function readEnd(file: string): Promise<string> {
  const {size} = await stat(file);
  const handle = await open(file, 'r');
  try {
    const length = Math.min(size, 4096);
    const {buffer} = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}

async function connected<T>(
  target: ConnectionTarget,
  work: (connection: MariadbConnection) => Promise<T>,
): Promise<T> {
  const connection = await MariadbConnection.open(target, lockTimeoutMs);
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}

function loginFile({host, port, socketPath, user, password, tls}: ConnectionTarget): string {
  const value = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
  return [
    '[client]',
    ...(socketPath === undefined
      ? [`host=${value(host ?? '')}`, `port=${port}`, 'protocol=tcp']
      : [`socket=${value(socketPath)}`]),
    `user=${value(user ?? '')}`,
    `password=${value(password ?? '')}`,
    ...(tls ? ['ssl'] : []),
    '',
  ].join('\n');
}

async function tried(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const {message} = error as Error;
    const locked = /lock wait timeout/i.test(message);
    throw new OperatorError(locked ? 'DATABASE_LOCKED' : 'BACKUP_FAILED', `${what}: ${message}`, {
      hint: locked
        ? 'Look for a transaction that the site leaves open, then try again.'
        : /denied/i.test(message)
          ? 'Putting a backup back needs the right to create and drop databases and triggers.'
          : 'The database is as it was.',
      cause: error,
    });
  }
}
