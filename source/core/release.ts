import {compareVersions} from 'compare-versions';

/** Releases that servers are updated to (U2); pure rules, times in ISO 8601 UTC, sizes in bytes, SHA-256 in lower-case hex. */

/** A file of a release as it is to lie in the server folder. */
export type ReleaseFile = {
  /** Relative to the server folder, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Permissions, 0 to 0o777. */
  readonly mode: number;
};

/**
 * What a release is, in a file of its own that is signed as it is, byte by byte: the signature covers the archive
 * through its digest. The id of a release on an agent is the SHA-256 of these bytes (`releaseDigest`).
 */
export type ReleaseManifest = {
  readonly format: 1;
  readonly name: string;
  readonly version: string;
  /** The oldest version that can be updated to this one. */
  readonly minimumVersion?: string;
  readonly createdAt: string;
  /** From then on no server is updated to it. */
  readonly expiresAt?: string;
  readonly archive: {readonly kind: 'zip'; readonly sizeBytes: number; readonly sha256: string};
  /** Folder in the archive that everything lies in and that is left away; absent when there is none. */
  readonly strip?: string;
  /** Bytes of all files together. */
  readonly unpackedBytes: number;
  /** Entries of the archive: files and the folders that it names. */
  readonly entries: number;
  /** Sorted by path. */
  readonly files: readonly ReleaseFile[];
  /** Folders that no file lies in; all others follow from the files. */
  readonly folders?: readonly string[];
};

/**
 * Where an agent gets the archive from (U2). Addresses may hold a name and a password: show them with
 * `describeSource` only.
 */
export type ReleaseSource =
  | {readonly kind: 'http'; readonly url: string}
  /** `ftp:`, or `ftps:` with TLS: at once on port 990, with AUTH TLS on every other. */
  | {readonly kind: 'ftp'; readonly url: string}
  /** A download package (P8) of an agent that the downloading one was introduced to. */
  | {
      readonly kind: 'package';
      readonly server: string;
      readonly url: string;
      readonly fingerprint: string;
      readonly site: string;
      readonly package: string;
    }
  /** The console brings it to the agent before the update starts. */
  | {readonly kind: 'pushed'};

/** Whether a server that runs a version can be updated to a release now; `refused` but for the first two. */
export type ReleaseVerdict =
  | {readonly kind: 'acceptable'}
  /** It runs already: nothing to do, unless it is to be put there again. */
  | {readonly kind: 'runs-already'}
  | {readonly kind: 'expired'; readonly expiresAt: string}
  | {readonly kind: 'older'; readonly running: string}
  | {readonly kind: 'below-minimum'; readonly running: string; readonly minimum: string}
  /** What runs does not say its version in numbers, so that nobody can tell whether it is older. */
  | {readonly kind: 'incomparable'; readonly running: string};

/** One to four numbers, a pre-release after three: `7.6.6`, `16.5.1.39`, `2.0.0-rc.1`, `2026.11`. */
const versionPattern = /^\d{1,9}(\.\d{1,9}){0,3}$|^\d{1,9}\.\d{1,9}\.\d{1,9}-[0-9a-z-]+(\.[0-9a-z-]+)*$/i;

/** Whether a version can be compared with others. */
export const isVersion = (text: string): boolean => text.length <= 64 && versionPattern.test(text);

/** Negative when `first` is the older; numbers count as numbers and what is missing as 0. Both must be `isVersion`. */
export const compareReleaseVersions = (first: string, second: string): number =>
  compareVersions(first, second);

/**
 * Judges a release for one server. Only upwards: an older release is refused even when its signature is right,
 * because that is how an attacker brings back a hole that was closed.
 * @param running the version that the server runs; '' when it has never run one
 * @param nowMs epoch milliseconds
 */
export function judgeRelease(
  release: Pick<ReleaseManifest, 'version' | 'minimumVersion' | 'expiresAt'>,
  running: string,
  nowMs: number,
): ReleaseVerdict {
  const {version, minimumVersion, expiresAt} = release;
  if (expiresAt !== undefined && Date.parse(expiresAt) <= nowMs) return {kind: 'expired', expiresAt};
  if (running === version) return {kind: 'runs-already'};
  if (running === '')
    return minimumVersion === undefined ? {kind: 'acceptable'} : {kind: 'incomparable', running};
  if (!isVersion(running)) return {kind: 'incomparable', running};
  const order = compareReleaseVersions(version, running);
  if (order < 0) return {kind: 'older', running};
  if (order === 0) return {kind: 'runs-already'};
  if (minimumVersion !== undefined && compareReleaseVersions(running, minimumVersion) < 0)
    return {kind: 'below-minimum', running, minimum: minimumVersion};
  return {kind: 'acceptable'};
}

/** Letters, digits, dot, underscore and hyphen, at most 64; a letter or digit first. */
export const isReleaseName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);

/** How operators write a release: `NAME-VERSION`. */
export const releaseId = ({name, version}: Pick<ReleaseManifest, 'name' | 'version'>): string =>
  `${name}-${version}`;

/** A source as people may read it, without name and password. */
export function describeSource(source: ReleaseSource): string {
  switch (source.kind) {
    case 'http':
    case 'ftp':
      return withoutCredentials(source.url);
    case 'package':
      return `package ${source.package} of ${source.server}/${source.site}`;
    case 'pushed':
      return 'sent by the console';
  }
}

/** An address without name and password, safe for logs and messages. */
export function withoutCredentials(address: string): string {
  return address.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1');
}
