import {OperatorError} from '../../core/operator-error.js';
import type {ReleaseManifest} from '../../core/release.js';
import {readSource, releaseDigest} from '../../protocol/release-manifest.js';
import {digestFile} from '../../system/digest-file.js';
import type {AgentServer} from '../server/agent-server.js';
import {connectPeer} from '../site/connect-peer.js';
import type {Site} from '../site/site.js';
import {downloadRelease} from './download-release.js';
import {unpackRelease} from './unpack-release.js';
import {checkLimits, verifyManifest} from './verify-manifest.js';

/**
 * A release as a console offers it: the manifest as it was signed, or the digest under which it was brought before
 * (`putManifest`) where it is too long for a call; and where the archive is, a `ReleaseSource`.
 */
export type Offer = {
  readonly manifest?: string;
  readonly signature?: string;
  readonly digest?: string;
  readonly source: Readonly<Record<string, unknown>>;
};

type Work = {readonly signal: AbortSignal; readonly progress: (done: number, total: number) => void};

/** What the update of a server does with a release, step by step (U2). Each may be repeated after a crash. */
export function createReleaseTools(
  server: AgentServer,
  siteOf: (name: string) => Pick<Site, 'releases'>,
  packagesOf: (name: string) => Site['packages'],
) {
  return {
    /** The manifest, once it may be believed. @throws OperatorError SIGNATURE_REFUSED, RELEASE_REFUSED, LIMIT_EXCEEDED, NOT_FOUND */
    async read(site: string, {manifest, signature, digest}: Offer): Promise<ReleaseManifest> {
      const {releases} = siteOf(site);
      if (manifest === undefined && digest === undefined)
        throw new OperatorError('BAD_REQUEST', 'The release has neither a manifest nor the digest of one.');
      const verified =
        manifest === undefined
          ? await releases.verified(digest!)
          : verifyManifest(Buffer.from(manifest), signature, releases.settings);
      checkLimits(verified.manifest, releases.settings);
      return verified.manifest;
    },

    /** Brings the archive to the file `archive`; goes on where an earlier attempt ended. @throws as `downloadRelease` */
    async download(
      site: string,
      offer: Offer,
      manifest: ReleaseManifest,
      archive: string,
      work: Work,
    ): Promise<void> {
      const {releases} = siteOf(site);
      const {settings} = releases;
      const source = readSource(offer.source);
      const digest = offer.digest ?? releaseDigest(Buffer.from(offer.manifest ?? ''));
      // A package of this very server is a file here.
      const own =
        source.kind === 'package' && source.fingerprint === server.identity.fingerprint ? source : undefined;
      const common = {
        ...manifest.archive,
        to: archive,
        maxBytes: settings.maxArchiveBytes,
        ...(settings.downloadRate === undefined ? {} : {rateLimit: settings.downloadRate}),
        signal: work.signal,
        onProgress: (done: number) => work.progress(done, manifest.archive.sizeBytes),
        onRetry: (error: OperatorError, waitMs: number) =>
          server.log.warn({site, code: error.code, waitMs}, error.message),
        connect: (peer: {url: string; fingerprint: string}) => connectPeer(server, peer, site),
      };
      if (own !== undefined) {
        const {path} = await packagesOf(own.site).archive(own.package);
        await downloadRelease({...common, source: {kind: 'pushed'}, pushed: path});
        return;
      }
      try {
        await downloadRelease({...common, source, pushed: releases.archivePath(digest)});
      } catch (error) {
        // So that the console can bring the right one.
        if (source.kind === 'pushed' && error instanceof OperatorError && error.code === 'CONTENT_MISMATCH')
          await releases.drop(digest);
        throw error;
      }
    },

    /** Compares the whole archive with the manifest; a wrong one is not unpacked. @throws OperatorError CONTENT_MISMATCH */
    async verify({archive: {sha256}}: ReleaseManifest, archive: string, {signal}: Work): Promise<void> {
      const found = await digestFile(archive, signal);
      if (found?.sha256 === sha256) return;
      throw new OperatorError('CONTENT_MISMATCH', `The archive ${archive} is not the one that was signed.`, {
        hint: 'The disk of this server may be failing. Start the update again: the archive is fetched anew.',
      });
    },

    /** Unpacks into a folder that is not there, or empty. @throws as `unpackRelease` */
    async unpack(manifest: ReleaseManifest, archive: string, folder: string, work: Work): Promise<void> {
      // `read` has compared what the manifest says with the limits of the site.
      const {entries, unpackedBytes} = manifest;
      const limits = {
        maxEntries: entries,
        maxUnpackedBytes: unpackedBytes,
        maxRatio: Number.POSITIVE_INFINITY,
      };
      await unpackRelease({
        archive,
        folder,
        manifest,
        limits,
        signal: work.signal,
        onProgress: work.progress,
      });
    },
  };
}
