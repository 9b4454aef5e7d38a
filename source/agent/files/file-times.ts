import {spawn} from 'node:child_process';
import {lutimesSync, utimesSync} from 'node:fs';
import type {FileKind} from '../../core/item.js';
import type {DiskPath} from './site-root.js';

/**
 * Sets the modification time as exactly as Node can: a time is a double there, which is about a quarter of a
 * microsecond today.
 * @param mtime nanoseconds since the epoch.
 */
export function setModificationTime(path: DiskPath, kind: FileKind, mtime: bigint): void {
  const seconds = Number(inSeconds(mtime));
  if (kind === 'link') lutimesSync(path, seconds, seconds);
  else utimesSync(path, seconds, seconds);
}

/**
 * Sets modification times to the nanosecond with the system's `touch`. A process for each is too slow for many; where
 * it cannot be done, what `setModificationTime` did stays.
 */
export async function setExactTimes(files: readonly {path: string; mtime: bigint}[]): Promise<void> {
  if (files.length === 0) return;
  const {promise, resolve} = Promise.withResolvers<void>();
  const shell = spawn('sh', [], {stdio: ['pipe', 'ignore', 'ignore']});
  shell.on('error', () => resolve());
  shell.on('close', () => resolve());
  shell.stdin.on('error', () => {});
  shell.stdin.end(
    files
      .map(({path, mtime}) => `touch -h -m -d @${inSeconds(mtime)} -- '${path.replaceAll("'", `'\\''`)}'\n`)
      .join(''),
  );
  await promise;
}

/** Whether a time is what was asked for, after it went through a double or a file system with a coarser clock. */
export function isNearTime(found: bigint, wanted: bigint): boolean {
  const difference = found > wanted ? found - wanted : wanted - found;
  return difference < 1_000n || found === (wanted / 1_000_000_000n) * 1_000_000_000n;
}

/** How many files of a commit are worth a `touch` each. */
export const exactTimesAtMost = 64;

/** Decimal seconds, exact: `1700000000.123456789`. */
function inSeconds(mtime: bigint): string {
  const sign = mtime < 0n ? '-' : '';
  const size = mtime < 0n ? -mtime : mtime;
  return `${sign}${size / 1_000_000_000n}.${(size % 1_000_000_000n).toString().padStart(9, '0')}`;
}
