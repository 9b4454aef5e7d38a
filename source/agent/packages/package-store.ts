import {createHash, randomBytes} from 'node:crypto';
import {mkdirSync, readFileSync, rmSync, statSync} from 'node:fs';
import {open, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
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
import {digestFile} from '../../system/digest-file.js';
import {Mutex} from '../../system/mutex.js';
import {asSpaceError} from '../site/no-space.js';
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

type Registry = {
  readonly version: 1;
  readonly files: readonly RegisteredFile[];
  readonly packages: readonly Package[];
};

/** Opens the download folder of a site, which is made on first use. @param nowMs the wall clock */
export function openPackageStore(
  folder: string,
  limits: DownloadLimits = defaultDownloadLimits,
  nowMs: () => number = Date.now,
): PackageStore {
  const registryFile = join(folder, 'registry.json');
  const filesFolder = join(folder, 'files');
  const archivesFolder = join(folder, 'packages');
  const turns = new Mutex();
  const archivePath = (name: string) => join(archivesFolder, `${name}.zip`);
  const filePath = (name: string) => join(filesFolder, name);

  const read = (): Registry => {
    let text: string;
    try {
      text = readFileSync(registryFile, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {version: 1, files: [], packages: []};
      throw error;
    }
    try {
      return JSON.parse(text) as Registry;
    } catch (cause) {
      throw new OperatorError('INVALID_STATE', `${registryFile} cannot be read.`, {
        hint: 'Put it back from a backup; files and archives beside it are untouched.',
        cause,
      });
    }
  };
  const write = (registry: Registry): Promise<void> =>
    writeFileAtomic(registryFile, `${JSON.stringify(registry, null, 1)}\n`, {mode: 0o600});
  /** One change at a time: two writers lose nothing. */
  const change = <T>(work: (registry: Registry) => Promise<T>): Promise<T> =>
    turns.run(async () => {
      for (const made of [filesFolder, archivesFolder]) mkdirSync(made, {recursive: true, mode: 0o700});
      return await work(read());
    });
  const putPackage = (registry: Registry, entry: Package): Promise<void> =>
    write({...registry, packages: [...registry.packages.filter(other => other.name !== entry.name), entry]});

  /** Digests of archives as they were read, by what tells one writing of a file from another. */
  const digests = new Map<string, string>();
  const listing = async (entry: Package): Promise<PackageListing> => ({
    ...entry,
    state: await stateOf(entry),
  });
  const stateOf = async ({name, archive}: Package): Promise<PackageState> => {
    if (archive === undefined) return 'empty';
    const stat = statSync(archivePath(name), {bigint: true, throwIfNoEntry: false});
    if (!stat?.isFile() || Number(stat.size) !== archive.sizeBytes) return 'damaged';
    const mark = `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
    const known = digests.get(name);
    const digest = known?.startsWith(`${mark} `)
      ? known.slice(mark.length + 1)
      : await digestFile(archivePath(name)).then(
          found => found?.sha256 ?? '',
          () => '',
        );
    digests.set(name, `${mark} ${digest}`);
    return digest === archive.sha256 ? 'ready' : 'damaged';
  };
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
    const registered = new Map(registry.files.map(file => [file.name, file]));
    const chosen = names.map(name => {
      const file = registered.get(name);
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
    await putPackage(registry, written);
    return await listing(written);
  };

  const store: PackageStore = {
    maintain: () =>
      change(async registry => {
        const expired = registry.packages.filter(entry => isExpired(entry, nowMs()));
        if (expired.length === 0) return [];
        // In this order: an archive that no package names would stay for ever.
        for (const {name} of expired) await rm(archivePath(name), {force: true});
        await write({...registry, packages: registry.packages.filter(entry => !expired.includes(entry))});
        return expired.map(({name}) => name);
      }),

    nextExpiryMs() {
      const expiries = read().packages.flatMap(entry => expiryOf(entry) ?? []);
      const toCome = expiries.map(expiry => Date.parse(expiry)).filter(ms => ms > nowMs());
      return toCome.length === 0 ? undefined : Math.min(...toCome);
    },

    files: async () => read().files,

    async importFile({name, by, replace}, content) {
      mustBeName(name, 'file');
      mkdirSync(filesFolder, {recursive: true, mode: 0o700});
      const staged = join(folder, `import-${randomBytes(6).toString('hex')}`);
      try {
        const {sizeBytes, sha256} = await receive(staged, content, limits.maxFileBytes);
        return await change(async registry => {
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
          await write({...registry, files: [...registry.files.filter(other => other.name !== name), file]});
          return file;
        });
      } catch (error) {
        throw asSpaceError(error, folder);
      } finally {
        rmSync(staged, {force: true});
      }
    },

    deleteFile: name =>
      change(async registry => {
        if (!registry.files.some(file => file.name === name))
          throw new OperatorError('NOT_FOUND', `${name} is not registered in the download folder.`, {
            hint: '`lockstep file list SERVER/SITE` lists what is.',
          });
        await write({...registry, files: registry.files.filter(file => file.name !== name)});
        await rm(filePath(name), {force: true});
      }),

    async list() {
      const entries: PackageListing[] = [];
      for (const entry of read().packages) if (!isExpired(entry, nowMs())) entries.push(await listing(entry));
      return entries;
    },

    show: async name => listing(find(read(), name)),

    create: (name, by, attributes) =>
      change(async registry => {
        mustBeName(name, 'package');
        const twin = foldedTwin([...registry.packages.map(entry => entry.name), name]);
        if (twin !== undefined || registry.packages.some(entry => entry.name === name))
          throw new OperatorError('ALREADY_EXISTS', `There is a package ${twin?.[0] ?? name} already.`);
        const entry: Package = {name, createdAt: new Date(nowMs()).toISOString(), by, attributes, files: []};
        if (isExpired(entry, nowMs()))
          throw new OperatorError('USAGE', 'The package would be expired from the start.', {
            hint: 'Give an expiry date in the future.',
          });
        await putPackage(registry, entry);
        return await listing(entry);
      }),

    edit: (name, attributes, cleared) =>
      change(async registry => {
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
        await putPackage(registry, entry);
        return await listing(entry);
      }),

    assign: (name, {add = [], remove = []}) =>
      change(async registry => {
        const entry = find(registry, name);
        const missing = remove.find(file => !entry.files.includes(file));
        if (missing !== undefined)
          throw new OperatorError('NOT_FOUND', `${missing} is not in package ${name}.`, {
            hint: '`lockstep package show` lists its files.',
          });
        const registered = new Set(registry.files.map(file => file.name));
        return rewrite(registry, entry, rewriteFiles(entry, {add, remove}, registered));
      }),

    rebuild: name =>
      change(async registry => {
        const entry = find(registry, name);
        if (entry.archive === undefined)
          throw new OperatorError('NOT_FOUND', `Package ${name} has no archive yet.`, {
            hint: 'The first assignment makes it: `lockstep package add`.',
          });
        const registered = new Set(registry.files.map(file => file.name));
        return rewrite(registry, entry, rewriteFiles(entry, {}, registered));
      }),

    delete: name =>
      change(async registry => {
        find(registry, name);
        await rm(archivePath(name), {force: true});
        await write({...registry, packages: registry.packages.filter(entry => entry.name !== name)});
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

async function receive(
  path: string,
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<{sizeBytes: number; sha256: string}> {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes)
        throw new OperatorError(
          'LIMIT_EXCEEDED',
          `A file of the download folder has at most ${maxBytes} bytes.`,
          {
            hint: '`downloads.maxFileBytes` in agent.json raises that.',
          },
        );
      digest.update(chunk);
      for (let written = 0; written < chunk.length; )
        written += (await file.write(chunk, written, chunk.length - written)).bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return {sizeBytes, sha256: digest.digest('hex')};
}
