import {readdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {OperatorError} from '../../core/operator-error.js';
import {previousIn} from './clean-up.js';
import {isKept} from './kept-update.js';
import {readMarker, unmark} from './server-folder.js';
import type {UpdateHost} from './update-host.js';
import {UpdateRun} from './update-run.js';
import type {UpdateSubject} from './update-subject.js';

/** Updates of a site that are remembered with their journals. */
const mostKept = 50;

/** The updates of one site as they lie in the agent's data, `sites/SITE/updates/ID`. */
export class KeptUpdates {
  readonly #site: UpdateSubject;
  readonly #host: UpdateHost;

  constructor(site: UpdateSubject, host: UpdateHost) {
    this.#site = site;
    this.#host = host;
  }

  folderOf(id: string): string {
    return join(this.#site.folder, 'updates', id);
  }

  /** From the first to the last one that was asked for; one that cannot be read is left out, and said in the log. */
  all(): UpdateRun[] {
    return idsIn(join(this.#site.folder, 'updates')).flatMap(id => {
      try {
        return this.#open(id);
      } catch (err) {
        this.#host.log.error({err, site: this.#site.name, update: id}, 'an update cannot be read');
        return [];
      }
    });
  }

  find(id: string): UpdateRun | undefined {
    return idsIn(join(this.#site.folder, 'updates')).includes(id) ? this.#open(id) : undefined;
  }

  last(): UpdateRun | undefined {
    return this.all()
      .sort((a, b) => (a.request.createdAt < b.request.createdAt ? -1 : 1))
      .at(-1);
  }

  missing(id: string): OperatorError {
    const known = idsIn(join(this.#site.folder, 'updates'));
    return new OperatorError('NOT_FOUND', `There is no update ${id} of site ${this.#site.name}.`, {
      hint: `There are: ${known.slice(-10).join(', ') || 'none'}.`,
    });
  }

  /**
   * Takes the marker off a server folder whose update has ended: a crash right then, or when a person began to go back,
   * leaves it there, and it would keep the next update away. Where a person has to look it stays.
   */
  async unmarkEnded(): Promise<void> {
    for (const {isOpen, progress, request} of this.all())
      if (!isOpen && progress.state !== 'attention' && readMarker(request.folder)?.update === request.id)
        await unmark(request.folder);
  }

  /** Of the versions before only that of the last update is kept. */
  forgetPrevious(last: UpdateRun): void {
    for (const {request, folder} of this.all())
      if (request.id !== last.request.id) rmSync(previousIn(folder), {recursive: true, force: true});
  }

  /** The oldest journals go. */
  forgetOld(): void {
    for (const run of this.all().slice(0, -mostKept))
      if (!run.isOpen) rmSync(run.folder, {recursive: true, force: true});
  }

  #open(id: string): UpdateRun {
    return new UpdateRun(this.folderOf(id), this.#host);
  }
}

/** Ids of the updates in a folder, oldest first. */
export function idsIn(updates: string): string[] {
  try {
    return readdirSync(updates)
      .filter(id => isKept(join(updates, id)))
      .sort();
  } catch {
    return [];
  }
}
