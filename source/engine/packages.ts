import {createReadStream} from 'node:fs';
import {open, rename, rm, stat} from 'node:fs/promises';
import type {AgentClient} from '../client/agent-client.js';
import {OperatorError} from '../core/operator-error.js';
import {
  mustBeName,
  type Package,
  type PackageAttributes,
  type PackageState,
  type RegisteredFile,
} from '../core/package.js';
import * as endpoints from '../protocol/package-endpoints.js';
import {digestFile} from '../system/digest-file.js';
import type {SiteAddress} from './engine.js';
import {type EngineContext, findServer} from './engine-context.js';
import {mustBeImportable} from './foresee-package.js';
import {notWritable} from './not-writable.js';

/** A package as the agent that serves it lists it; `expires` is when it is deleted. */
export type PackageEntry = Package & {state: PackageState; expires?: string};

/** What an edit of a package names; null takes a date or lifetime away. */
export type PackageChanges = Partial<Omit<PackageAttributes, 'expiresAt' | 'lifetimeMs'>> & {
  expiresAt?: string | null;
  lifetimeMs?: number | null;
};

/** Download packages of a site (P1–P8). All throw NOT_FOUND, ROLE_REFUSED and the failures of a connection. */
export type PackageVerbs = {
  files(site: SiteAddress): Promise<readonly RegisteredFile[]>;
  /** Copies a file of this machine into the download folder. @param name its own name when absent */
  importFile(
    site: SiteAddress,
    file: {path: string; name?: string; replace: boolean},
  ): Promise<RegisteredFile>;
  deleteFile(site: SiteAddress, name: string): Promise<void>;
  /** What there is, after what had expired was deleted (P7). */
  list(site: SiteAddress): Promise<{packages: readonly PackageEntry[]; expired: readonly string[]}>;
  show(site: SiteAddress, name: string): Promise<PackageEntry>;
  create(site: SiteAddress, name: string, attributes: PackageAttributes): Promise<PackageEntry>;
  edit(site: SiteAddress, name: string, changes: PackageChanges): Promise<PackageEntry>;
  /** Adds and removes files in one writing of the archive. */
  assign(
    site: SiteAddress,
    name: string,
    change: {add: readonly string[]; remove: readonly string[]},
  ): Promise<PackageEntry>;
  rebuild(site: SiteAddress, name: string): Promise<PackageEntry>;
  delete(site: SiteAddress, name: string): Promise<void>;
  link(site: SiteAddress, name: string, ttlMs: number): Promise<{url: string; expiresAt: string}>;
  /**
   * Downloads the archive; goes on where an earlier attempt ended, and checks it before it gets its name.
   * @throws OperatorError CONTENT_MISMATCH, ALREADY_EXISTS when `to` exists
   */
  fetch(
    site: SiteAddress,
    name: string,
    to: string,
    onProgress?: (doneBytes: number, totalBytes: number) => void,
  ): Promise<{path: string; sizeBytes: number; sha256: string}>;
};

/** Attempts at one download before the connection is given up. */
const attempts = 5;

export function createPackages(context: EngineContext): PackageVerbs {
  const at = async <T>(
    address: SiteAddress,
    work: (client: AgentClient, site: string) => Promise<T>,
  ): Promise<T> => {
    const server = findServer(await context.state.read(), address.server);
    const client = await context.connect(server);
    try {
      return await work(client, address.site);
    } finally {
      client.close();
    }
  };

  return {
    files: address =>
      at(
        address,
        async (client, site) => (await client.call(endpoints.listDownloadFiles, {params: {site}})).files,
      ),

    async importFile(address, {path: from, name: wanted, replace}) {
      const name = await mustBeImportable(from, wanted);
      return at(address, (client, site) =>
        client.call(endpoints.importDownloadFile, {
          params: {site, file: name},
          query: replace ? {replace: 'yes'} : {},
          body: createReadStream(from, {highWaterMark: 256 * 1024}),
        }),
      );
    },

    deleteFile: (address, name) =>
      at(address, async (client, site) => {
        await client.call(endpoints.deleteDownloadFile, {params: {site, file: name}});
      }),

    list: address => at(address, (client, site) => client.call(endpoints.openPackages, {params: {site}})),

    show: (address, name) =>
      at(address, (client, site) => client.call(endpoints.describePackage, {params: {site, package: name}})),

    async create(address, name, attributes) {
      mustBeName(name, 'package');
      return at(address, (client, site) =>
        client.call(endpoints.createPackage, {
          params: {site},
          body: {
            name,
            attributes: {
              ...attributes,
              managers: [...attributes.managers],
              downloaders: [...attributes.downloaders],
            },
          },
        }),
      );
    },

    edit: (address, name, changes) =>
      at(address, (client, site) => {
        const clear = (['expiresAt', 'lifetimeMs'] as const).filter(key => changes[key] === null);
        const {expiresAt, lifetimeMs, managers, downloaders, ...rest} = changes;
        return client.call(endpoints.editPackage, {
          params: {site, package: name},
          body: {
            attributes: {
              ...rest,
              ...(managers === undefined ? {} : {managers: [...managers]}),
              ...(downloaders === undefined ? {} : {downloaders: [...downloaders]}),
              ...(expiresAt == null ? {} : {expiresAt}),
              ...(lifetimeMs == null ? {} : {lifetimeMs}),
            },
            clear,
          },
        });
      }),

    assign: (address, name, {add, remove}) =>
      at(address, (client, site) =>
        client.call(endpoints.assignFiles, {
          params: {site, package: name},
          body: {add: [...add], remove: [...remove]},
        }),
      ),

    rebuild: (address, name) =>
      at(address, (client, site) =>
        client.call(endpoints.assignFiles, {params: {site, package: name}, body: {add: [], remove: []}}),
      ),

    delete: (address, name) =>
      at(address, async (client, site) => {
        await client.call(endpoints.deletePackage, {params: {site, package: name}});
      }),

    link: (address, name, ttlMs) =>
      at(address, async (client, site) => {
        const made = await client.call(endpoints.linkPackage, {params: {site, package: name}, body: {ttlMs}});
        return {url: `${client.url}${made.path}`, expiresAt: made.expiresAt};
      }),

    fetch: (address, name, to, onProgress) =>
      at(address, async (client, site) => {
        if (await stat(to).catch(() => undefined))
          throw new OperatorError('ALREADY_EXISTS', `${to} is there already.`, {
            hint: 'Give another name with --out, or remove it.',
          });
        const {archive} = await client.call(endpoints.describePackage, {params: {site, package: name}});
        if (archive === undefined)
          throw new OperatorError('NOT_FOUND', `Package ${name} has no archive yet.`, {
            hint: 'Files have to be assigned first: `lockstep package add`.',
          });
        const partial = `${to}.part`;
        const {sizeBytes, sha256} = archive;
        for (let attempt = 1; ; attempt++)
          try {
            await resume(client, {site, name, partial, sizeBytes}, onProgress);
            break;
          } catch (error) {
            const lost = error instanceof OperatorError && error.code === 'CONNECTION_LOST';
            if (!lost || attempt === attempts) throw error;
          }
        if ((await digestFile(partial))?.sha256 !== sha256) {
          await rm(partial, {force: true});
          throw new OperatorError(
            'CONTENT_MISMATCH',
            `What came of package ${name} is not what it should be.`,
            {
              hint: 'It may have been written anew meanwhile: fetch it again. `lockstep package show` names its state.',
            },
          );
        }
        await rename(partial, to);
        return {path: to, sizeBytes, sha256};
      }),
  };
}

/** Brings the rest of an archive behind what an earlier attempt brought. */
async function resume(
  client: AgentClient,
  {site, name, partial, sizeBytes}: {site: string; name: string; partial: string; sizeBytes: number},
  onProgress: ((doneBytes: number, totalBytes: number) => void) | undefined,
): Promise<void> {
  const file = await open(partial, 'a', 0o600).catch((error: unknown) => {
    throw notWritable(partial, error);
  });
  try {
    let done = (await file.stat()).size;
    if (done > sizeBytes) {
      await file.truncate(0);
      done = 0;
    }
    if (done === sizeBytes) return;
    const chunks = await client.call(endpoints.fetchPackage, {
      params: {site, package: name},
      query: {from: String(done)},
    });
    for await (const chunk of chunks) {
      done += chunk.length;
      if (done > sizeBytes)
        throw new OperatorError('INVALID_ANSWER', `Package ${name} is longer than it says.`);
      await file.appendFile(chunk);
      onProgress?.(done, sizeBytes);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
