import {type BigIntStats, lstatSync, readFileSync, writeFileSync} from 'node:fs';
import {lstat, mkdir, open, readdir, readFile, rename, rm} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {OperatorError} from '../../core/operator-error.js';
import type {UpdateFacts} from '../../core/update-journal.js';
import type {FoundFolder, UpdateDisk} from '../../core/update-recovery.js';

/** Name of the file that says to which update a folder belongs, and as what. */
export const markerName = '.lockstep-update.json';

type Part = 'old' | 'new';
type Marker = {readonly update: string; readonly part: Part};

/** Highest number of a folder that is put aside. */
const mostNumber = 9999;

/** The folder beside the server folder in which one update works; removed at its end (U2). */
export function workFolderOf(folder: string, updateId: string): string {
  return join(dirname(folder), `${basename(folder)}_update_${updateId}`);
}

/** `device:inode` of a folder; undefined when there is none, or something else. */
export function identityOf(path: string): string | undefined {
  const stat = lstatSync(path, {bigint: true, throwIfNoEntry: false});
  return stat?.isDirectory() ? textOf(stat) : undefined;
}

/**
 * Marks a folder as a part of an update, so that a restarted agent knows it for what it is whatever its name is then.
 * The inode alone would not do: it is given anew when somebody deletes a folder and makes another.
 */
export async function mark(folder: string, update: string, part: Part): Promise<void> {
  const file = join(folder, markerName);
  const marker: Marker = {update, part};
  await rm(file, {force: true});
  writeFileSync(file, `${JSON.stringify(marker)}\n`, {mode: 0o600, flush: true, flag: 'wx'});
  await flushFolder(folder);
}

export async function unmark(folder: string): Promise<void> {
  await rm(join(folder, markerName), {force: true});
}

/**
 * What lies where the folders of an update should be.
 * @param lenient the markers may be gone already, because the update is cleaning up
 */
export function lookAt(
  folder: string,
  update: string,
  {oldIdentity, newIdentity, aside, staged}: UpdateFacts,
  lenient = false,
): UpdateDisk {
  const recognise = (path: string | undefined): FoundFolder => {
    if (path === undefined) return 'absent';
    const stat = lstatSync(path, {bigint: true, throwIfNoEntry: false});
    if (stat === undefined) return 'absent';
    const identity = stat.isDirectory() ? textOf(stat) : undefined;
    const marker = readMarker(path);
    const isMarked = (part: Part) =>
      marker === undefined ? lenient : marker.update === update && marker.part === part;
    if (identity === undefined) return 'other';
    if (identity === oldIdentity && isMarked('old')) return 'old';
    return identity === newIdentity && isMarked('new') ? 'new' : 'other';
  };
  return {name: recognise(folder), aside: recognise(aside), staged: recognise(staged)};
}

/** The next free NAME_old0001 or NAME_failed0001 beside the server folder (U6). */
export async function nextFree(folder: string, suffix: 'old' | 'failed'): Promise<string> {
  const names = new Set(await readdir(dirname(folder)));
  for (let number = 1; number <= mostNumber; number++) {
    const name = `${basename(folder)}_${suffix}${String(number).padStart(4, '0')}`;
    if (!names.has(name)) return join(dirname(folder), name);
  }
  throw new OperatorError(
    'UPDATE_ATTENTION',
    `There is no free name ${basename(folder)}_${suffix}NNNN any more.`,
    {
      hint: `Remove what is not needed beside ${folder}.`,
    },
  );
}

/**
 * Gives a folder another name, durably. A rename onto an empty folder would succeed and swallow it, so there must be
 * nothing.
 * @throws OperatorError UPDATE_ATTENTION when there is something
 */
export async function moveFolder(from: string, to: string): Promise<void> {
  if ((await lstat(to).catch(() => undefined)) !== undefined)
    throw new OperatorError('UPDATE_ATTENTION', `${to} is there already; ${from} was not moved over it.`, {
      hint: 'Look who made it, and move it away.',
    });
  await rename(from, to);
  await flushFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await flushFolder(dirname(from));
}

/** Removes a folder; by another name first, so that half of it never lies under its own. */
export async function removeFolder(path: string, trash: string): Promise<void> {
  if ((await lstat(path).catch(() => undefined)) === undefined) return;
  await mkdir(trash, {recursive: true, mode: 0o700});
  const target = join(trash, `${basename(path)}-${process.hrtime.bigint()}`);
  await rename(path, target);
  await rm(target, {recursive: true, force: true, maxRetries: 5, retryDelay: 100});
}

export async function flushFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Bytes of all files below a folder, and how many entries. */
export async function measureFolder(
  path: string,
  signal: AbortSignal,
): Promise<{bytes: number; entries: number}> {
  let bytes = 0;
  let entries = 0;
  for (const entry of await readdir(path, {withFileTypes: true})) {
    signal.throwIfAborted();
    entries += 1;
    const full = join(path, entry.name);
    if (entry.isDirectory()) {
      const inside = await measureFolder(full, signal);
      bytes += inside.bytes;
      entries += inside.entries;
    } else if (entry.isFile()) bytes += (await lstat(full)).size;
  }
  return {bytes, entries};
}

/** What a folder says of itself; undefined outside an update. */
export function readMarker(folder: string): Marker | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, markerName), 'utf8')) as Marker;
  } catch {
    return undefined;
  }
}

function textOf({dev, ino}: BigIntStats): string {
  return `${dev}:${ino}`;
}

export async function readText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
