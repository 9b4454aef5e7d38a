import {createHash, hash} from 'node:crypto';
import {
  closeSync,
  constants,
  createReadStream,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import {copyFile, readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import type {FileRecord} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import {deltaThreshold} from './delta-signature.js';
import {asSpaceError} from './no-space.js';
import {StagedFile} from './staged-file.js';
import {StagedRows} from './staged-rows.js';

/** Prefix of everything that a run puts into a site root (CLI.md). */
export const stagingPrefix = '.lockstep-';

type Expected = ReadonlyMap<string, {mode: number /** Modification time. */; seconds: number}>;

/** A receiver's own old version that a large file is rebuilt from. */
export type Basis = {readonly block: number; open(): {fd: number; close(): void}};

/** Content that was refused, and why. */
export type Refusal = {readonly digest: string; readonly error: string};

/**
 * What has been brought for one run at one site (DESIGN.md, "Life of a sync run"): contents as files named by
 * their digest in a folder inside the site root, so that commit only has to rename them, and rows in the agent's
 * data. Nothing of it is visible to the site. What a killed run left is kept until it is reused or grows old.
 */
export class Staging {
  readonly folder: string;
  /** Bases by digest of the new version, as offered in the last answer to the sender. */
  readonly bases = new Map<string, Basis>();
  readonly #root: string;
  readonly #dataFolder: string;
  /** Contents known to be whole: written, or checked again since the agent started. */
  readonly #whole = new Set<string>();
  #olderFolders: readonly string[] | undefined;
  #first: boolean | undefined;
  #expected: Expected = new Map();
  #before: Expected = new Map();
  #rows: StagedRows | undefined;
  #made = false;

  /** @param dataFolder the run's folder in the agent's data. */
  constructor(root: string, runId: string, dataFolder: string) {
    this.#root = root;
    this.#dataFolder = dataFolder;
    this.folder = join(root, stagingPrefix + runId);
  }

  get rows(): StagedRows {
    this.#rows ??= new StagedRows(this.#dataFolder);
    return this.#rows;
  }

  pathOf(digest: string): string {
    if (!/^[0-9a-f]{64}$/.test(digest))
      throw new OperatorError('BAD_REQUEST', 'A content has no proper digest.');
    return `${this.folder}/${digest}`;
  }

  /** Whether the content is here; what an earlier process or run left is checked before it counts. */
  async has(digest: string, size: number): Promise<boolean> {
    if (this.#whole.has(digest)) return true;
    if (this.#isFirst()) return false;
    const path = this.pathOf(digest);
    if (this.#sizeOf(path) === undefined) {
      const found = await this.#findInOlderRuns(digest, size);
      if (found === undefined) return false;
      this.make();
      renameSync(found, path);
    }
    if (this.#sizeOf(path) === size && (await digestOf(path, size)) === digest) {
      this.#whole.add(digest);
      return true;
    }
    unlinkSync(path);
    return false;
  }

  /** Whether nothing can be here but what this object has brought: no earlier process, no other run. */
  #isFirst(): boolean {
    try {
      this.#first ??= !readdirSync(this.#root).some(name => name.startsWith(stagingPrefix));
      return this.#first;
    } catch {
      return false;
    }
  }

  /** What an interrupted transfer brought of a large file, set aside to continue from; undefined when that is too little. */
  setAsidePartial(digest: string): {path: string; size: number} | undefined {
    const partial = `${this.pathOf(digest)}.part`;
    const path = `${this.pathOf(digest)}.basis`;
    const size = this.#sizeOf(partial);
    if (size !== undefined && size >= deltaThreshold) renameSync(partial, path);
    const kept = this.#sizeOf(path);
    return kept === undefined ? undefined : {path, size: kept};
  }

  openBasis(digest: string): {fd: number; close(): void} {
    const fd = openSync(`${this.pathOf(digest)}.basis`, 'r');
    return {fd, close: () => closeSync(fd)};
  }

  /**
   * Stages a large content as a clone of an open file, which costs nothing where the file system can share blocks.
   * @returns false where it cannot; then nothing was done.
   */
  async cloneFrom(fd: number, digest: string, size: number): Promise<boolean> {
    if (process.platform !== 'linux') return false;
    this.make();
    const path = this.pathOf(digest);
    try {
      await copyFile(`/proc/self/fd/${fd}`, path, constants.COPYFILE_FICLONE_FORCE);
    } catch {
      rmSync(path, {force: true});
      return false;
    }
    return this.has(digest, size);
  }

  /**
   * Says what files will be made of the contents that are asked for next, so that these are written with mode and time
   * at once; commit completes what is missing.
   */
  expect(records: readonly FileRecord[]): void {
    // Two: the next needs are asked for while the last ones arrive.
    this.#before = this.#expected;
    this.#expected = new Map(
      records
        .filter(({kind, size}) => kind === 'file' && size < deltaThreshold)
        .map(({digest, mode, mtime}) => [digest, {mode, seconds: Number(mtime) / 1e9}]),
    );
  }

  /** Writes small contents that came one after the other in `body`. A content that lies about its digest is not written. */
  addBatch(files: readonly (readonly [digest: string, size: number])[], body: Buffer): readonly Refusal[] {
    const refused: Refusal[] = [];
    let offset = 0;
    this.make();
    for (const [digest, size] of files) {
      const bytes = body.subarray(offset, offset + size);
      offset += size;
      if (bytes.length !== size) throw new OperatorError('BAD_REQUEST', 'A batch is shorter than it says.');
      if (hash('sha256', bytes, 'hex') !== digest) refused.push({digest, error: mismatch(digest)});
      else if (!this.#whole.has(digest)) {
        this.#write(digest, bytes);
        this.#whole.add(digest);
      }
    }
    if (offset !== body.length) throw new OperatorError('BAD_REQUEST', 'A batch is longer than it says.');
    return refused;
  }

  /** Begins a large content; with `delta` it is rebuilt from the basis that was offered for it. */
  beginFile(digest: string, size: number, delta: boolean): StagedFile {
    const basis = delta ? this.bases.get(digest) : undefined;
    if (delta && basis === undefined)
      throw new OperatorError(
        'CONNECTION_LOST',
        'Differences were sent for a file that is not known any more.',
      );
    this.make();
    const path = this.pathOf(digest);
    return new StagedFile({
      path,
      digest,
      size,
      basis,
      whole: () => {
        this.#whole.add(digest);
        this.bases.delete(digest);
        rmSync(`${path}.basis`, {force: true});
      },
    });
  }

  /** Makes the staging folder. @throws OperatorError ROOT_MISSING, UNSAFE_PATH when the name is taken by something else. */
  make(): void {
    if (this.#made) return;
    try {
      mkdirSync(this.folder, {mode: 0o700});
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'ENOENT')
        throw new OperatorError('ROOT_MISSING', `The site root ${this.#root} is not there.`, {cause: error});
      if (code !== 'EEXIST') throw asSpaceError(error, this.#root);
      if (!lstatSync(this.folder).isDirectory())
        throw new OperatorError('UNSAFE_PATH', `${this.folder} is in the way.`, {cause: error});
    }
    this.#made = true;
  }

  /** Forgets what commit has taken, so that a repeated transfer brings it again. */
  forget(): void {
    this.#whole.clear();
    this.bases.clear();
    this.#first = undefined;
    this.expect([]);
    this.expect([]);
  }

  /** Closes what is open; what was brought stays. */
  close(): void {
    this.#rows?.close();
    this.#rows = undefined;
  }

  /** Removes all that was brought for this run. */
  async discard(): Promise<void> {
    this.forget();
    this.close();
    this.#made = false;
    await rm(this.folder, {recursive: true, force: true});
  }

  #write(digest: string, bytes: Buffer): void {
    const path = this.pathOf(digest);
    const expected = this.#expected.get(digest) ?? this.#before.get(digest);
    // What its owner may not read could not be checked again after a crash.
    const mode = expected !== undefined && (expected.mode & 0o400) !== 0 ? expected.mode & 0o777 : 0o600;
    // Not through a name that someone put there: made new, or replaced after it was removed.
    let fd: number;
    try {
      fd = openSync(path, 'wx', mode);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST'))
        throw asSpaceError(error, this.#root);
      unlinkSync(path);
      fd = openSync(path, 'wx', mode);
    }
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
      if (expected !== undefined) futimesSync(fd, expected.seconds, expected.seconds);
    } catch (error) {
      unlinkSync(path);
      throw asSpaceError(error, this.#root);
    } finally {
      closeSync(fd);
    }
  }

  #sizeOf(path: string): number | undefined {
    const stat = lstatSync(path, {throwIfNoEntry: false});
    return stat?.isFile() ? stat.size : undefined;
  }

  async #findInOlderRuns(digest: string, size: number): Promise<string | undefined> {
    this.#olderFolders ??= (await readdir(this.#root).catch(() => []))
      .filter(name => name.startsWith(stagingPrefix))
      .map(name => join(this.#root, name))
      .filter(path => path !== this.folder && lstatSync(path, {throwIfNoEntry: false})?.isDirectory());
    return this.#olderFolders.map(folder => join(folder, digest)).find(path => this.#sizeOf(path) === size);
  }
}

export function mismatch(digest: string): string {
  return `The content ${digest.slice(0, 12)}… is not what its digest says.`;
}

async function digestOf(path: string, size: number): Promise<string> {
  if (size <= deltaThreshold) return hash('sha256', readFileSync(path), 'hex');
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(path, {highWaterMark: 1024 * 1024})) sum.update(chunk);
  return sum.digest('hex');
}
