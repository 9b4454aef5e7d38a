import {copyFile, link, rm} from 'node:fs/promises';
import {dirname} from 'node:path';
import {OperatorError} from '../../core/operator-error.js';
import type {ReleaseSource} from '../../core/release.js';
import {type DownloadOptions, type DownloadSource, download} from '../../protocol/download/download.js';
import {ftpSource} from '../../protocol/download/ftp-source.js';
import {httpSource} from '../../protocol/download/http-source.js';
import {packageSource} from '../../protocol/download/package-source.js';
import type {AgentConnection} from '../../protocol/transport/agent-connection.js';
import {digestFile} from '../../system/digest-file.js';
import {asSpaceError} from '../site/no-space.js';

export type ReleaseDownload = Omit<DownloadOptions, 'expected'> & {
  readonly source: ReleaseSource;
  /** Of the archive, from the verified manifest. */
  readonly sizeBytes: number;
  /** SHA-256, lower-case hex. */
  readonly sha256: string;
  /** Makes the connection to the agent that serves a package; it must be one that this agent was introduced to. */
  readonly connect: (agent: {url: string; fingerprint: string}) => AgentConnection;
  /** Where an archive lies that the console has pushed (`ReleaseStore.archivePath`). */
  readonly pushed: string;
};

/**
 * Brings the archive of a release to where it is unpacked (U2): resumable, limited, and only under its name once it is
 * the one that was signed. May be repeated after a crash with the same `to`.
 * @throws OperatorError CONTENT_MISMATCH (deleted, not tried again), LIMIT_EXCEEDED, DOWNLOAD_FAILED, CONNECTION_LOST,
 *   UNREACHABLE, NO_SPACE, NOT_FOUND for a pushed one that is not there; what a peer refuses; the reason of `signal`
 */
export async function downloadRelease(request: ReleaseDownload): Promise<void> {
  const {source, sizeBytes, sha256, to, signal} = request;
  const expected = {sizeBytes, sha256};
  try {
    if (source.kind === 'pushed') await takePushed(request);
    else if (source.kind === 'package') {
      const connection = request.connect(source);
      try {
        const from = {server: source.server, site: source.site, name: source.package};
        await download(packageSource(connection, from), {...request, expected});
      } finally {
        connection.close();
      }
    } else await download(sourceOf(source), {...request, expected});
  } catch (error) {
    signal?.throwIfAborted();
    throw asSpaceError(error, dirname(to));
  }
}

function sourceOf({kind, url}: Extract<ReleaseSource, {kind: 'http' | 'ftp'}>): DownloadSource {
  return kind === 'http' ? httpSource(url) : ftpSource(url);
}

/** The pushed archive under its new name: the same file where both are on one file system, else a copy. */
async function takePushed({pushed, to, sha256, sizeBytes, maxBytes, signal}: ReleaseDownload): Promise<void> {
  if (sizeBytes > maxBytes)
    throw new OperatorError(
      'LIMIT_EXCEEDED',
      `The archive has ${sizeBytes} bytes, and ${maxBytes} are taken.`,
      {
        hint: 'Raise `update.limits.maxArchive` of the site in agent.json.',
      },
    );
  if ((await digestFile(to, signal))?.sha256 === sha256) return;
  const found = await digestFile(pushed, signal);
  if (found === undefined)
    throw new OperatorError('NOT_FOUND', 'The console has not brought the archive of the release.', {
      hint: 'Start the update again from the console; it sends what is missing.',
    });
  if (found.sha256 !== sha256)
    throw new OperatorError(
      'CONTENT_MISMATCH',
      'The archive that the console brought is not the one that was signed.',
      {hint: '`lockstep release show RELEASE` tells whether the one at the console is whole.'},
    );
  await rm(to, {force: true});
  await link(pushed, to).catch(() => copyFile(pushed, to));
}
