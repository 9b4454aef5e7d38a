import {statSync} from 'node:fs';
import type {Package, PackageState} from '../../core/package.js';
import {digestFile} from '../../system/digest-file.js';

/** Tells whether archives are as they were written (P8); reads one again only when its file looks different. */
export class ArchiveCheck {
  readonly #pathOf: (name: string) => string;
  /** Digests of archives as they were read, by what tells one writing of a file from another. */
  readonly #digests = new Map<string, string>();

  constructor(pathOf: (name: string) => string) {
    this.#pathOf = pathOf;
  }

  async stateOf({name, archive}: Package): Promise<PackageState> {
    if (archive === undefined) return 'empty';
    const stat = statSync(this.#pathOf(name), {bigint: true, throwIfNoEntry: false});
    if (!stat?.isFile() || Number(stat.size) !== archive.sizeBytes) return 'damaged';
    const mark = `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
    const known = this.#digests.get(name);
    const digest = known?.startsWith(`${mark} `)
      ? known.slice(mark.length + 1)
      : await digestFile(this.#pathOf(name)).then(
          found => found?.sha256 ?? '',
          () => '',
        );
    this.#digests.set(name, `${mark} ${digest}`);
    return digest === archive.sha256 ? 'ready' : 'damaged';
  }
}
