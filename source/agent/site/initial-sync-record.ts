import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {OperatorError} from '../../core/operator-error.js';
import {readJson} from './read-json.js';

type Sync = {readonly at: string; readonly from: string};
/** With the one before, in case the run is taken back. */
type Remembered = Sync & {readonly runId?: string; readonly before?: Sync};

/** What a site remembers of its initial sync: one that was in use is overwritten only where agent.json says so (E15). */
export class InitialSyncRecord {
  readonly #file: string;
  #last: Remembered | undefined;

  /** @param folder the site's folder in the agent's data */
  constructor(folder: string) {
    this.#file = join(folder, 'initial-sync.json');
    this.#last = readJson<Remembered>(this.#file);
  }

  /** When it was and from where. */
  get last(): Sync | undefined {
    return this.#last && {at: this.#last.at, from: this.#last.from};
  }

  /** @throws OperatorError INITIAL_SYNC_REFUSED when there was one by another run */
  mustBeFirst(runId: string, site: string): void {
    if (this.#last === undefined || this.#last.runId === runId) return;
    throw new OperatorError(
      'INITIAL_SYNC_REFUSED',
      `The site ${site} had its initial sync on ${this.#last.at} from ${this.#last.from} and does not allow another.`,
      {hint: 'Set `allowForceInitial` in its agent.json.'},
    );
  }

  async remember(runId: string, from: string): Promise<void> {
    if (this.#last?.runId === runId) return;
    const before = this.last;
    await this.#write({at: new Date().toISOString(), from, runId, ...(before && {before})});
  }

  /** Forgets the initial sync of a run that was taken back; another one stays. */
  async takeBack(runId: string): Promise<void> {
    if (this.#last?.runId === runId) await this.#write(this.#last.before);
  }

  async #write(last: Remembered | undefined): Promise<void> {
    this.#last = last;
    if (last === undefined) await rm(this.#file, {force: true});
    else await writeFileAtomic(this.#file, JSON.stringify(last), {mode: 0o600});
  }
}
