import {mkdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {OperatorError} from '../../core/operator-error.js';
import type {Package, RegisteredFile} from '../../core/package.js';
import {Mutex} from '../../system/mutex.js';

/** What a download folder holds. */
export type Registry = {
  readonly version: 1;
  readonly files: readonly RegisteredFile[];
  readonly packages: readonly Package[];
};

/** The list of what lies in a download folder, beside the files and archives themselves. */
export class PackageRegistry {
  readonly #file: string;
  readonly #folders: readonly string[];
  readonly #turns = new Mutex();

  /** @param folders made before the first change */
  constructor(folder: string, folders: readonly string[]) {
    this.#file = join(folder, 'registry.json');
    this.#folders = folders;
  }

  /** @throws OperatorError INVALID_STATE */
  read(): Registry {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {version: 1, files: [], packages: []};
      throw error;
    }
    try {
      return JSON.parse(text) as Registry;
    } catch (cause) {
      throw new OperatorError('INVALID_STATE', `${this.#file} cannot be read.`, {
        hint: 'Put it back from a backup; files and archives beside it are untouched.',
        cause,
      });
    }
  }

  async write(registry: Registry): Promise<void> {
    await writeFileAtomic(this.#file, `${JSON.stringify(registry, null, 1)}\n`, {mode: 0o600});
  }

  /** One change at a time: two writers lose nothing. */
  async change<T>(work: (registry: Registry) => Promise<T>): Promise<T> {
    return await this.#turns.run(async () => {
      for (const made of this.#folders) mkdirSync(made, {recursive: true, mode: 0o700});
      return await work(this.read());
    });
  }

  /** Puts a package in the place of the one of its name. */
  async putPackage(registry: Registry, entry: Package): Promise<void> {
    const others = registry.packages.filter(({name}) => name !== entry.name);
    await this.write({...registry, packages: [...others, entry]});
  }
}
