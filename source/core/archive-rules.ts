import {findClash, pathProblem} from './release-paths.js';

/** Which ZIP archives are unpacked (U2). Pure rules over their directory. */

/** An entry as the central directory of an archive lists it (APPNOTE.TXT, 4.3.12). Sizes in bytes. */
export type ListedEntry = {
  readonly name: string;
  readonly sizeBytes: number;
  readonly compressedBytes: number;
  /** Where its local header begins. */
  readonly offset: number;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly encrypted: boolean;
  /** External attributes: the upper half is the mode of Unix, 0 where the packing system has none. */
  readonly attributes: number;
};

export type CheckedEntry = {
  readonly kind: 'file' | 'folder';
  /** Without the folder that is left away. */
  readonly path: string;
  /** Permissions, 0 to 0o777. */
  readonly mode: number;
  readonly sizeBytes: number;
  /** Its place in the list that was checked. */
  readonly index: number;
};

export type ArchiveLimits = {
  readonly maxEntries: number;
  /** Bytes of all entries together, unpacked. */
  readonly maxUnpackedBytes: number;
  /** How many times larger the content may be than the archive, where it is larger than `unsuspicious`. */
  readonly maxRatio: number;
};

/** Content up to so many bytes may be compressed as well as it likes. */
const unsuspicious = 256 * 1024 * 1024;

export const defaultArchiveLimits: ArchiveLimits = {
  maxEntries: 200_000,
  maxUnpackedBytes: 20 * 1024 ** 3,
  maxRatio: 200,
};

/** Whether content of that size is more than an honest archive of that size holds. Sizes in bytes. */
export const isBomb = (unpackedBytes: number, archiveBytes: number, maxRatio: number): boolean =>
  unpackedBytes > unsuspicious && unpackedBytes > archiveBytes * maxRatio;

const typeMask = 0o170000;
const regularFile = 0o100000;
const folderType = 0o040000;
/** Types that are never unpacked, by their bits (inode(7)). */
const specialTypes: ReadonlyMap<number, string> = new Map([
  [0o120000, 'a symbolic link'],
  [0o060000, 'a block device'],
  [0o020000, 'a character device'],
  [0o010000, 'a pipe'],
  [0o140000, 'a socket'],
]);

/**
 * Decides about an archive before a byte of it is unpacked.
 * @param strip folder that everything has to lie in and that is left away
 * @returns its entries without the stripped folder itself, or why it is refused: a sentence part that names the entry
 */
export function checkArchive(
  listed: readonly ListedEntry[],
  archiveBytes: number,
  limits: ArchiveLimits,
  strip?: string,
): {kind: 'accepted'; entries: readonly CheckedEntry[]} | {kind: 'refused'; reason: string} {
  const refused = (reason: string) => ({kind: 'refused', reason}) as const;
  if (listed.length > limits.maxEntries)
    return refused(`it has ${listed.length} entries, and ${limits.maxEntries} are allowed`);
  const entries: CheckedEntry[] = [];
  let unpacked = 0;
  for (const [index, entry] of listed.entries()) {
    const checked = checkEntry(entry, strip);
    if (typeof checked === 'string') return refused(`${show(entry.name)}: ${checked}`);
    unpacked += entry.sizeBytes;
    if (checked.path !== '') entries.push({...checked, index});
  }
  if (unpacked > limits.maxUnpackedBytes)
    return refused(`it unpacks to ${unpacked} bytes, and ${limits.maxUnpackedBytes} are allowed`);
  if (isBomb(unpacked, archiveBytes, limits.maxRatio))
    return refused(
      `${archiveBytes} bytes unpack to ${unpacked}, more than ${limits.maxRatio} times as much: a bomb`,
    );
  const overlap = findOverlap(listed, archiveBytes);
  if (overlap !== undefined) return refused(`${show(overlap)} lies over another entry: a bomb`);
  const paths = (kind: 'file' | 'folder') => entries.filter(entry => entry.kind === kind).map(e => e.path);
  const folders = paths('folder');
  const named = new Set<string>();
  for (const folder of folders) {
    if (named.has(folder)) return refused(`${show(folder)} is there twice`);
    named.add(folder);
  }
  const clash = findClash(paths('file'), folders);
  return clash === undefined ? {kind: 'accepted', entries} : refused(show(clash));
}

function checkEntry(entry: ListedEntry, strip: string | undefined): Omit<CheckedEntry, 'index'> | string {
  const isFolder = entry.name.endsWith('/');
  const name = isFolder ? entry.name.slice(0, -1) : entry.name;
  const problem = pathProblem(name);
  if (problem !== undefined) return problem;
  const inside = strip === undefined || name.startsWith(`${strip}/`);
  if (!inside && !(isFolder && (name === strip || strip.startsWith(`${name}/`))))
    return `it does not lie in ${strip}, which is to be left away`;
  if (entry.encrypted) return 'it is encrypted';
  if (entry.method !== 0 && entry.method !== 8) return `its compression (method ${entry.method}) is unknown`;
  const mode = entry.attributes >>> 16;
  const type = mode & typeMask;
  if (type !== 0 && type !== regularFile && type !== folderType)
    return `it is ${specialTypes.get(type) ?? 'of an unknown type'}`;
  if (mode & 0o7000) return 'it has a setuid, setgid or sticky bit';
  if (type === folderType && !isFolder) return 'it is a folder by its type and a file by its name';
  if (type === regularFile && isFolder) return 'it is a file by its type and a folder by its name';
  if (isFolder && entry.sizeBytes > 0) return 'it is a folder with content';
  const stripped = strip === undefined ? name : inside ? name.slice(strip.length + 1) : '';
  const permissions = mode & 0o777;
  return isFolder
    ? {kind: 'folder', path: stripped, mode: 0o755, sizeBytes: 0}
    : {
        kind: 'file',
        path: stripped,
        mode: permissions === 0 ? 0o644 : permissions,
        sizeBytes: entry.sizeBytes,
      };
}

/** Entries that share bytes, by which a small archive unpacks to any size (Fifield, "A better zip bomb", 2019). */
function findOverlap(listed: readonly ListedEntry[], archiveBytes: number): string | undefined {
  const ordered = [...listed].sort((a, b) => a.offset - b.offset);
  return ordered.find((entry, index) => {
    const next = ordered[index + 1]?.offset ?? archiveBytes;
    return entry.offset + localHeaderBytes + entry.compressedBytes > next;
  })?.name;
}

/** A local header without its name and extra fields. */
const localHeaderBytes = 30;

/** A name from an archive as a message may hold it. */
function show(name: string): string {
  return name.toWellFormed().replaceAll(/\p{C}/gu, '?').slice(0, 200);
}
