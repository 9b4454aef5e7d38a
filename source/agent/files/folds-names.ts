import {type BigIntStats, lstatSync, readdirSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';

/** How much of a folder is looked at for a name that tells. */
const namesLookedAt = 1000;

export type NameProbe = {
  list(folder: string): readonly string[];
  stat(path: string): Pick<BigIntStats, 'ino' | 'dev'> | undefined;
};

/**
 * Whether the file system below `root` takes names that differ only in case for one (DESIGN.md, "Files"). Nothing is
 * written: a name that is there is asked for in the other case. An empty root is judged by its own name.
 */
export function foldsNames(root: string, probe: NameProbe = fileSystem): boolean {
  const inside = probe.list(root).slice(0, namesLookedAt);
  return foldsOne(root, inside, probe) ?? foldsOne(dirname(root), [basename(root)], probe) ?? false;
}

function foldsOne(folder: string, names: readonly string[], probe: NameProbe): boolean | undefined {
  const there = new Set(names);
  for (const name of names) {
    const other = swapCase(name);
    if (other === name || there.has(other)) continue;
    const own = probe.stat(join(folder, name));
    if (own === undefined) continue;
    const found = probe.stat(join(folder, other));
    return found !== undefined && found.ino === own.ino && found.dev === own.dev;
  }
  return undefined;
}

function swapCase(name: string): string {
  return name.replace(/[A-Za-z]/g, letter =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}

const fileSystem: NameProbe = {
  list(folder) {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  },
  stat(path) {
    try {
      return lstatSync(path, {bigint: true, throwIfNoEntry: false});
    } catch {
      return undefined;
    }
  },
};
