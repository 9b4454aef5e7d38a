import {stat} from 'node:fs/promises';
import {parse} from 'node:path';
import {backup, DatabaseSync} from 'node:sqlite';
import {setTimeout as delay} from 'node:timers/promises';
import {Worker} from 'node:worker_threads';
import {OperatorError} from '../../../core/operator-error.js';
import type {BackupWork, DatabaseBackup} from '../../backup/database-backup.js';
import {checkSpace} from '../../site/no-space.js';
import {isBusy, messageOf, retryWhileBusy} from './connection.js';

/** How long a lock that the site holds is waited for, milliseconds. */
const lockTimeoutMs = 30_000;
/** Pages that are copied in one go: some megabytes, so that it can be broken off and tells how far it is. */
const pagesAtOnce = 2_000;

/** Backups of a SQLite file through the backup API, in both directions. */
export function sqliteBackup(path: string): DatabaseBackup {
  return {
    database: parse(path).name,
    restoresAtOnce: true,

    async mustBePossible() {},

    async sizeBytes() {
      const sizes = await Promise.all(
        [path, `${path}-wal`].map(async file => (await stat(file)).size).map(settled),
      );
      return sizes.reduce((sum, size) => sum + size, 0);
    },

    async write(file, work) {
      await mustExist(path);
      const source = open(path, {readOnly: true});
      try {
        // One snapshot for all steps: without it every write of the site would make the copy begin anew.
        await retryWhileBusy(
          () => {
            if (!source.isTransaction) source.exec('BEGIN');
            source.prepare('SELECT count(*) FROM sqlite_schema').get();
          },
          {timeoutMs: lockTimeoutMs, signal: work.signal},
        );
        await copy(source, file, pagesAtOnce, work);
        source.exec('COMMIT');
      } catch (error) {
        throw asBackupError(error, 'The backup could not be written');
      } finally {
        source.close();
      }
    },

    async verify(file, {signal}) {
      const mistake = await checkCopy(file, signal);
      if (mistake !== undefined)
        throw new OperatorError('BACKUP_DAMAGED', `${file} is not a whole SQLite database: ${mistake}.`, {
          hint: 'Make a new backup; if it happens again, check the disk and the database itself.',
        });
    },

    async restore(file, work) {
      const {size} = await stat(file);
      // The pages that are replaced stay in the journal or the write-ahead log until the end.
      await checkSpace(parse(path).dir, size * 2);
      const source = open(file, {readOnly: true});
      try {
        const endMs = performance.now() + lockTimeoutMs;
        for (let free = 0; ; ) {
          try {
            // In one step, under one lock: the site sees the old content or the new one.
            await copy(source, path, 2 ** 31 - 1, work);
            return;
          } catch (error) {
            // The API does not say whether its target was locked; that it is free now may be because it just became so.
            free = isLocked(path) ? 0 : free + 1;
            if (free > 3 || performance.now() > endMs) throw error;
            await delay(100, undefined, {signal: work.signal});
          }
        }
      } catch (error) {
        throw asBackupError(error, 'The backup could not be put back');
      } finally {
        source.close();
      }
    },
  };
}

async function settled(size: Promise<number>): Promise<number> {
  return await size.catch(() => 0);
}

async function mustExist(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isFile()) return;
  throw new OperatorError('DATABASE_UNAVAILABLE', `There is no database at ${path}.`, {
    hint: 'Correct the database URL of the site in agent.json, or put the file back.',
  });
}

function open(path: string, options: {readOnly: boolean}): DatabaseSync {
  try {
    return new DatabaseSync(path, {...options, timeout: 10});
  } catch (error) {
    throw new OperatorError('DATABASE_UNAVAILABLE', `Cannot open ${path}: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

async function copy(
  source: DatabaseSync,
  target: string,
  rate: number,
  {signal, progress}: BackupWork,
): Promise<void> {
  signal.throwIfAborted();
  await backup(source, target, {
    rate,
    progress({totalPages, remainingPages}) {
      // What is thrown here ends the copy between two steps.
      signal.throwIfAborted();
      progress?.(totalPages - remainingPages, totalPages);
    },
  });
}

function isLocked(path: string): boolean {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, {timeout: 10});
    database.exec('BEGIN EXCLUSIVE; ROLLBACK');
    return false;
  } catch (error) {
    return isBusy(error);
  } finally {
    database?.close();
  }
}

/** Checks off the main thread: reading a large file to its end would stop the whole agent. */
async function checkCopy(file: string, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./check-copy-worker.js', import.meta.url), {workerData: file});
  const stop = () => void worker.terminate();
  signal.addEventListener('abort', stop, {once: true});
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      worker.once('message', (found: {mistake: string | null}) => resolve(found.mistake ?? undefined));
      worker.once('error', reject);
      worker.once('exit', () => reject(signal.reason ?? new Error('the check ended without a result')));
    });
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}

function asBackupError(error: unknown, what: string): unknown {
  if (error instanceof OperatorError) return error;
  if (isBusy(error) || messageOf(error) === 'not an error')
    return new OperatorError(
      'DATABASE_LOCKED',
      `${what}: the site held the database for ${lockTimeoutMs / 1000} s.`,
      {hint: 'Look for a transaction that the site leaves open, then try again.', cause: error},
    );
  return new OperatorError('BACKUP_FAILED', `${what}: ${messageOf(error)}.`, {cause: error});
}
