import {readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {OperatorError} from '../../core/operator-error.js';
import type {LeaseHolder} from '../../protocol/run-endpoints.js';

/** How long a lease lasts after it was taken or renewed (CLI.md), in milliseconds. */
export const leaseMs = 15_000;

/**
 * The lease of one site: one run at a time (E14). It is kept in a file, so that an agent that was restarted does not
 * give it to another run while its holder may still be at work.
 */
export class Lease {
  readonly #file: string;
  readonly #site: string;
  readonly #monotonicMs: () => number;
  readonly #wallClock: () => string;
  #holder: LeaseHolder | undefined;
  #expiresMs = 0;
  /** Long work in progress under the lease, which holds it as well. */
  #working = 0;

  /** @param monotonicMs a clock that never jumps, in milliseconds. */
  constructor(options: {
    file: string;
    site: string;
    monotonicMs?: () => number;
    wallClock?: () => string;
  }) {
    this.#file = options.file;
    this.#site = options.site;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#wallClock = options.wallClock ?? (() => new Date().toISOString());
    this.#holder = readHolder(options.file);
    if (this.#holder !== undefined) this.#expiresMs = this.#monotonicMs() + leaseMs;
  }

  /** Who holds the lease now. */
  get holder(): LeaseHolder | undefined {
    if (this.#working === 0 && this.#monotonicMs() >= this.#expiresMs) return undefined;
    return this.#holder;
  }

  /**
   * Takes or renews the lease.
   * @throws OperatorError SITE_BUSY with `details.holder`.
   */
  take(runId: string, by: string, work?: LeaseHolder['work']): LeaseHolder {
    const holder = this.holder;
    if (holder !== undefined && holder.runId !== runId) throw this.#busy(holder);
    if (this.#holder?.runId !== runId) {
      this.#holder = {runId, by, since: this.#wallClock(), ...(work && {work})};
      writeFileSync(`${this.#file}.new`, JSON.stringify(this.#holder), {mode: 0o600});
      renameSync(`${this.#file}.new`, this.#file);
    }
    this.#expiresMs = this.#monotonicMs() + leaseMs;
    return this.#holder!;
  }

  /** Gives the lease back; nothing happens when another run holds it. */
  release(runId: string): void {
    if (this.#holder?.runId !== runId) return;
    this.#holder = undefined;
    rmSync(this.#file, {force: true});
  }

  /** Does work of a run that must hold the lease; while it lasts the lease does not end. @throws OperatorError LEASE_LOST */
  async during<T>(runId: string, work: () => Promise<T>): Promise<T> {
    const end = this.begin(runId);
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** As `during`, for streams; the answer is called at the end. @throws OperatorError LEASE_LOST */
  begin(runId: string): () => void {
    const holder = this.holder;
    if (holder?.runId !== runId)
      throw new OperatorError('LEASE_LOST', `Run ${runId} does not hold the lease of site ${this.#site}.`, {
        hint:
          holder === undefined
            ? 'It ran out, because the run was silent for 15 seconds. Run again.'
            : `Run ${holder.runId} of ${holder.by} holds it since ${holder.since}.`,
      });
    this.#working++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#working--;
      if (this.#working === 0) this.#expiresMs = Math.max(this.#expiresMs, this.#monotonicMs() + leaseMs);
    };
  }

  /** @throws OperatorError SITE_BUSY when a run other than this one holds the lease. */
  checkNotOthers(runId: string): void {
    const holder = this.holder;
    if (holder !== undefined && holder.runId !== runId) throw this.#busy(holder);
  }

  #busy(holder: LeaseHolder): OperatorError {
    const {message, hint} = descriptions[holder.work ?? 'run'](this.#site, holder);
    return new OperatorError('SITE_BUSY', message, {hint, details: {holder}});
  }
}

/** What is said to whoever comes second. */
const descriptions: Readonly<
  Record<
    NonNullable<LeaseHolder['work']> | 'run',
    (site: string, holder: LeaseHolder) => {message: string; hint: string}
  >
> = {
  run: (site, {runId, by, since}) => ({
    message: `Site ${site} is being synchronised by run ${runId} of ${by} since ${since}.`,
    hint: `Watch it with \`lockstep runs watch ${runId}\`.`,
  }),
  update: (site, {runId, by, since}) => ({
    message: `The service of site ${site} is being updated by update ${runId} of ${by} since ${since}.`,
    hint: 'Wait for its end: `lockstep rollout list` shows how far it is.',
  }),
  'agent-update': (site, {runId, by, since}) => ({
    message: `The agent that hosts site ${site} is itself being updated by update ${runId} of ${by} since ${since}.`,
    hint: 'Wait for its end, which takes a minute or two, and try again.',
  }),
};

function readHolder(file: string): LeaseHolder | undefined {
  try {
    const {runId, by, since, work} = JSON.parse(readFileSync(file, 'utf8')) as Partial<LeaseHolder>;
    if (runId === undefined || by === undefined || since === undefined) return undefined;
    return {runId, by, since, ...(work && {work})};
  } catch {
    return undefined;
  }
}
