import {randomBytes} from 'node:crypto';
import {mkdir, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {OperatorError} from '../../core/operator-error.js';
import {compareReleaseVersions, type ReleaseManifest, type ReleaseSource} from '../../core/release.js';
import {parseManifest, readSource} from '../../protocol/release-manifest.js';

/** A release as it lies below the console's home, in `releases/NAME-VERSION`. */
export type StoredRelease = {
  readonly id: string;
  readonly manifest: ReleaseManifest;
  /** As it was signed. */
  readonly bytes: Buffer;
  /** Text of the `.minisig` file. */
  readonly signature: string | undefined;
  readonly source: ReleaseSource;
  readonly addedAt: string;
  readonly by: string;
  readonly manifestPath: string;
  /** Where the archive lies when the console keeps it. */
  readonly archivePath: string;
};

/** What is left of an `add` that was killed is removed after a day. */
const leftOverMs = 86_400_000;

const names = {
  manifest: 'manifest.json',
  signature: 'manifest.json.minisig',
  source: 'source.json',
  archive: 'archive.zip',
};

/** The releases of a console. Each folder comes and goes as a whole, so that two consoles never see half of one. */
export class ReleaseFolder {
  readonly #root: string;

  constructor(home: string) {
    this.#root = path.join(home, 'releases');
  }

  async list(): Promise<readonly StoredRelease[]> {
    const entries = await readdir(this.#root).catch(() => []);
    const found = await Promise.all(entries.filter(isId).map(id => this.#read(id).catch(() => undefined)));
    return found
      .filter(release => release !== undefined)
      .sort(
        (a, b) =>
          a.manifest.name.localeCompare(b.manifest.name, 'en') ||
          compareReleaseVersions(b.manifest.version, a.manifest.version),
      );
  }

  /** @throws OperatorError NOT_FOUND naming what there is, INVALID_STATE for one that cannot be read */
  async find(id: string): Promise<StoredRelease> {
    if (await this.#has(id)) return await this.#read(id);
    const known = (await this.list()).map(release => release.id);
    throw new OperatorError('NOT_FOUND', `There is no release called ${id.slice(0, 200)}.`, {
      hint:
        known.length === 0 ? '`lockstep release add` makes one known.' : `There are: ${known.join(', ')}.`,
    });
  }

  /** Gives `work` a new folder; what is in it becomes the release when it ends well, and is gone when it does not. */
  async add(id: string, work: (folder: string, archive: string) => Promise<void>): Promise<StoredRelease> {
    const target = path.join(this.#root, id);
    await this.mustBeFree(id);
    const staged = await this.scratch();
    try {
      await work(staged, path.join(staged, names.archive));
      // A folder that is there and not empty is never replaced by a rename.
      await rename(staged, target).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'ENOTEMPTY' || error.code === 'EEXIST' ? taken(id) : error;
      });
      return await this.#read(id);
    } finally {
      await rm(staged, {recursive: true, force: true});
    }
  }

  /** @throws OperatorError ALREADY_EXISTS */
  async mustBeFree(id: string): Promise<void> {
    if (await stat(path.join(this.#root, id)).catch(() => undefined)) throw taken(id);
  }

  /** A folder to make the files of a release in; whoever asked removes it, or it goes a day after a crash. */
  async scratch(): Promise<string> {
    await this.#clearLeftOvers();
    const folder = path.join(this.#root, `.new-${randomBytes(6).toString('hex')}`);
    await mkdir(folder, {recursive: true, mode: 0o700});
    return folder;
  }

  async write(
    folder: string,
    content: {manifest: Buffer; signature?: string; source: ReleaseSource; addedAt: string; by: string},
  ): Promise<void> {
    const {manifest, signature, ...rest} = content;
    await writeFileAtomic(path.join(folder, names.manifest), manifest, {mode: 0o644});
    if (signature !== undefined) await this.#sign(folder, signature);
    // An address may hold a password.
    await writeFileAtomic(
      path.join(folder, names.source),
      `${JSON.stringify({version: 1, ...rest}, null, 1)}\n`,
      {
        mode: 0o600,
      },
    );
  }

  async sign(id: string, signature: string): Promise<StoredRelease> {
    await this.#sign(path.join(this.#root, id), signature);
    return await this.find(id);
  }

  /** Whether it is there, also when it cannot be read. @throws OperatorError NOT_FOUND */
  async mustHave(id: string): Promise<void> {
    if (!(await this.#has(id))) await this.find(id);
  }

  /** Also one that cannot be read. @throws OperatorError NOT_FOUND */
  async delete(id: string): Promise<void> {
    await this.mustHave(id);
    // Out of sight at once, however long removing takes.
    const aside = path.join(this.#root, `.new-${randomBytes(6).toString('hex')}`);
    await rename(path.join(this.#root, id), aside);
    await rm(aside, {recursive: true, force: true});
  }

  async #has(id: string): Promise<boolean> {
    return (
      isId(id) && ((await stat(path.join(this.#root, id)).catch(() => undefined))?.isDirectory() ?? false)
    );
  }

  #sign(folder: string, signature: string): Promise<void> {
    return writeFileAtomic(path.join(folder, names.signature), signature, {mode: 0o644});
  }

  async #read(id: string): Promise<StoredRelease> {
    const folder = path.join(this.#root, id);
    try {
      const bytes = await readFile(path.join(folder, names.manifest));
      const stored = JSON.parse(await readFile(path.join(folder, names.source), 'utf8')) as {
        source: unknown;
        addedAt: string;
        by: string;
      };
      const signature = await readFile(path.join(folder, names.signature), 'utf8').catch(() => undefined);
      return {
        id,
        manifest: parseManifest(bytes),
        bytes,
        signature,
        source: readSource(stored.source),
        addedAt: String(stored.addedAt),
        by: String(stored.by),
        manifestPath: path.join(folder, names.manifest),
        archivePath: path.join(folder, names.archive),
      };
    } catch (cause) {
      throw new OperatorError(
        'INVALID_STATE',
        `The release in ${folder} cannot be read: ${(cause as Error).message}`,
        {
          hint: `Delete it with \`lockstep release delete ${id}\`, and add it again.`,
          cause,
        },
      );
    }
  }

  async #clearLeftOvers(): Promise<void> {
    for (const name of await readdir(this.#root).catch(() => [])) {
      if (!name.startsWith('.new-')) continue;
      const left = path.join(this.#root, name);
      const {mtimeMs = Date.now()} = (await stat(left).catch(() => undefined)) ?? {};
      if (Date.now() - mtimeMs > leftOverMs) await rm(left, {recursive: true, force: true});
    }
  }
}

function taken(id: string): OperatorError {
  return new OperatorError('ALREADY_EXISTS', `There is already a release called ${id}.`, {
    hint: 'A version is released once: give another version, or delete that one first.',
  });
}

/** `NAME-VERSION`: the letters of a name, and no way out of the folder. */
const isId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,128}$/.test(text);
