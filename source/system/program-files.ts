import {existsSync} from 'node:fs';
import {copyFile, mkdir, readdir, readFile} from 'node:fs/promises';
import {dirname, join, relative, sep} from 'node:path';
import {fileURLToPath} from 'node:url';

/** The folder of the program that runs; absolute. */
export const programRoot = dirname(fileURLToPath(import.meta.resolve('#package')));

/** What an agent needs of the program besides the packages that its bundle leaves out. */
const parts = ['package.json', 'LICENSE', 'dist/program', 'source/bin'];

/** What nobody loads. */
const needless = /\.(map|md|d\.[cm]?ts)$/;

type Found = {readonly from: string; readonly to: string};

/**
 * Copies what an agent needs of this program into a folder that is not there yet (U13): the bundle, the launcher, and the
 * packages that the bundle loads when it needs them, with theirs. Links are left out; there are none that count.
 */
export async function copyProgram(to: string, root = programRoot): Promise<void> {
  const found: Found[] = [];
  for (const part of parts) found.push(...(await filesOf(join(root, part), part)));
  for (const [target, from] of await packagesOf(root)) found.push(...(await filesOf(from, target)));
  for (const file of found) {
    const path = join(to, file.to);
    await mkdir(dirname(path), {recursive: true});
    await copyFile(file.from, path);
  }
}

/** A file, or everything below a folder but the packages in it. */
async function filesOf(path: string, to: string): Promise<Found[]> {
  const entries = await readdir(path, {withFileTypes: true}).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (entries === undefined) return [{from: path, to}];
  const found: Found[] = [];
  for (const entry of entries)
    if (entry.isDirectory() && entry.name !== 'node_modules')
      found.push(...(await filesOf(join(path, entry.name), `${to}/${entry.name}`)));
    else if (entry.isFile() && !needless.test(entry.name))
      found.push({from: join(path, entry.name), to: `${to}/${entry.name}`});
  return found;
}

/** Folders of the packages that the bundle leaves out, and of those that they need, by where they belong. */
async function packagesOf(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const names = JSON.parse(await readFile(join(root, 'dist/program/packages.json'), 'utf8')) as string[];
  const waiting = names.map(name => ({name, from: root}));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const folder = locate(next.name, next.from);
    if (folder === undefined) continue;
    // A package manager may have put it beside the program.
    const target = folder.startsWith(join(root, sep))
      ? relative(root, folder)
      : folder.slice(folder.lastIndexOf(join(sep, 'node_modules', sep)) + 1);
    if (found.has(target)) continue;
    found.set(target, folder);
    const {dependencies = {}} = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    waiting.push(...Object.keys(dependencies).map(name => ({name, from: folder})));
  }
  return found;
}

/** Where Node finds a package from a folder on. */
function locate(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return path;
    if (folder === dirname(folder)) return undefined;
  }
}
