import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import picomatch from 'picomatch';
import {compareLogFiles, parseLogName} from '../../core/log-rotation.js';

/** Entries of folders that are looked through for one pattern. */
const entriesLimit = 100_000;

/**
 * The files of a log by name, rotated ones included although the pattern may name only the one that is written to;
 * oldest first. A compressed file whose plain form is there is being made, and left out.
 * @returns for each log that the pattern matches its files, relative to the root
 */
export async function findLogFiles(root: string, pattern: string): Promise<readonly (readonly string[])[]> {
  const bare = pattern.replace(/^(\.?\/)+/, '');
  const folders = bare.split('/').slice(0, -1);
  const fixed = folders.slice(0, folders.findIndex(isGlob) === -1 ? undefined : folders.findIndex(isGlob));
  const matches = picomatch(bare, {dot: true, nonegate: true});
  const base = fixed.join('/');
  const names: string[] = [];
  for await (const path of walk(root, base, fixed.length < folders.length)) {
    const {stem} = parseLogName(path);
    if (matches(path) || matches(stem)) names.push(path);
  }
  const known = new Set(names);
  const kept = names.filter(path => {
    const {compression} = parseLogName(path);
    return compression === undefined || !known.has(path.slice(0, path.lastIndexOf('.')));
  });
  const sets = Map.groupBy(kept.sort(compareLogFiles), path => parseLogName(path).stem);
  return [...sets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, paths]) => paths);
}

function isGlob(part: string): boolean {
  return /[*?[\]{}()!+@]/.test(part);
}

/** Plain files only: a link may lead anywhere. */
async function* walk(root: string, folder: string, deep: boolean): AsyncGenerator<string, void, undefined> {
  const waiting = [folder];
  let seen = 0;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const entries = await readdir(join(root, next), {withFileTypes: true}).catch(() => []);
    for (const entry of entries) {
      seen += 1;
      if (seen > entriesLimit) return;
      const path = next === '' ? entry.name : `${next}/${entry.name}`;
      if (entry.isFile()) yield path;
      else if (deep && entry.isDirectory()) waiting.push(path);
    }
  }
}
