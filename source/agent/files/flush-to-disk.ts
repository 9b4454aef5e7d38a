import {execFile} from 'node:child_process';
import {open} from 'node:fs/promises';
import {promisify} from 'node:util';
import {isAbsent} from './system-error.js';

/** Up to so many are flushed one by one; a flush of a whole file system also waits for what others wrote. */
export const flushedOneByOne = 32;

/**
 * Brings files and folders to the disk. Many are flushed with one `syncfs` for each of the file systems that hold
 * `fileSystems`, because an fsync for each takes minutes.
 */
export async function flushToDisk(paths: readonly string[], fileSystems: readonly string[]): Promise<void> {
  if (paths.length > flushedOneByOne && (await syncFileSystems(fileSystems))) return;
  let unopened = false;
  for (let from = 0; from < paths.length; from += flushedOneByOne) {
    const flushed = await Promise.all(paths.slice(from, from + flushedOneByOne).map(flush));
    unopened ||= flushed.includes(false);
  }
  if (unopened) await syncFileSystems(fileSystems);
}

async function syncFileSystems(folders: readonly string[]): Promise<boolean> {
  try {
    // Of GNU coreutils: one syncfs(2) for each argument.
    await promisify(execFile)('sync', ['--file-system', '--', ...folders]);
    return true;
  } catch {
    return false;
  }
}

/** @returns false when it may not be opened: its mode may forbid that even to its owner. */
async function flush(path: string): Promise<boolean> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, 'r');
  } catch (thrown) {
    return isAbsent(thrown);
  }
  try {
    await handle.sync();
    return true;
  } finally {
    await handle.close();
  }
}
