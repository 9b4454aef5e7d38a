import {mkdirSync, readdirSync, rmSync, statSync} from 'node:fs';
import {type FileHandle, open, readFile, rename, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {OperatorError} from '../../core/operator-error.js';
import {maxManifestBytes, parseManifest, releaseDigest} from '../../protocol/release-manifest.js';
import {digestFile} from '../../system/digest-file.js';
import {nameOfSetting, type ReleaseSettings} from '../configuration/release-json-schema.js';
import {asSpaceError, checkSpace} from '../site/no-space.js';
import {type VerifiedManifest, verifyManifest} from './verify-manifest.js';

/** Of the releases that were brought, so many are kept; those that were brought longest ago go first. */
const keptAtMost = 3;

export type KeptRelease = {
  readonly digest: string;
  readonly name: string;
  readonly version: string;
  readonly archiveBytes: number;
  readonly sizeBytes: number;
};

/** What consoles have brought of releases to one site (U2); `digest` is the SHA-256 of a manifest. */
export type ReleaseStore = {
  /** Whom the site believes, and its limits. */
  readonly settings: ReleaseSettings;
  /** Bytes of the archive that are here; undefined before the manifest came. */
  archiveBytes(digest: string): Promise<number | undefined>;
  /** Keeps a manifest if the site believes it. @throws OperatorError SIGNATURE_REFUSED, RELEASE_REFUSED, LIMIT_EXCEEDED */
  putManifest(
    digest: string,
    content: AsyncIterable<Uint8Array>,
    signature: string | undefined,
  ): Promise<KeptRelease>;
  /** Adds to the archive from byte `from` on; see the endpoint `putArchive`. */
  putArchive(digest: string, from: number, content: AsyncIterable<Uint8Array>): Promise<KeptRelease>;
  /**
   * The manifest that was brought, verified with the keys as they are now.
   * @throws OperatorError NOT_FOUND, SIGNATURE_REFUSED, RELEASE_REFUSED
   */
  verified(digest: string): Promise<VerifiedManifest>;
  /** Where the pushed archive lies once it is whole; for `downloadRelease`. */
  archivePath(digest: string): string;
  drop(digest: string): Promise<void>;
};

/** Opens the store of a site; its folder is made when something is brought. */
export function openReleaseStore(folder: string, settings: ReleaseSettings): ReleaseStore {
  const at = (digest: string, name = '') => join(folder, digest, name);
  const archivePath = (digest: string) => at(digest, 'archive.zip');
  const partial = (digest: string) => at(digest, 'archive.part');
  const sizeOf = async (path: string) => (await stat(path).catch(() => undefined))?.size;
  /** Who is bringing an archive at present; the newest wins, because the one before may hang. */
  const bringing = new Map<string, {stop: AbortController; ended: Promise<void>}>();

  const read = async (digest: string): Promise<{bytes: Buffer; signature: string | undefined}> => {
    const bytes = await readFile(at(digest, 'manifest.json')).catch(() => undefined);
    if (bytes === undefined || releaseDigest(bytes) !== digest)
      throw new OperatorError(
        'NOT_FOUND',
        `The release ${digest.slice(0, 16)}… was not brought to this site.`,
        {
          hint: 'The console brings it before it starts an update.',
        },
      );
    return {
      bytes,
      signature: await readFile(at(digest, 'manifest.json.minisig'), 'utf8').catch(() => undefined),
    };
  };
  const archiveBytes = async (digest: string) =>
    (await sizeOf(archivePath(digest))) ?? (await sizeOf(partial(digest))) ?? 0;
  const describe = async (digest: string): Promise<KeptRelease> => {
    const {name, version, archive} = parseManifest((await read(digest)).bytes);
    return {digest, name, version, archiveBytes: await archiveBytes(digest), sizeBytes: archive.sizeBytes};
  };
  const drop = async (digest: string) => {
    const busy = bringing.get(digest);
    busy?.stop.abort(new OperatorError('CONNECTION_LOST', 'The release was dropped.'));
    await busy?.ended;
    await rm(at(digest), {recursive: true, force: true});
  };
  /** Digests of what was brought, the newest first. */
  const kept = (): string[] => {
    let names: string[];
    try {
      names = readdirSync(folder);
    } catch {
      return [];
    }
    const time = (name: string) => statSync(at(name), {throwIfNoEntry: false})?.mtimeMs ?? 0;
    return names.filter(name => /^[0-9a-f]{64}$/.test(name)).sort((a, b) => time(b) - time(a));
  };

  return {
    settings,

    async archiveBytes(digest) {
      return (await sizeOf(at(digest, 'manifest.json'))) === undefined
        ? undefined
        : await archiveBytes(digest);
    },

    async putManifest(digest, content, signature) {
      const bytes = await collect(content);
      if (releaseDigest(bytes) !== digest)
        throw new OperatorError(
          'CONTENT_MISMATCH',
          'The manifest that came is not the one that was announced.',
        );
      verifyManifest(bytes, signature, settings);
      try {
        mkdirSync(at(digest), {recursive: true, mode: 0o700});
        if (signature === undefined) rmSync(at(digest, 'manifest.json.minisig'), {force: true});
        else await writeFileAtomic(at(digest, 'manifest.json.minisig'), signature, {mode: 0o600});
        await writeFileAtomic(at(digest, 'manifest.json'), bytes, {mode: 0o600});
      } catch (error) {
        throw asSpaceError(error, folder);
      }
      for (const old of kept().slice(keptAtMost)) if (!bringing.has(old)) await drop(old);
      return await describe(digest);
    },

    async putArchive(digest, from, content) {
      const {bytes, signature} = await read(digest);
      const {manifest} = verifyManifest(bytes, signature, settings);
      const {sizeBytes, sha256} = manifest.archive;
      if (sizeBytes > settings.maxArchiveBytes)
        throw new OperatorError(
          'LIMIT_EXCEEDED',
          `The archive has ${sizeBytes} bytes, and ${settings.maxArchiveBytes} are taken here.`,
          {hint: `Raise ${nameOfSetting(settings, 'limits.maxArchive')}.`},
        );
      const before = bringing.get(digest);
      before?.stop.abort(
        new OperatorError('CONNECTION_LOST', 'The archive is being sent anew by somebody else.'),
      );
      await before?.ended;
      const stop = new AbortController();
      const {promise: ended, resolve: end} = Promise.withResolvers<void>();
      const mine = {stop, ended};
      bringing.set(digest, mine);
      try {
        if ((await sizeOf(archivePath(digest))) === sizeBytes) return await describe(digest);
        await checkSpace(folder, Math.max(0, sizeBytes - from));
        await append(partial(digest), from, content, sizeBytes, stop.signal);
        if ((await sizeOf(partial(digest))) === sizeBytes) {
          if ((await digestFile(partial(digest)))?.sha256 !== sha256) {
            await rm(partial(digest), {force: true});
            throw new OperatorError(
              'CONTENT_MISMATCH',
              'The archive that came is not the one that was signed.',
              {
                hint: 'It was deleted. `lockstep release show RELEASE` tells whether the one at the console is whole.',
              },
            );
          }
          await rename(partial(digest), archivePath(digest));
        }
        return await describe(digest);
      } catch (error) {
        throw asSpaceError(error, folder);
      } finally {
        if (bringing.get(digest) === mine) bringing.delete(digest);
        end();
      }
    },

    async verified(digest) {
      const {bytes, signature} = await read(digest);
      return verifyManifest(bytes, signature, settings);
    },

    archivePath,
    drop,
  };
}

async function append(
  path: string,
  from: number,
  content: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const file: FileHandle = await open(path, 'a', 0o600);
  try {
    let done = (await file.stat()).size;
    if (from > done)
      throw new OperatorError('BAD_REQUEST', `The archive goes on at byte ${done} and not at ${from}.`, {
        hint: 'Ask again how much of it has come.',
      });
    // More may have come of an earlier call since the sender asked.
    let known = done - from;
    for await (const chunk of untilAborted(content, signal)) {
      const news = chunk.subarray(Math.min(known, chunk.length));
      known -= chunk.length - news.length;
      if (done + news.length > sizeBytes)
        throw new OperatorError(
          'LIMIT_EXCEEDED',
          `The archive has more than the ${sizeBytes} bytes of its manifest.`,
        );
      for (let written = 0; written < news.length; )
        written += (await file.write(news, written, news.length - written)).bytesWritten;
      done += news.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The same chunks; throws the reason as soon as the signal is aborted, even while nothing comes. */
async function* untilAborted(
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const {promise: aborted, reject} = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, {once: true});
  const chunks = content[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = chunks.next();
      next.catch(() => {});
      const chunk = await Promise.race([next, aborted]);
      if (chunk.done === true) return;
      yield chunk.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    chunks.return?.(undefined)?.catch(() => {});
  }
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > maxManifestBytes)
      throw new OperatorError('LIMIT_EXCEEDED', `A manifest has at most ${maxManifestBytes} bytes.`);
    pieces.push(chunk);
  }
  return Buffer.concat(pieces);
}
