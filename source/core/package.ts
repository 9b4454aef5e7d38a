import {OperatorError} from './operator-error.js';

/** Download packages and the files they are made of (P1–P8); pure rules, times in ISO 8601 UTC. */

/** A file that was copied into a site's download folder and can be assigned to packages (P4). */
export type RegisteredFile = {
  readonly name: string;
  readonly sizeBytes: number;
  /** SHA-256, lower-case hex. */
  readonly sha256: string;
  readonly importedAt: string;
  readonly by: string;
};

/** A lifetime is at most a hundred years, a signed link holds for at most a year. Milliseconds. */
export const longestLifetimeMs = 100 * 366 * 86_400_000;
export const longestLinkMs = 366 * 86_400_000;

/** What an operator sets on a package (P6). */
export type PackageAttributes = {
  readonly title: string;
  /** The package is deleted after this moment. */
  readonly expiresAt?: string;
  /** The package is deleted this long after it was created, milliseconds. */
  readonly lifetimeMs?: number;
  /** Names or fingerprints of consoles that may change it, besides administrators; empty: every operator. */
  readonly managers: readonly string[];
  /** Names or fingerprints of consoles and peers that may download it; empty: every console, and the peers of the site. */
  readonly downloaders: readonly string[];
  /** Whether signed, expiring links to it can be made, for people without a certificate (P8). */
  readonly links: boolean;
};

/** What the archive of a package holds, as it was last written. */
export type PackageArchive = {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly writtenAt: string;
  readonly entries: readonly {readonly name: string; readonly sizeBytes: number; readonly sha256: string}[];
};

/** A package: one archive for its whole life (P3). */
export type Package = {
  readonly name: string;
  readonly createdAt: string;
  readonly by: string;
  readonly attributes: PackageAttributes;
  /** Names of the files that were assigned, in the order of assignment. */
  readonly files: readonly string[];
  /** Undefined until the first assignment (P2). */
  readonly archive?: PackageArchive;
};

/** `empty` has no archive yet; a `damaged` archive is not the one that was written. */
export type PackageState = 'empty' | 'ready' | 'damaged';

/** When a package expires: the earlier of its date and the end of its lifetime; undefined for never. */
export function expiryOf(entry: Pick<Package, 'attributes' | 'createdAt'>): string | undefined {
  const {expiresAt, lifetimeMs} = entry.attributes;
  const ends = [
    ...(expiresAt === undefined ? [] : [Date.parse(expiresAt)]),
    ...(lifetimeMs === undefined ? [] : [Date.parse(entry.createdAt) + lifetimeMs]),
  ];
  return ends.length === 0 ? undefined : new Date(Math.min(...ends)).toISOString();
}

/** Whether a package is to be deleted at `nowMs`, epoch milliseconds (P7). */
export function isExpired(entry: Pick<Package, 'attributes' | 'createdAt'>, nowMs: number): boolean {
  const expiry = expiryOf(entry);
  return expiry !== undefined && Date.parse(expiry) <= nowMs;
}

/**
 * The files of a package as its archive is written anew: what was removed is gone, what was added is there, and what
 * was deleted from the download folder since the last writing goes now (P5).
 */
export function rewriteFiles(
  entry: Pick<Package, 'files'>,
  change: {readonly add?: readonly string[]; readonly remove?: readonly string[]},
  registered: ReadonlySet<string>,
): readonly string[] {
  const removed = new Set(change.remove);
  const kept = entry.files.filter(name => !removed.has(name) && registered.has(name));
  return [...new Set([...kept, ...(change.add ?? [])])];
}

/** Whether one of `allowed`, names or fingerprints of at least 8 digits, means this caller. */
export function isNamed(
  allowed: readonly string[],
  caller: {readonly name: string; readonly fingerprint: string},
): boolean {
  return allowed.some(
    entry =>
      entry === caller.name || (entry.length >= 8 && caller.fingerprint.startsWith(entry.toLowerCase())),
  );
}

/** Why a name cannot be that of a file or package, or undefined. It becomes a file name, also on other systems. */
export function nameProblem(name: string): string | undefined {
  if (name === '' || Buffer.byteLength(name) > 200) return 'has 1 to 200 bytes';
  if (/[\p{C}/\\:*?"<>|]/u.test(name)) return 'holds none of / \\ : * ? " < > | and nothing invisible';
  if (/^[. ]|[. ]$/.test(name)) return 'neither begins nor ends with a dot or a blank';
  return undefined;
}

/** @throws OperatorError USAGE for a name that cannot be that of a file or package. */
export function mustBeName(name: string, what: 'file' | 'package'): void {
  const problem = nameProblem(name);
  if (problem !== undefined)
    throw new OperatorError('USAGE', `"${name.slice(0, 80)}" is no name for a ${what}: it ${problem}.`);
}

/** Names that one archive cannot hold beside each other: they differ only in case or Unicode form. */
export function foldedTwin(names: Iterable<string>): readonly [string, string] | undefined {
  const seen = new Map<string, string>();
  for (const name of names) {
    const folded = name.normalize('NFC').toLowerCase();
    const twin = seen.get(folded);
    if (twin !== undefined && twin !== name) return [twin, name];
    seen.set(folded, name);
  }
  return undefined;
}
