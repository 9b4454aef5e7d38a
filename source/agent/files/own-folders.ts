import {rmSync} from 'node:fs';
import {join} from 'node:path';
import {ownPrefix, type SiteRoot} from './site-root.js';

/** The folders in which a commit lays content ready: beside the site, on the file system that the content is for. */
export class OwnFolders {
  readonly #root: SiteRoot;
  readonly #name: string;
  readonly #mounts: readonly string[];

  constructor(root: SiteRoot, runId: string, step: string) {
    this.#root = root;
    this.#name = `${ownPrefix}-${runId}-${step}`;
    this.#mounts = root.mountPoints();
  }

  /** Absolute path of the folder for content that goes to `path`; it need not exist. */
  for(path: string): string {
    const mount = this.#mounts.find(point => path.startsWith(`${point}/`));
    return join(this.#root.folder, mount ?? '', this.#name);
  }

  remove(): void {
    for (const mount of ['', ...this.#mounts])
      rmSync(join(this.#root.folder, mount, this.#name), {recursive: true, force: true});
  }
}
