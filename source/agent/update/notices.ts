import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type {UpdateNotice} from '../../core/update-status.js';
import type {UpdateSubject} from './update-subject.js';

/** What users are told of the update of a site: served by the agent, and as a file that the site can show (U4). */
export class Notices {
  readonly #now: () => number;
  readonly #said = new Map<string, UpdateNotice>();

  constructor(now: () => number) {
    this.#now = now;
  }

  of({name: site}: UpdateSubject): UpdateNotice {
    return this.#said.get(site) ?? {site, state: 'none', message: '', at: this.#time()};
  }

  async publish(site: UpdateSubject, said: Omit<UpdateNotice, 'site' | 'at'>): Promise<void> {
    const notice: UpdateNotice = {...said, site: site.name, at: this.#time()};
    if (said.state === 'none') this.#said.delete(site.name);
    else this.#said.set(site.name, notice);
    const {update} = site.configuration;
    if (update === undefined || site.own !== undefined) return;
    await writeFileAtomic(update.notice ?? join(site.folder, 'notice.json'), `${JSON.stringify(notice)}\n`, {
      mode: 0o644,
    });
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}
