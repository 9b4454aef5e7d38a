import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {flushToDisk} from '../files/flush-to-disk.js';

/** Brings a folder with everything in it to the disk. */
export async function flushTree(folder: string): Promise<void> {
  const paths = [folder];
  for (const entry of await readdir(folder, {recursive: true, withFileTypes: true}))
    if (entry.isFile() || entry.isDirectory()) paths.push(join(entry.parentPath, entry.name));
  await flushToDisk(paths, [folder]);
}
