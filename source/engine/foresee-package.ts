import {stat} from 'node:fs/promises';
import path from 'node:path';
import {OperatorError} from '../core/operator-error.js';
import {mustBeName} from '../core/package.js';
import type {SiteAddress} from './engine.js';
import type {PackageVerbs} from './packages.js';

/*
 * What a dry run looks at (CLI.md): what its command would be refused for, as far as that can be known without doing it.
 * Nothing is changed, here or there.
 */

type Look = Pick<PackageVerbs, 'files' | 'show'>;

/** @throws OperatorError USAGE, NOT_FOUND, ALREADY_EXISTS, as the change itself would */
export async function foreseePackage(
  packages: Look,
  site: SiteAddress,
  change:
    | {readonly kind: 'create'; readonly name: string}
    | {readonly kind: 'add' | 'remove'; readonly name: string; readonly files: readonly string[]},
): Promise<void> {
  const {name} = change;
  if (change.kind === 'create') {
    mustBeName(name, 'package');
    if (await isThere(packages, site, name))
      throw new OperatorError('ALREADY_EXISTS', `There is a package ${name} already.`);
    return;
  }
  const {files} = await packages.show(site, name);
  if (change.kind === 'add') return await mustBeRegistered(packages, site, change.files);
  const missing = change.files.find(file => !files.includes(file));
  if (missing !== undefined)
    throw new OperatorError('NOT_FOUND', `${missing} is not in package ${name}.`, {
      hint: '`lockstep package show` lists its files.',
    });
}

/** @throws OperatorError NOT_FOUND for the first that is not registered in the download folder */
export async function mustBeRegistered(
  packages: Look,
  site: SiteAddress,
  names: readonly string[],
): Promise<void> {
  const registered = new Set((await packages.files(site)).map(({name}) => name));
  const missing = names.find(name => !registered.has(name));
  if (missing !== undefined)
    throw new OperatorError('NOT_FOUND', `${missing} is not registered in the download folder.`, {
      hint: '`lockstep file list SERVER/SITE` lists what is; `lockstep file import` brings what is not.',
    });
}

/** @throws OperatorError USAGE, ALREADY_EXISTS, as the import itself would */
export async function foreseeImport(
  packages: Look,
  site: SiteAddress,
  {
    files,
    name,
    replace,
  }: {readonly files: readonly string[]; readonly name?: string; readonly replace: boolean},
): Promise<void> {
  const registered = new Set((await packages.files(site)).map(file => file.name));
  for (const file of files) {
    const called = await mustBeImportable(file, name);
    if (!replace && registered.has(called))
      throw new OperatorError('ALREADY_EXISTS', `${called} is registered already.`, {
        hint: '--replace puts the new one in its place; archives keep the old one until they are written anew.',
      });
  }
}

/** @param file of this machine @returns the name that it is registered under @throws OperatorError USAGE */
export async function mustBeImportable(file: string, name = path.basename(file)): Promise<string> {
  mustBeName(name, 'file');
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile()) return name;
  throw new OperatorError('USAGE', `${file} is not a file of this machine.`, {
    hint: 'Name a file; a folder is packed first.',
  });
}

async function isThere(packages: Look, site: SiteAddress, name: string): Promise<boolean> {
  try {
    await packages.show(site, name);
    return true;
  } catch (error) {
    if (error instanceof OperatorError && error.code === 'NOT_FOUND') return false;
    throw error;
  }
}
