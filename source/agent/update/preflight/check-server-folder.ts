import {access, constants, lstat} from 'node:fs/promises';
import {dirname, relative, sep} from 'node:path';
import {databaseFile} from '../../database/open-site-database.js';
import {findCarried} from '../carry-over.js';
import {markerName, measureFolder, readText} from '../server-folder.js';
import type {Findings} from './findings.js';
import type {PreflightSubject} from './preflight.js';

/** @returns whether there is a server folder to go on with. */
export async function checkFolder(
  {settings: {folder}, site, dataFolder, updateId}: PreflightSubject,
  {add}: Findings,
): Promise<boolean> {
  const stat = await lstat(folder).catch(() => undefined);
  if (stat === undefined || !stat.isDirectory()) {
    add(
      'folder',
      'failed',
      stat === undefined
        ? `There is no server folder ${folder}.`
        : `${folder} is ${stat.isSymbolicLink() ? 'a link' : 'no folder'}.`,
      'Correct `update.folder` in agent.json; it must be the folder itself.',
    );
    return false;
  }
  const parent = dirname(folder);
  const above = await lstat(parent);
  if (above.dev !== stat.dev)
    add(
      'file-system',
      'failed',
      `${folder} is a mount point: a folder beside it lies on another file system, and cannot take its place.`,
      'Let the server folder be a folder inside the mounted file system.',
    );
  else add('file-system', 'passed', `${folder} and the folders beside it lie on one file system.`);
  await checkRights(folder, parent, add);
  for (const [what, path] of [
    ["The agent's data", dataFolder],
    ["The site's database", site.configuration.database && databaseFile(site.configuration.database.url)],
  ] as const)
    if (path !== undefined && isInside(folder, path))
      add(
        'layout',
        'failed',
        `${what} (${path}) lies inside the server folder, which is exchanged.`,
        'Move it out of there.',
      );
  const marker = await readText(`${folder}/${markerName}`);
  if (marker !== undefined && (updateId === undefined || !marker.includes(updateId)))
    add(
      'leftovers',
      'failed',
      `${folder} belongs to an update that was not finished: ${marker.trim().slice(0, 200)}.`,
      `Look whether the folder is as it should be, then remove ${markerName} in it.`,
    );
  return true;
}

async function checkRights(folder: string, parent: string, add: Findings['add']): Promise<void> {
  const missing: string[] = [];
  const may = async (path: string, mode: number, what: string) =>
    access(path, mode).catch(
      (error: NodeJS.ErrnoException) => void missing.push(`${what} ${path} (${error.code})`),
    );
  await may(parent, constants.R_OK | constants.W_OK | constants.X_OK, 'to create and rename in');
  await may(folder, constants.R_OK | constants.W_OK | constants.X_OK, 'to read and write');
  const user = process.getuid?.();
  const above = await lstat(parent);
  const stat = await lstat(folder);
  // In a sticky folder only owners may rename (stat(2), S_ISVTX).
  if ((above.mode & 0o1000) !== 0 && user !== 0 && user !== stat.uid && user !== above.uid)
    missing.push(`to rename ${folder}: ${parent} is sticky and another user owns the folder`);
  if (missing.length === 0) {
    add('rights', 'passed', `The agent may exchange ${folder}.`);
    return;
  }
  add(
    'rights',
    'failed',
    `The agent's user has no right ${missing.join('; ')}.`,
    'Give the user that runs the agent these rights.',
  );
}

export async function checkCarried(
  {settings: {folder, carry}, context}: PreflightSubject,
  {add, attempt}: Findings,
): Promise<{bytes: number; entries: number} | undefined> {
  return attempt('carry', 'Let the agent read the server folder.', async () => {
    const found = await findCarried(folder, carry, context.signal);
    for (const path of found.paths) await access(`${folder}/${path}`, constants.R_OK).catch(ignoreLinks);
    if (found.missing.length > 0)
      add(
        'carry',
        'failed',
        `Nothing in ${folder} matches ${found.missing.join(', ')}, which must be carried over.`,
        'Put it there, or correct `carry` in agent.json.',
      );
    else add('carry', 'passed', `${found.paths.length} paths are carried over, ${found.bytes} bytes.`);
    const {entries} = carry.length === 0 ? {entries: 0} : await measureFolder(folder, context.signal);
    return {bytes: found.bytes, entries};
  });
}

/** A link may lead nowhere; it is carried over as a link. */
function ignoreLinks(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT' && error.code !== 'ELOOP') throw error;
}

function isInside(folder: string, path: string): boolean {
  const below = relative(folder, path);
  return below === '' || (below !== '..' && !below.startsWith(`..${sep}`));
}
