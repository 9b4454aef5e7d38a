import {createReadStream, createWriteStream} from 'node:fs';
import {lstat, readdir} from 'node:fs/promises';
import path from 'node:path';
import {pipeline} from 'node:stream/promises';
import {OperatorError} from '../../core/operator-error.js';

/** The only time that every entry has: the earliest that a ZIP archive can say. */
const noTime = new Date(1980, 0, 1);

/**
 * Packs a folder as a stream. The same folder gives the same bytes: entries in the order of their names, no times, and
 * of the modes only whether a file may be run.
 * @throws OperatorError USAGE for links and special files, which a release cannot hold
 */
export async function zipFolder(folder: string, to: string, signal?: AbortSignal): Promise<void> {
  const {ZipFile} = (await import('yazl')).default;
  const zip = new ZipFile();
  const options = {mtime: noTime, forceDosTimestamp: true};
  for (const entry of await listFolder(folder, '')) {
    signal?.throwIfAborted();
    if (entry.kind === 'folder') zip.addEmptyDirectory(entry.path, {...options, mode: 0o40755});
    else
      zip.addReadStreamLazy(
        entry.path,
        {...options, mode: entry.executable ? 0o100755 : 0o100644},
        // Opened when its turn comes: a folder may have more files than a process may open.
        callback => callback(null, createReadStream(path.join(folder, entry.path))),
      );
  }
  zip.end();
  const failed = new Promise<never>((_, reject) => zip.once('error', reject));
  await Promise.race([
    pipeline(zip.outputStream, createWriteStream(to, {mode: 0o600, flush: true}), {
      ...(signal ? {signal} : {}),
    }),
    failed,
  ]);
}

type Found = {readonly path: string; readonly kind: 'file' | 'folder'; readonly executable: boolean};

/** Files, and folders without any, in the order of their paths. */
async function listFolder(root: string, below: string): Promise<Found[]> {
  const found: Found[] = [];
  const names = (await readdir(path.join(root, below))).sort();
  for (const name of names) {
    const relative = below === '' ? name : `${below}/${name}`;
    const stats = await lstat(path.join(root, relative));
    if (stats.isDirectory()) {
      const inside = await listFolder(root, relative);
      found.push(
        ...(inside.length > 0 ? inside : [{path: relative, kind: 'folder' as const, executable: false}]),
      );
    } else if (stats.isFile())
      found.push({path: relative, kind: 'file', executable: (stats.mode & 0o100) !== 0});
    else
      throw new OperatorError(
        'USAGE',
        `${path.join(root, relative)} is ${stats.isSymbolicLink() ? 'a symbolic link' : 'neither file nor folder'}.`,
        {
          hint: 'A release holds files and folders only: put the file there that the link leads to, or remove it.',
        },
      );
  }
  return found;
}
