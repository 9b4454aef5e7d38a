import {randomBytes} from 'node:crypto';
import {mkdirSync, rmSync} from 'node:fs';
import {rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {OperatorError} from '../../core/operator-error.js';
import {
  expiryOf,
  foldedTwin,
  isExpired,
  mustBeName,
  type Package,
  type PackageAttributes,
  type PackageState,
  type RegisteredFile,
  rewriteFiles,
} from '../../core/package.js';
import {asSpaceError} from '../site/no-space.js';
import {ArchiveCheck} from './check-archive.js';
import {PackageRegistry, type Registry} from './package-registry.js';
import {receiveFile} from './receive-file.js';
import {writeArchive} from './write-archive.js';

/** Limits on what an operator can put into the download folder of one site. */
export type DownloadLimits = {
  /** Bytes of one package before compression; the archive is made in memory. */
  readonly maxPackageBytes: number;
  /** Bytes of one imported file. */
  readonly maxFileBytes: number;
  readonly maxFiles: number;
};

export const defaultDownloadLimits: DownloadLimits = {
  maxPackageBytes: 512 * 1024 * 1024,
  maxFileBytes: 512 * 1024 * 1024,
  maxFiles: 10_000,
};

export type PackageListing = Package & {readonly state: PackageState};

/** The download folder of one site: registered files, packages and their archives (P1–P8). */
export type PackageStore = {
  /** Deletes expired packages; done on every opening of the package manager, and by the agent as they expire (P7). */
  maintain(): Promise<readonly string[]>;
  /** When the next package expires, epoch milliseconds; undefined when none does. */
  nextExpiryMs(): number | undefined;
  files(): Promise<readonly RegisteredFile[]>;
  /** Copies a file into the download folder and registers it (P4). @throws OperatorError ALREADY_EXISTS, LIMIT_EXCEEDED, NO_SPACE */
  importFile(
    request: {name: string; by: string; replace: boolean},
    content: AsyncIterable<Uint8Array>,
  ): Promise<RegisteredFile>;
  /** Archives that hold the file stay as they are until they are written anew (P5). */
  deleteFile(name: string): Promise<void>;
  list(): Promise<readonly PackageListing[]>;
  show(name: string): Promise<PackageListing>;
  create(name: string, by: string, attributes: PackageAttributes): Promise<PackageListing>;
  edit(
    name: string,
    attributes: Partial<PackageAttributes>,
    cleared: readonly string[],
  ): Promise<PackageListing>;
  /** Adds and removes files in one rewriting of the archive (P3). */
  assign(
    name: string,
    change: {add?: readonly string[]; remove?: readonly string[]},
  ): Promise<PackageListing>;
  /** Writes the archive again from the registered files. */
  rebuild(name: string): Promise<PackageListing>;
  delete(name: string): Promise<void>;
  /** Where the archive lies, for serving it. @throws OperatorError NOT_FOUND, CONTENT_MISMATCH for a damaged one */
  archive(name: string): Promise<{path: string; entry: Package & {archive: NonNullable<Package['archive']>}}>;
};

/** Opens the download folder of a site, which is made on first use. @param nowMs the wall clock */
export function openPackageStore(
  folder: string,
  limits: DownloadLimits = defaultDownloadLimits,
  nowMs: () => number = Date.now,
): PackageStore {
  const filesFolder = join(folder, 'files');
  const archivesFolder = join(folder, 'packages');
  const catalog = new PackageRegistry(folder, [filesFolder, archivesFolder]);
  const archivePath = (name: string) => join(archivesFolder, `${name}.zip`);
  const filePath = (name: string) => join(filesFolder, name);

  const check = new ArchiveCheck(archivePath);
  const listing = async (entry: Package): Promise<PackageListing> => ({
    ...entry,
    state: await check.stateOf(entry),
  });
  const find = (registry: Registry, name: string): Package => {
    const found = registry.packages.find(entry => entry.name === name && !isExpired(entry, nowMs()));
    if (found !== undefined) return found;
    throw new OperatorError('NOT_FOUND', `There is no package ${name}.`, {
      hint: '`lockstep package list SERVER/SITE` lists them; an expired one is deleted.',
    });
  };

  /** Writes the archive for a list of files and registers the package as it is then. */
  const rewrite = async (
    registry: Registry,
    entry: Package,
    names: readonly string[],
  ): Promise<PackageListing> => {
    const byName = new Map(registry.files.map(file => [file.name, file]));
    const chosen = names.map(name => {
      const file = byName.get(name);
      if (file !== undefined) return file;
      throw new OperatorError('NOT_FOUND', `${name} is not registered in the download folder.`, {
        hint: 'Import it first: `lockstep file import SERVER/SITE FILE`.',
      });
    });
    const twins = foldedTwin(names);
    if (twins !== undefined)
      throw new OperatorError('USAGE', `${twins[0]} and ${twins[1]} would be one file on many systems.`, {
        hint: 'Import one of them under another name.',
      });
    const bytes = chosen.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
    if (bytes > limits.maxPackageBytes || chosen.length > limits.maxFiles)
      throw new OperatorError(
        'LIMIT_EXCEEDED',
        `A package holds at most ${limits.maxFiles} files of ${limits.maxPackageBytes} bytes together; this would be ${chosen.length} of ${bytes}.`,
        {hint: 'Make several packages, or raise `downloads` in agent.json.'},
      );
    const archive = await writeArchive({
      path: archivePath(entry.name),
      files: chosen.map(({name, sha256}) => ({name, path: filePath(name), sha256})),
    });
    const written = {...entry, files: names, archive};
    await catalog.putPackage(registry, written);
    return await listing(written);
  };

  const store: PackageStore = {
    maintain: () =>
      catalog.change(async registry => {
        const expired = registry.packages.filter(entry => isExpired(entry, nowMs()));
        if (expired.length === 0) return [];
        // In this order: an archive that no package names would stay for ever.
        for (const {name} of expired) await rm(archivePath(name), {force: true});
        await catalog.write({
          ...registry,
          packages: registry.packages.filter(entry => !expired.includes(entry)),
        });
        return expired.map(({name}) => name);
      }),

    nextExpiryMs() {
      const expiries = catalog.read().packages.flatMap(entry => expiryOf(entry) ?? []);
      const toCome = expiries.map(expiry => Date.parse(expiry)).filter(ms => ms > nowMs());
      return toCome.length === 0 ? undefined : Math.min(...toCome);
    },

    files: async () => catalog.read().files,

    async importFile({name, by, replace}, content) {
      mustBeName(name, 'file');
      mkdirSync(filesFolder, {recursive: true, mode: 0o700});
      const staged = join(folder, `import-${randomBytes(6).toString('hex')}`);
      try {
        const {sizeBytes, sha256} = await receiveFile(staged, content, limits.maxFileBytes);
        return await catalog.change(async registry => {
          const before = registry.files.find(file => file.name === name);
          if (before !== undefined && !replace)
            throw new OperatorError('ALREADY_EXISTS', `${name} is registered already.`, {
              hint: '--replace puts the new one in its place; archives keep the old one until they are written anew.',
            });
          if (before === undefined && registry.files.length >= limits.maxFiles)
            throw new OperatorError(
              'LIMIT_EXCEEDED',
              `The download folder holds ${limits.maxFiles} files already.`,
            );
          const file = {name, sizeBytes, sha256, importedAt: new Date(nowMs()).toISOString(), by};
          await rename(staged, filePath(name));
          await catalog.write({
            ...registry,
            files: [...registry.files.filter(other => other.name !== name), file],
          });
          return file;
        });
      } catch (error) {
        throw asSpaceError(error, folder);
      } finally {
        rmSync(staged, {force: true});
      }
    },

    deleteFile: name =>
      catalog.change(async registry => {
        if (!registry.files.some(file => file.name === name))
          throw new OperatorError('NOT_FOUND', `${name} is not registered in the download folder.`, {
            hint: '`lockstep file list SERVER/SITE` lists what is.',
          });
        await catalog.write({...registry, files: registry.files.filter(file => file.name !== name)});
        await rm(filePath(name), {force: true});
      }),

    async list() {
      const entries: PackageListing[] = [];
      for (const entry of catalog.read().packages)
        if (!isExpired(entry, nowMs())) entries.push(await listing(entry));
      return entries;
    },

    show: async name => listing(find(catalog.read(), name)),

    create: (name, by, attributes) =>
      catalog.change(async registry => {
        mustBeName(name, 'package');
        const twin = foldedTwin([...registry.packages.map(entry => entry.name), name]);
        if (twin !== undefined || registry.packages.some(entry => entry.name === name))
          throw new OperatorError('ALREADY_EXISTS', `There is a package ${twin?.[0] ?? name} already.`);
        const entry: Package = {name, createdAt: new Date(nowMs()).toISOString(), by, attributes, files: []};
        if (isExpired(entry, nowMs()))
          throw new OperatorError('USAGE', 'The package would be expired from the start.', {
            hint: 'Give an expiry date in the future.',
          });
        await catalog.putPackage(registry, entry);
        return await listing(entry);
      }),

    edit: (name, attributes, cleared) =>
      catalog.change(async registry => {
        const before = find(registry, name);
        const kept = Object.fromEntries(
          Object.entries(before.attributes).filter(([key]) => !cleared.includes(key)),
        ) as PackageAttributes;
        const entry = {...before, attributes: {...kept, ...attributes}};
        if (isExpired(entry, nowMs()))
          throw new OperatorError(
            'USAGE',
            `Package ${name} would have expired on ${expiryOf(entry)}, and be deleted at once.`,
            {
              hint: `A lifetime counts from when it was made, ${entry.createdAt}. \`lockstep package delete\` deletes it.`,
            },
          );
        await catalog.putPackage(registry, entry);
        return await listing(entry);
      }),

    assign: (name, {add = [], remove = []}) =>
      catalog.change(async registry => {
        const entry = find(registry, name);
        const missing = remove.find(file => !entry.files.includes(file));
        if (missing !== undefined)
          throw new OperatorError('NOT_FOUND', `${missing} is not in package ${name}.`, {
            hint: '`lockstep package show` lists its files.',
          });
        return rewrite(registry, entry, rewriteFiles(entry, {add, remove}, namesOf(registry)));
      }),

    rebuild: name =>
      catalog.change(async registry => {
        const entry = find(registry, name);
        if (entry.archive === undefined)
          throw new OperatorError('NOT_FOUND', `Package ${name} has no archive yet.`, {
            hint: 'The first assignment makes it: `lockstep package add`.',
          });
        return rewrite(registry, entry, rewriteFiles(entry, {}, namesOf(registry)));
      }),

    delete: name =>
      catalog.change(async registry => {
        find(registry, name);
        await rm(archivePath(name), {force: true});
        await catalog.write({...registry, packages: registry.packages.filter(entry => entry.name !== name)});
      }),

    async archive(name) {
      const entry = await store.show(name);
      const {archive} = entry;
      if (archive === undefined)
        throw new OperatorError('NOT_FOUND', `Package ${name} has no archive yet.`, {
          hint: 'Files have to be assigned first.',
        });
      if (entry.state === 'damaged')
        throw new OperatorError('CONTENT_MISMATCH', `The archive of package ${name} is damaged.`, {
          hint: '`lockstep package rebuild` writes it anew from the registered files.',
        });
      return {path: archivePath(name), entry: {...entry, archive}};
    },
  };
  return store;
}

function namesOf({files}: Registry): ReadonlySet<string> {
  return new Set(files.map(({name}) => name));
}
