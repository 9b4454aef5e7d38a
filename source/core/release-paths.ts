/** Which paths a release may have, in its manifest and in its archive alike. Pure rules. */

/** Bytes of a whole path and of one name in it, as file systems have them. */
const longestPath = 3000;
const longestName = 255;

/**
 * Why a path may not be written below a folder, or undefined: only plain names, one below the other. Names that begin
 * with `.lockstep` are kept for what an update itself puts into a folder.
 */
export function pathProblem(path: string): string | undefined {
  if (path === '') return 'it is empty';
  if (!path.isWellFormed()) return 'it is not valid Unicode';
  if (/\p{Cc}/u.test(path)) return 'it holds control characters';
  if (path.startsWith('/')) return 'it is absolute';
  if (/^[a-z]:/i.test(path)) return 'it begins with a drive letter';
  if (path.includes('\\')) return 'it holds a backslash';
  if (Buffer.byteLength(path) > longestPath) return `it is longer than ${longestPath} bytes`;
  for (const name of path.split('/')) {
    if (name === '..') return 'it leads out of the folder';
    if (name === '' || name === '.') return 'it has an empty part';
    if (name.toLowerCase().startsWith('.lockstep')) return `${name} is a name that Lockstep keeps for itself`;
    if (Buffer.byteLength(name) > longestName) return `a name in it is longer than ${longestName} bytes`;
  }
  return undefined;
}

/** The folders above a path, the outermost first. */
export function foldersAbove(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

/**
 * Why a set of paths cannot lie in one folder, or undefined: one path twice, a file where a folder has to be, or two
 * that are one on systems that do not tell upper from lower case or forms of Unicode apart.
 * @param files their paths @param folders folders that are named, besides those that the files need
 */
export function findClash(files: Iterable<string>, folders: Iterable<string>): string | undefined {
  const kinds = new Map<string, {path: string; kind: 'file' | 'folder'}>();
  const add = (path: string, kind: 'file' | 'folder'): string | undefined => {
    const folded = fold(path);
    const before = kinds.get(folded);
    if (before === undefined) kinds.set(folded, {path, kind});
    else if (before.path !== path)
      return `${before.path} and ${path} are one ${kind} on systems that do not tell them apart`;
    else if (before.kind !== kind) return `${path} is a file and a folder`;
    else if (kind === 'file') return `${path} is there twice`;
    return undefined;
  };
  const parents = new Set<string>();
  const addParents = (path: string): string | undefined => {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (parent === '' || parents.has(parent)) return undefined;
    parents.add(parent);
    return add(parent, 'folder') ?? addParents(parent);
  };
  for (const folder of folders) {
    const clash = add(folder, 'folder') ?? addParents(folder);
    if (clash !== undefined) return clash;
  }
  for (const file of files) {
    const clash = add(file, 'file') ?? addParents(file);
    if (clash !== undefined) return clash;
  }
  return undefined;
}

/** Equal for names that some file system takes for one: full case folding over the decomposed form. */
function fold(path: string): string {
  return path.normalize('NFD').toUpperCase().toLowerCase().normalize('NFD');
}
