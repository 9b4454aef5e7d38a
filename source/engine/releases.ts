import type {ReleaseManifest, ReleaseSource} from '../core/release.js';
import type {SiteAddress} from './engine.js';

/** Where `release add` takes a release from. */
export type ReleaseOrigin =
  /** A ZIP archive or a folder of this machine. */
  | {readonly kind: 'path'; readonly path: string}
  | {readonly kind: 'http' | 'ftp'; readonly url: string}
  /** A download package (P8). */
  | {readonly kind: 'package'; readonly address: SiteAddress; readonly name: string};

/** How a release is made known to the console. */
export type ReleaseDefinition = {
  readonly origin: ReleaseOrigin;
  readonly name: string;
  readonly version: string;
  readonly minimumVersion?: string;
  /** ISO 8601 in UTC. */
  readonly expiresAt?: string;
  /** Leaves away the one folder that everything in the archive lies in. */
  readonly strip: boolean;
  /** The console keeps the archive and sends it to the servers, instead of each fetching it from its address. */
  readonly push: boolean;
  readonly signing: ReleaseSigning;
};

/** Who signs. Files are of this machine. */
export type ReleaseSigning =
  | {readonly kind: 'none'}
  | {readonly kind: 'secret-key'; readonly file: string; readonly password?: string}
  /** A manifest that was made and signed elsewhere; the archive must be the one that it names. */
  | {readonly kind: 'signed-manifest'; readonly manifest: string; readonly signature?: string};

/** A release that the console knows. Times are ISO 8601 in UTC, sizes bytes. */
export type ReleaseEntry = Omit<ReleaseManifest, 'format' | 'archive' | 'files' | 'folders'> & {
  /** `NAME-VERSION` */
  readonly id: string;
  /** SHA-256 of the manifest: its id on agents. */
  readonly digest: string;
  readonly expired: boolean;
  readonly archive: {readonly sizeBytes: number; readonly sha256: string};
  readonly fileCount: number;
  /** Where servers get the archive from, for people; without name and password. */
  readonly source: string;
  readonly sourceKind: ReleaseSource['kind'];
  /** Id of the key that the signature says it is of; servers decide whether they trust it. */
  readonly signedBy?: string;
  readonly addedAt: string;
  readonly by: string;
  /** Where the manifest lies, for signing it elsewhere. */
  readonly manifestPath: string;
  /** What is wrong with what the console keeps of it: an archive that is gone or was changed. */
  readonly problem?: string;
};

/** What a server is told of a release: what `startUpdate` and `checkUpdate` take as `release`. */
export type OfferedRelease = {
  /** The manifest as it was signed. Absent when it is too long for a call; it was then brought under its digest. */
  readonly manifest?: string;
  readonly digest?: string;
  readonly signature?: string;
  readonly source: ReleaseSource;
};

export type ReleaseProgress = (stage: string, doneBytes: number, totalBytes: number | undefined) => void;

/** Releases that servers can be updated to (U2). Names that do not exist are NOT_FOUND. */
export type ReleaseVerbs = {
  /** By name, the newest version of each first. */
  list(): Promise<readonly ReleaseEntry[]>;
  /** With every file; an archive that the console keeps is read and compared. @param id `NAME-VERSION` */
  show(id: string): Promise<ReleaseEntry & Pick<ReleaseManifest, 'files' | 'folders'>>;
  /** Whether `add` would take it, as far as can be said without the archive; changes nothing. @throws OperatorError as `add` */
  foresee(definition: ReleaseDefinition): Promise<void>;
  /**
   * Reads the whole archive, lists its files with their digests in a manifest, and signs it.
   * @throws OperatorError USAGE, ALREADY_EXISTS, ARCHIVE_REFUSED, CONTENT_MISMATCH, and what fetching fails with
   */
  add(
    definition: ReleaseDefinition,
    options?: {signal?: AbortSignal; onProgress?: ReleaseProgress},
  ): Promise<ReleaseEntry>;
  /** Signs a release, or takes a signature that was made elsewhere over its manifest. */
  sign(
    id: string,
    signing: {kind: 'secret-key'; file: string; password?: string} | {kind: 'signature'; file: string},
  ): Promise<ReleaseEntry>;
  /** Whether a release is signed with a key: its text, or its file. @throws OperatorError SIGNATURE_REFUSED */
  verify(
    id: string,
    publicKey: string,
  ): Promise<{readonly signedBy: string; readonly trustedComment: string}>;
  /**
   * Forgets a release and what the console keeps of it; also one that cannot be read.
   * @param options `dryRun`: only looks whether it may
   * @throws OperatorError USAGE while a rollout is to bring it to servers
   */
  delete(id: string, options?: {dryRun?: boolean}): Promise<void>;
  /** Makes a pair of keys: FILE, which nobody else may read, and FILE.pub. @throws OperatorError ALREADY_EXISTS */
  createKey(
    file: string,
  ): Promise<{keyId: string; publicKey: string; secretFile: string; publicFile: string}>;
  /**
   * What is said to a server of a release, for a check. A manifest that is too long to be said in a call is brought to
   * the server `to` for that; the archive is not.
   */
  offer(id: string, to?: SiteAddress): Promise<OfferedRelease>;
  /**
   * Brings a server what it needs before an update to a release: a long manifest, the archive where the console keeps
   * it, the acquaintance with the agent that serves it as a package. Resumable, and quick when all is there.
   * @throws OperatorError SIGNATURE_REFUSED, RELEASE_REFUSED, LIMIT_EXCEEDED, NO_SPACE, CONTENT_MISMATCH, ROLE_REFUSED and
   *   the failures of a connection
   */
  bring(
    id: string,
    to: SiteAddress,
    options?: {signal?: AbortSignal; onProgress?: ReleaseProgress},
  ): Promise<OfferedRelease>;
};
