import {createHash} from 'node:crypto';
import {type ArchiveLimits, defaultArchiveLimits} from '../../core/archive-rules.js';
import {OperatorError} from '../../core/operator-error.js';
import type {ReleaseFile, ReleaseManifest} from '../../core/release.js';
import {foldersAbove} from '../../core/release-paths.js';
import {type OpenArchive, openArchive} from '../../system/archive/open-archive.js';

/** What an operator may make a release of; what servers take is their own decision. */
const limits: ArchiveLimits = {...defaultArchiveLimits, maxEntries: 1_000_000, maxUnpackedBytes: 2 ** 43};

/**
 * Reads an archive as a stream and lists what it holds, judged by the rules by which servers unpack it.
 * @param options `strip`: whether the one folder that everything lies in is left away; `called`: what people call the archive
 * @returns the parts of a manifest that follow from the archive
 * @throws OperatorError ARCHIVE_REFUSED, USAGE
 */
export async function listArchive(
  archive: string,
  options: {
    strip: boolean;
    called: string;
    signal?: AbortSignal;
    onProgress?: (done: number, total: number) => void;
  },
): Promise<Pick<ReleaseManifest, 'strip' | 'unpackedBytes' | 'entries' | 'files' | 'folders'>> {
  const {called, signal, onProgress} = options;
  const look = {limits, called, ...(signal ? {signal} : {})};
  const strip = options.strip ? await commonFolder(await openArchive(archive, look)) : undefined;
  if (options.strip && strip === undefined)
    throw new OperatorError(
      'USAGE',
      'Not everything in the archive lies in one folder, so that none can be left away.',
      {
        hint: 'Leave --strip out.',
      },
    );
  const opened = await openArchive(archive, {...look, ...(strip === undefined ? {} : {strip})});
  try {
    const total = opened.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
    const files: ReleaseFile[] = [];
    let done = 0;
    for (const entry of opened.entries) {
      if (entry.kind === 'folder') continue;
      const digest = createHash('sha256');
      for await (const chunk of await opened.read(entry)) {
        signal?.throwIfAborted();
        digest.update(chunk as Buffer);
        done += (chunk as Buffer).length;
      }
      onProgress?.(done, total);
      files.push({
        path: entry.path,
        sizeBytes: entry.sizeBytes,
        sha256: digest.digest('hex'),
        mode: entry.mode,
      });
    }
    if (files.length === 0)
      throw new OperatorError('USAGE', 'There is no file in it that a server could be updated to.');
    const filled = new Set(files.flatMap(({path}) => foldersAbove(path)));
    const empty = opened.entries.filter(({kind, path}) => kind === 'folder' && !filled.has(path));
    return {
      ...(strip === undefined ? {} : {strip}),
      unpackedBytes: total,
      entries: opened.listed,
      files: files.sort(byPath),
      ...(empty.length === 0 ? {} : {folders: empty.map(({path}) => path).sort()}),
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    opened.close();
  }
}

/** The folder that everything in the archive lies in, if there is one. */
async function commonFolder(opened: OpenArchive): Promise<string | undefined> {
  await opened.close();
  const tops = new Set(opened.entries.map(({path}) => path.split('/', 1)[0]!));
  const [top] = tops;
  const isFolder = opened.entries.every(({kind, path}) => kind === 'folder' || path.includes('/'));
  return tops.size === 1 && isFolder ? top : undefined;
}

const byPath = (a: ReleaseFile, b: ReleaseFile): number => (a.path < b.path ? -1 : 1);
