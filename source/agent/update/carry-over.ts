import {
  chmod,
  chown,
  copyFile,
  lstat,
  lutimes,
  mkdir,
  readdir,
  readlink,
  rm,
  symlink,
} from 'node:fs/promises';
import {dirname, join, posix} from 'node:path';
import picomatch from 'picomatch';
import {OperatorError} from '../../core/operator-error.js';
import {markerName} from './server-folder.js';
import type {CarryRule} from './update-settings.js';

/** What the rules select in a server folder (U7). */
export type Carried = {
  /** Paths below the folder; what a folder holds goes with it. Sorted, none inside another. */
  readonly paths: readonly string[];
  /** Rules that must match and do not. */
  readonly missing: readonly string[];
  readonly bytes: number;
};

/**
 * Finds what is carried over. A pattern without a slash matches names directly in the server folder, as `*.pem`; one
 * with a slash a path; a folder that matches goes with all that is in it.
 */
export async function findCarried(
  folder: string,
  rules: readonly CarryRule[],
  signal: AbortSignal,
): Promise<Carried> {
  const matchers = rules.map(rule => ({
    ...rule,
    matches: picomatch(rule.path.replace(/^\.?\//, '').replace(/\/+$/, ''), {dot: true}),
    found: false,
  }));
  const paths: string[] = [];
  let bytes = 0;
  const visit = async (below: string, taken: boolean): Promise<void> => {
    const entries = await readdir(join(folder, below), {withFileTypes: true});
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      signal.throwIfAborted();
      if (below === '' && entry.name === markerName) continue;
      const path = posix.join(below, entry.name);
      let selected = taken;
      for (const matcher of matchers)
        if (matcher.matches(path)) {
          matcher.found = true;
          selected = true;
        }
      if (selected && !taken) paths.push(path);
      if (entry.isDirectory()) await visit(path, selected);
      else if (selected && entry.isFile()) bytes += (await lstat(join(folder, path))).size;
    }
  };
  if (rules.length > 0) await visit('', false);
  return {
    paths,
    missing: matchers.filter(({required, found}) => required && !found).map(({path}) => path),
    bytes,
  };
}

/**
 * Copies what is carried over into the new folder, in place of what the release has there: owner, mode and time go
 * along, links are made anew and never followed. May be repeated.
 * @throws OperatorError UNSAFE_PATH when the release has a link or a file where a folder leads to it
 */
export async function carryOver(
  from: string,
  to: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const path of paths) {
    signal.throwIfAborted();
    await makeParents(to, path);
    await rm(join(to, path), {recursive: true, force: true});
    await copyEntry(join(from, path), join(to, path), signal);
  }
}

async function makeParents(to: string, path: string): Promise<void> {
  let folder = to;
  for (const part of dirname(path).split('/')) {
    if (part === '.') continue;
    folder = join(folder, part);
    const stat = await lstat(folder).catch(() => undefined);
    if (stat === undefined) await mkdir(folder);
    else if (!stat.isDirectory())
      throw new OperatorError(
        'UNSAFE_PATH',
        `${folder} of the release is no folder, and ${path} belongs below it.`,
        {
          hint: 'Correct `carry` in agent.json, or the release.',
        },
      );
  }
}

async function copyEntry(from: string, to: string, signal: AbortSignal): Promise<void> {
  const stat = await lstat(from);
  if (stat.isSymbolicLink()) {
    await symlink(await readlink(from), to);
  } else if (stat.isDirectory()) {
    await mkdir(to, {mode: 0o700});
    for (const name of await readdir(from)) {
      signal.throwIfAborted();
      await copyEntry(join(from, name), join(to, name), signal);
    }
    await chmod(to, stat.mode & 0o7777);
  } else if (stat.isFile()) {
    await copyFile(from, to);
    await chmod(to, stat.mode & 0o7777);
  } else return;
  const user = process.getuid?.();
  if (user === 0 && stat.isFile()) await chown(to, stat.uid, stat.gid);
  await lutimes(to, stat.atime, stat.mtime);
}
