import {formatSize} from '../../core/byte-size.js';
import type {PackageAttributes} from '../../core/package.js';
import type {Engine, SiteAddress} from '../../engine/engine.js';
import type {PackageChanges} from '../../engine/packages.js';
import {plural} from '../format.js';
import type {CommandContext, Handlers} from './context.js';
import {typedPath} from './typed-path.js';

/** What screens ask of the package manager of a site (P1–P8). */
export type PackageCommand =
  | {readonly type: 'read-packages'; readonly address: SiteAddress}
  | (OnScreen & {readonly type: 'create-package'; readonly attributes: PackageAttributes})
  | (OnScreen & {readonly type: 'edit-package'; readonly changes: PackageChanges})
  | (OnScreen & {readonly type: 'add-package-files'; readonly files: readonly string[]})
  | (OnPackage & {readonly type: 'remove-package-files'; readonly files: readonly string[]})
  | (OnPackage & {readonly type: 'rebuild-package'})
  | (OnPackage & {readonly type: 'delete-package'})
  | (OnScreen & {readonly type: 'link-package'; readonly ttlMs: number})
  | (OnScreen & {readonly type: 'fetch-package'; readonly to: string})
  | {
      readonly type: 'import-file';
      readonly screen: number;
      readonly address: SiteAddress;
      /** A file of this machine; `~/` is the operator's own folder. */
      readonly path: string;
      /** Its own name when undefined. */
      readonly name?: string;
      readonly replace: boolean;
    }
  | {readonly type: 'delete-download-file'; readonly address: SiteAddress; readonly name: string};

type OnPackage = {readonly address: SiteAddress; readonly name: string};
type OnScreen = OnPackage & {readonly screen: number};

export const packageHandlers: Handlers<PackageCommand['type']> = {
  'read-packages': (engine, {address}, context) => tellPackages(engine, address, context),

  async 'create-package'({packages}, {address, name, attributes, screen}, {answer}) {
    await packages.create(address, name, attributes);
    answer(screen, {
      kind: 'saved',
      text: `Package ${name} is defined; it has no archive before files are added.`,
    });
  },

  async 'edit-package'({packages}, {address, name, changes, screen}, {answer}) {
    await packages.edit(address, name, changes);
    answer(screen, {kind: 'saved', text: `Package ${name} is changed.`});
  },

  async 'add-package-files'({packages}, {address, name, files, screen}, {answer}) {
    const {archive} = await packages.assign(address, name, {add: files, remove: []});
    answer(screen, {
      kind: 'saved',
      text: `${plural(files.length, 'file')} added to ${name}; its archive has ${formatSize(archive?.sizeBytes ?? 0)}.`,
    });
  },

  async 'remove-package-files'(engine, {address, name, files}, context) {
    await engine.packages.assign(address, name, {add: [], remove: files});
    return changed(engine, address, `${plural(files.length, 'file')} removed from ${name}.`, context);
  },

  async 'rebuild-package'(engine, {address, name}, context) {
    await engine.packages.rebuild(address, name);
    return changed(engine, address, `The archive of ${name} is written anew.`, context);
  },

  async 'delete-package'(engine, {address, name}, context) {
    await engine.packages.delete(address, name);
    return changed(engine, address, `Package ${name} is deleted; the registered files stay.`, context);
  },

  async 'link-package'({packages}, {address, name, ttlMs, screen}, {answer}) {
    answer(screen, {kind: 'link-made', ...(await packages.link(address, name, ttlMs))});
  },

  async 'fetch-package'({packages}, {address, name, to, screen}, {answer, now}) {
    let toldAt = 0;
    const fetched = await packages.fetch(address, name, typedPath(to), (done, total) => {
      if (now() - toldAt < tellEveryMs) return;
      toldAt = now();
      answer(screen, {kind: 'working', text: `fetched ${formatSize(done)} of ${formatSize(total)}`});
    });
    answer(screen, {
      kind: 'saved',
      text: `${fetched.path} has ${formatSize(fetched.sizeBytes)}, checked against its checksum.`,
    });
  },

  async 'import-file'({packages}, {address, path, name, replace, screen}, {answer}) {
    const file = await packages.importFile(address, {
      path: typedPath(path),
      replace,
      ...(name === undefined ? {} : {name}),
    });
    answer(screen, {kind: 'saved', text: `${file.name} is registered, ${formatSize(file.sizeBytes)}.`});
  },

  async 'delete-download-file'(engine, {address, name}, context) {
    await engine.packages.deleteFile(address, name);
    return changed(engine, address, `${name} is deleted from the download folder.`, context);
  },
};

/** A progress that changes faster than people read only costs frames. */
const tellEveryMs = 250;

async function tellPackages(
  engine: Engine,
  address: SiteAddress,
  {tell, now}: CommandContext,
): Promise<void> {
  const [listed, files] = await Promise.all([engine.packages.list(address), engine.packages.files(address)]);
  tell({type: 'packages-read', address, ...listed, files, at: now()});
}

async function changed(
  engine: Engine,
  address: SiteAddress,
  text: string,
  context: CommandContext,
): Promise<void> {
  context.tell({type: 'changed', text, reload: []});
  await tellPackages(engine, address, context);
}
