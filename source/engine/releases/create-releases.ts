import {randomBytes} from 'node:crypto';
import {constants, copyFile, mkdir, rm, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {verifySignature, writeKeyFiles} from '../../core/minisign.js';
import {OperatorError} from '../../core/operator-error.js';
import {
  compareReleaseVersions,
  describeSource,
  isReleaseName,
  isVersion,
  type ReleaseManifest,
  type ReleaseSource,
  releaseId,
  withoutCredentials,
} from '../../core/release.js';
import {download} from '../../protocol/download/download.js';
import {ftpSource} from '../../protocol/download/ftp-source.js';
import {httpSource} from '../../protocol/download/http-source.js';
import {packageSource} from '../../protocol/download/package-source.js';
import {
  formatManifest,
  maxManifestBytes,
  parseManifest,
  releaseDigest,
} from '../../protocol/release-manifest.js';
import type {State} from '../../state/state.js';
import {digestFile} from '../../system/digest-file.js';
import {type EngineContext, findServer} from '../engine-context.js';
import type {
  ReleaseDefinition,
  ReleaseEntry,
  ReleaseOrigin,
  ReleaseProgress,
  ReleaseVerbs,
} from '../releases.js';
import {bringRelease, offerRelease} from './bring-release.js';
import {listArchive} from './make-manifest.js';
import {ReleaseFolder, type StoredRelease} from './release-folder.js';
import {findPublicKey, mustBeSignature, openSigner, readSmall, readText} from './sign-release.js';
import {zipFolder} from './zip-folder.js';

type Options = {signal?: AbortSignal; onProgress?: ReleaseProgress};

/** Attempts in a row without any progress before the console gives an address up: within 3 s where nothing answers. */
const downloadAttempts = 3;
/** Bytes that the console fetches at most to make a release of them. */
const maxArchiveBytes = 2 ** 40;

export function createReleases(context: EngineContext): ReleaseVerbs {
  const folder = new ReleaseFolder(context.home);

  return {
    list: async () => (await folder.list()).map(release => toEntry(release)),

    async show(id) {
      const release = await folder.find(id);
      const {files, folders} = release.manifest;
      const problem = await problemOf(release);
      return {
        ...toEntry(release),
        ...(problem === undefined ? {} : {problem}),
        files,
        ...(folders === undefined ? {} : {folders}),
      };
    },

    async foresee(definition) {
      const {origin, signing} = definition;
      checkDefinition(definition);
      await folder.mustBeFree(releaseId(definition));
      await sourceOf(context, definition);
      await openSigner(signing);
      if (origin.kind === 'path' && (await stat(origin.path).catch(() => undefined)) === undefined)
        throw notThere(origin.path);
    },

    async add(definition, options = {}) {
      const {name, version, origin, signing} = definition;
      checkDefinition(definition);
      const id = releaseId({name, version});
      const source = await sourceOf(context, definition);
      // Keys are tried before a large archive is fetched.
      const signer = await openSigner(signing);
      const added = await folder.add(id, async (made, archive) => {
        await obtain(context, origin, archive, options);
        const manifest =
          signing.kind === 'signed-manifest'
            ? await readManifest(signing.manifest, definition, archive, options)
            : await makeManifest(definition, archive, options);
        await folder.write(made, {
          manifest,
          ...signer(manifest, id),
          source,
          addedAt: new Date().toISOString(),
          by: context.operator,
        });
        if (source.kind !== 'pushed') await rm(archive);
      });
      return toEntry(added);
    },

    async sign(id, signing) {
      const {bytes} = await folder.find(id);
      if (signing.kind === 'secret-key') {
        const {signature} = (await openSigner(signing))(bytes, id);
        return toEntry(await folder.sign(id, signature!));
      }
      const signature = await readText(signing.file, 'signature');
      mustBeSignature(bytes, signature);
      return toEntry(await folder.sign(id, signature));
    },

    async verify(id, publicKey) {
      const {bytes, signature} = await folder.find(id);
      const key = await findPublicKey(publicKey);
      const refused = (reason: string) =>
        new OperatorError('SIGNATURE_REFUSED', `${id} is not signed with the key ${key.id}: ${reason}.`, {
          hint: 'No server that trusts only that key will take the release.',
        });
      if (signature === undefined) throw refused('it has no signature');
      const verdict = verifySignature(bytes, signature, [key]);
      if (verdict.kind === 'valid') return {signedBy: verdict.keyId, trustedComment: verdict.trustedComment};
      if (verdict.kind === 'unknown-key') throw refused(`it is signed with the key ${verdict.keyId}`);
      throw refused(verdict.kind === 'wrong' ? 'the signature is wrong' : verdict.reason);
    },

    async delete(id, {dryRun = false} = {}) {
      await folder.mustHave(id);
      mustBeUnused(await context.state.read(), id);
      if (!dryRun) await folder.delete(id);
    },

    async createKey(file) {
      const publicFile = `${file}.pub`;
      if (await stat(publicFile).catch(() => undefined)) throw keyExists(publicFile);
      const made = writeKeyFiles({id: randomBytes(8), seed: randomBytes(32)});
      await mkdir(path.dirname(path.resolve(file)), {recursive: true});
      try {
        await writeFile(file, made.secret, {flag: 'wx', mode: 0o600, flush: true});
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw keyExists(file);
        throw error;
      }
      await writeFile(publicFile, made.public, {flag: 'wx', mode: 0o644, flush: true});
      return {keyId: made.publicKey.id, publicKey: made.publicKey.text, secretFile: file, publicFile};
    },

    offer: async (id, to) => offerRelease(context, await folder.find(id), to),

    bring: async (id, to, options = {}) => bringRelease(context, await folder.find(id), to, options),
  };
}

function checkDefinition({name, version, minimumVersion, expiresAt}: ReleaseDefinition): void {
  if (!isReleaseName(name))
    throw new OperatorError('USAGE', `"${name.slice(0, 80)}" is no name for a release.`, {
      hint: 'Letters, digits, dot, underscore and hyphen; at most 64; a letter or digit first. --name gives it.',
    });
  for (const text of [version, ...(minimumVersion === undefined ? [] : [minimumVersion])])
    if (!isVersion(text))
      throw new OperatorError('USAGE', `"${text.slice(0, 80)}" is no version.`, {
        hint: 'One to four numbers with dots, such as 7.6.6; after three of them a pre-release, such as 2.0.0-rc.1.',
      });
  if (minimumVersion !== undefined && compareReleaseVersions(minimumVersion, version) > 0)
    throw new OperatorError(
      'USAGE',
      `No server could be updated to ${version}: it would have to run ${minimumVersion} or newer already.`,
      {hint: 'Give a --min-version that is older than --version.'},
    );
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now())
    throw new OperatorError('USAGE', 'The release would be expired from the start.', {
      hint: 'Give a moment in the future, or a duration such as 90d.',
    });
}

/** @throws OperatorError USAGE while a rollout is to bring the release to servers: without it that could not go on */
function mustBeUnused({rollouts = []}: State, id: string): void {
  const wanting = rollouts.find(
    ({release, status}) =>
      release === id && (status === 'planned' || status === 'running' || status === 'paused'),
  );
  if (wanting === undefined) return;
  const {name, status} = wanting;
  throw new OperatorError('USAGE', `The rollout ${name}, which is ${status}, brings ${id} to its servers.`, {
    hint:
      status === 'planned'
        ? `Delete it before: lockstep rollout delete ${name}`
        : `Wait for its end, or abort it before: lockstep rollout abort ${name}`,
  });
}

/** Where servers will get the archive from. */
async function sourceOf(context: EngineContext, {origin, push}: ReleaseDefinition): Promise<ReleaseSource> {
  if (origin.kind === 'path' || push) return {kind: 'pushed'};
  if (origin.kind !== 'package') return {kind: origin.kind, url: origin.url};
  const {name, url, fingerprint} = findServer(await context.state.read(), origin.address.server);
  return {kind: 'package', server: name, url, fingerprint, site: origin.address.site, package: origin.name};
}

/** Brings the archive to where it is read. */
async function obtain(
  context: EngineContext,
  origin: ReleaseOrigin,
  archive: string,
  {signal, onProgress}: Options,
): Promise<void> {
  const common = {
    to: archive,
    maxBytes: maxArchiveBytes,
    // Somebody waits for the answer.
    attempts: downloadAttempts,
    ...(signal ? {signal} : {}),
    onProgress: (done: number, total: number | undefined) => onProgress?.('fetching', done, total),
  };
  switch (origin.kind) {
    case 'path': {
      const found = await stat(origin.path).catch(() => undefined);
      if (found?.isDirectory()) {
        onProgress?.('packing', 0, undefined);
        await zipFolder(origin.path, archive, signal);
      } else if (found?.isFile()) await copyFile(origin.path, archive, constants.COPYFILE_FICLONE);
      else throw notThere(origin.path);
      return;
    }
    case 'http':
      await download(httpSource(origin.url), common);
      return;
    case 'ftp':
      await download(ftpSource(origin.url), common);
      return;
    case 'package': {
      const {address, name} = origin;
      const client = await context.connect(findServer(await context.state.read(), address.server));
      try {
        await download(packageSource(client, {...address, name}), common);
      } finally {
        client.close();
      }
      return;
    }
  }
}

async function makeManifest(
  {name, version, minimumVersion, expiresAt, strip, origin}: ReleaseDefinition,
  archive: string,
  {signal, onProgress}: Options,
): Promise<Buffer> {
  const listed = await listArchive(archive, {
    strip,
    called: nameOf(origin),
    ...(signal ? {signal} : {}),
    onProgress: (done, total) => onProgress?.('reading', done, total),
  });
  const {sizeBytes, sha256} = (await digestFile(archive, signal))!;
  const manifest: ReleaseManifest = {
    format: 1,
    name,
    version,
    ...(minimumVersion === undefined ? {} : {minimumVersion}),
    createdAt: new Date().toISOString(),
    ...(expiresAt === undefined ? {} : {expiresAt}),
    archive: {kind: 'zip', sizeBytes, sha256},
    ...listed,
  };
  const bytes = formatManifest(manifest);
  // What an agent would refuse is refused here.
  parseManifest(bytes);
  return bytes;
}

/** What people call the archive of a release; without name and password. */
function nameOf(origin: ReleaseOrigin): string {
  switch (origin.kind) {
    case 'path':
      return origin.path;
    case 'http':
    case 'ftp':
      return withoutCredentials(origin.url);
    case 'package':
      return `of the package ${origin.address.server}/${origin.address.site}/${origin.name}`;
  }
}

/** A manifest that was made elsewhere, once it fits to what is asked for and to the archive. */
async function readManifest(
  file: string,
  {name, version}: ReleaseDefinition,
  archive: string,
  {signal}: Options,
): Promise<Buffer> {
  const bytes = await readSmall(file, 'manifest', maxManifestBytes);
  const manifest = parseManifest(bytes);
  if (manifest.name !== name || manifest.version !== version)
    throw new OperatorError(
      'USAGE',
      `The manifest is of ${releaseId(manifest)}, not of ${releaseId({name, version})}.`,
    );
  const found = await digestFile(archive, signal);
  if (found?.sha256 !== manifest.archive.sha256)
    throw new OperatorError('CONTENT_MISMATCH', 'The archive is not the one that the manifest names.', {
      hint: 'Get both from whoever made the release.',
    });
  return bytes;
}

function toEntry({
  id,
  manifest,
  bytes,
  signature,
  source,
  addedAt,
  by,
  manifestPath,
}: StoredRelease): ReleaseEntry {
  const {format: _, files, folders: __, archive, ...rest} = manifest;
  const verdict = signature === undefined ? undefined : verifySignature(bytes, signature, []);
  return {
    ...rest,
    id,
    digest: releaseDigest(bytes),
    expired: rest.expiresAt !== undefined && Date.parse(rest.expiresAt) <= Date.now(),
    archive: {sizeBytes: archive.sizeBytes, sha256: archive.sha256},
    fileCount: files.length,
    source: describeSource(source),
    sourceKind: source.kind,
    ...(verdict !== undefined && 'keyId' in verdict ? {signedBy: verdict.keyId} : {}),
    addedAt,
    by,
    manifestPath,
  };
}

async function problemOf({source, archivePath, manifest}: StoredRelease): Promise<string | undefined> {
  if (source.kind !== 'pushed') return undefined;
  const found = await digestFile(archivePath);
  if (found === undefined) return 'its archive is gone from the console';
  return found.sha256 === manifest.archive.sha256 ? undefined : 'its archive at the console was changed';
}

function notThere(file: string): OperatorError {
  return new OperatorError('USAGE', `There is no file or folder ${file} on this machine.`, {
    hint: 'Give a ZIP archive, a folder, an address (http, https, ftp, ftps), or package:SERVER/SITE/NAME.',
  });
}

function keyExists(file: string): OperatorError {
  return new OperatorError('ALREADY_EXISTS', `${file} is there already.`, {
    hint: 'A key is never written over: give another name.',
  });
}
