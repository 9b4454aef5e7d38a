import {createHash} from 'node:crypto';
import {constants} from 'node:fs';
import {lstat, mkdir, open, readdir, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import type {ArchiveLimits, CheckedEntry} from '../../core/archive-rules.js';
import {OperatorError} from '../../core/operator-error.js';
import type {ReleaseFile, ReleaseManifest} from '../../core/release.js';
import {foldersAbove} from '../../core/release-paths.js';
import {asRefusal, type OpenArchive, openArchive, refusal} from '../../system/archive/open-archive.js';
import {flushToDisk} from '../files/flush-to-disk.js';
import {asSpaceError} from '../site/no-space.js';

export type Unpacking = {
  readonly archive: string;
  /** Made here, or empty but for names that begin with `.lockstep`. Nothing outside it is touched. */
  readonly folder: string;
  readonly manifest: ReleaseManifest;
  readonly limits: ArchiveLimits;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
};

/**
 * Unpacks the archive of a release as a stream: exactly the files of the manifest, each with its size, its SHA-256 and
 * its mode, and nothing else. Everything that the directory of the archive says is checked before the first byte is
 * written (`core/archive-rules.ts`), and the bytes as they come. When it returns all is on the disk; when it fails the
 * folder is gone again.
 * @throws OperatorError ARCHIVE_REFUSED, CONTENT_MISMATCH, ALREADY_EXISTS for a folder with content, NO_SPACE; errors
 *   of the file system as they are; the reason of `signal`
 */
export async function unpackRelease(unpacking: Unpacking): Promise<{files: number; bytes: number}> {
  const {archive, folder, manifest, limits, signal} = unpacking;
  const opened = await openArchive(archive, {
    limits,
    ...(manifest.strip === undefined ? {} : {strip: manifest.strip}),
    ...(signal ? {signal} : {}),
  });
  try {
    const wanted = matchManifest(archive, opened, manifest);
    await makeEmpty(folder);
    try {
      await write(unpacking, opened, wanted);
    } catch (error) {
      await rm(folder, {recursive: true, force: true});
      throw asUnpackingError(error, dirname(folder));
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    opened.close();
  }
  return {files: manifest.files.length, bytes: manifest.unpackedBytes};
}

/** A full disk is said with what it means here; anything else as it is. */
function asUnpackingError(error: unknown, folder: string): unknown {
  const explained = asSpaceError(error, folder);
  if (!(explained instanceof OperatorError) || explained.code !== 'NO_SPACE') return explained;
  return new OperatorError('NO_SPACE', explained.message, {
    hint: 'What was unpacked is removed again. Free some space there and start the update again.',
    cause: error,
  });
}

async function makeEmpty(folder: string): Promise<void> {
  try {
    await mkdir(folder, {mode: 0o755});
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw asSpaceError(error, dirname(folder));
  }
  const isFolder = (await lstat(folder)).isDirectory();
  if (isFolder && (await readdir(folder)).every(name => name.startsWith('.lockstep'))) return;
  throw new OperatorError('ALREADY_EXISTS', `${folder} is there already; nothing is unpacked into it.`, {
    hint: 'Look at what it is, and remove it.',
  });
}

/** Archive and manifest must name the same files with the same sizes. */
function matchManifest(
  archive: string,
  {entries, listed}: OpenArchive,
  manifest: ReleaseManifest,
): readonly {entry: CheckedEntry; file: ReleaseFile}[] {
  if (listed !== manifest.entries)
    throw refusal(archive, `it has ${listed} entries, and its manifest says ${manifest.entries}`);
  const files = new Map(manifest.files.map(file => [file.path, file]));
  const folders = new Set([
    ...(manifest.folders ?? []),
    ...[...(manifest.folders ?? []), ...files.keys()].flatMap(foldersAbove),
  ]);
  const wanted: {entry: CheckedEntry; file: ReleaseFile}[] = [];
  for (const entry of entries) {
    if (entry.kind === 'folder') {
      if (!folders.has(entry.path)) throw refusal(archive, `the folder ${entry.path} is not in its manifest`);
      continue;
    }
    const file = files.get(entry.path);
    if (file === undefined) throw refusal(archive, `${entry.path} is not in its manifest`);
    if (file.sizeBytes !== entry.sizeBytes)
      throw refusal(
        archive,
        `${entry.path} has ${entry.sizeBytes} bytes, and its manifest says ${file.sizeBytes}`,
      );
    files.delete(entry.path);
    wanted.push({entry, file});
  }
  const [missing] = files.keys();
  if (missing !== undefined) throw refusal(archive, `${missing} of its manifest is missing`);
  return wanted;
}

async function write(
  {archive, folder, manifest, signal, onProgress}: Unpacking,
  opened: OpenArchive,
  wanted: readonly {entry: CheckedEntry; file: ReleaseFile}[],
): Promise<void> {
  const made = new Set<string>();
  const makeFolder = async (path: string) => {
    for (const folderPath of [...foldersAbove(path), path]) {
      if (made.has(folderPath)) continue;
      await mkdir(join(folder, folderPath), {mode: 0o755});
      made.add(folderPath);
    }
  };
  for (const path of manifest.folders ?? []) await makeFolder(path);
  let doneBytes = 0;
  for (const {entry, file} of wanted) {
    signal?.throwIfAborted();
    const parent = dirname(file.path);
    if (parent !== '.') await makeFolder(parent);
    await writeFile(archive, join(folder, file.path), await opened.read(entry), file, signal);
    doneBytes += file.sizeBytes;
    onProgress?.(doneBytes, manifest.unpackedBytes);
  }
  const paths = [...made, ...manifest.files.map(file => file.path)].map(path => join(folder, path));
  await flushToDisk([...paths, folder, dirname(folder)], [folder]);
}

async function writeFile(
  archive: string,
  path: string,
  content: AsyncIterable<Buffer>,
  {path: name, sizeBytes, sha256, mode}: ReleaseFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const digest = createHash('sha256');
  let written = 0;
  const {O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW} = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    try {
      for await (const chunk of content) {
        signal?.throwIfAborted();
        if (written + chunk.length > sizeBytes) throw refusal(archive, `${name} has more bytes than it says`);
        digest.update(chunk);
        for (let done = 0; done < chunk.length; )
          done += (await file.write(chunk, done, chunk.length - done)).bytesWritten;
        written += chunk.length;
      }
    } catch (error) {
      throw asRefusal(archive, error);
    }
    if (written !== sizeBytes || digest.digest('hex') !== sha256)
      throw new OperatorError(
        'CONTENT_MISMATCH',
        `${name} in the archive ${archive} is not what was signed.`,
        {
          hint: 'Nothing of it was kept. Get the release anew from whoever made it.',
        },
      );
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}
