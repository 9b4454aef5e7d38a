import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {copyProgram} from '../../source/system/program-files.js';

/**
 * Installs the program in a folder as on a server, of a version of its own.
 * @param change makes it another one than ours
 * @returns its launcher
 */
export async function installProgram(
  folder: string,
  ofVersion: string,
  change: (folder: string) => void = () => {},
): Promise<string> {
  await copyProgram(folder);
  const file = path.join(folder, 'package.json');
  const json = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({...json, version: ofVersion}));
  change(folder);
  return path.join(folder, 'source/bin/lockstep.cjs');
}
