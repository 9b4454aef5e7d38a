import {setTimeout as delay} from 'node:timers/promises';
import pMap from 'p-map';
import type {ServerProgress} from '../../core/decide-rollout.js';
import {asOperatorError, type OperatorError} from '../../core/operator-error.js';
import {type RolloutWindow, windowAt} from '../../core/rollout-window.js';
import type {StoredMember} from '../../state/state.js';
import {errorDocument} from '../run-steps/error-document.js';
import {isPassing} from '../run-steps/persist.js';
import {newRunId} from '../start-run.js';
import {noteStatus} from './member-of-status.js';
import {addressOf, askConcurrency, type RolloutWork} from './rollout-work.js';

/** Milliseconds until a server that somebody else holds is asked again. */
const busyRetryMs = 5_000;
/** Milliseconds until an agent that did not answer is asked to start again. */
const startRetryMs = 500;

/** What one process knows of a server beyond what is kept. */
type Knowledge = {
  worstCaseMs?: number;
  busySinceMs?: number;
  busyUntilMs?: number;
  givenUp?: boolean;
  deferred?: boolean;
  error?: OperatorError;
  following?: Promise<void>;
  abortAsked?: boolean;
};

/** The servers of a rollout as one process deals with them: asked, started, followed to their end, aborted. */
export class RolloutServers {
  readonly #work: RolloutWork;
  readonly #window: RolloutWindow | undefined;
  readonly #onEnd: () => void;
  readonly #known = new Map<StoredMember, Knowledge>();

  /** @param onEnd called whenever the work on a server has ended, so that what is next can be decided */
  constructor(work: RolloutWork, window: RolloutWindow | undefined, onEnd: () => void) {
    this.#work = work;
    this.#window = window;
    this.#onEnd = onEnd;
    for (const member of work.record.members) this.#known.set(member, {});
  }

  /** Asks the agents what became of updates that an earlier process may have started. */
  async askAll(): Promise<void> {
    const {record, updates} = this.#work;
    await pMap(
      record.members.filter(({state}) => state !== 'done' && state !== 'rolled-back'),
      async member => {
        try {
          const status = await updates.find(member, member.updateId);
          if (status === undefined) return;
          record.change(member, changed => noteStatus(changed, status));
          if (status.state === 'deferred') this.#renew(member);
        } catch (error) {
          // One that was at work is followed, with patience; the others are met when it is their turn.
          if (!isPassing(error) && member.state !== 'waiting') this.#fail(member, error);
        }
      },
      {concurrency: askConcurrency},
    );
  }

  progress(): ServerProgress[] {
    return this.#work.record.members.map(member => {
      const {worstCaseMs = 0, busyUntilMs, givenUp, deferred} = this.#known.get(member)!;
      return {
        address: addressOf(member),
        wave: member.wave,
        state: member.state,
        worstCaseMs,
        ...(member.endedAt === undefined ? {} : {endedMs: Date.parse(member.endedAt)}),
        ...(busyUntilMs === undefined ? {} : {busyUntilMs}),
        ...(givenUp === undefined ? {} : {givenUp}),
        ...(deferred === undefined ? {} : {deferred}),
      };
    });
  }

  /** Asks the servers of the wave that is next how long their update may take. */
  async learnWorstCases(): Promise<void> {
    const {record, updates, release} = this.#work;
    const waiting = record.members.filter(({state}) => state === 'waiting');
    const wave = Math.min(...waiting.map(member => member.wave));
    await pMap(
      waiting.filter(member => member.wave === wave && this.#known.get(member)!.worstCaseMs === undefined),
      async member => {
        const known = this.#known.get(member)!;
        try {
          known.worstCaseMs = (await updates.check(member, release)).worstCaseMs;
        } catch {
          // What stands against it is found, and told, when it is started.
          known.worstCaseMs = 0;
        }
      },
      {concurrency: askConcurrency},
    );
  }

  /** Starts the update of a server that waits. */
  begin(member: StoredMember): void {
    this.#work.record.change(member, changed => {
      changed.state = 'running';
      changed.startedAt = now();
      changed.step = 'scheduled';
      delete changed.error;
      delete changed.endedAt;
      delete changed.detail;
    });
    this.#follow(member, 'start');
  }

  /** Stays with the updates that are at work already. */
  takeUp(): void {
    for (const member of this.#work.record.members)
      if (member.state === 'running') this.#follow(member, 'find');
  }

  /** Why a server could not be started the last time, because somebody else holds it. */
  obstacleOf(member: StoredMember): OperatorError | undefined {
    return this.#known.get(member)!.error;
  }

  /** Starts the update of a server, or takes up one that was started, and stays with it to its end. */
  #follow(member: StoredMember, how: 'start' | 'find'): void {
    const {record, updates, rollout, signal} = this.#work;
    const known = this.#known.get(member)!;
    const work = async () => {
      try {
        if (how === 'start' && !(await this.#start(member))) return;
        const status = await updates.follow(member, member.updateId, {
          patienceMs: rollout.patienceMs,
          signal,
          onStatus: status => record.change(member, changed => noteStatus(changed, status)),
        });
        if (status.state === 'deferred') {
          known.deferred = true;
          this.#renew(member);
        }
      } catch (thrown) {
        if (signal.aborted) return;
        const error = asOperatorError(thrown);
        if (error.code === 'SITE_BUSY') this.#postpone(member, error);
        else this.#fail(member, error);
      } finally {
        delete known.following;
        this.#onEnd();
      }
    };
    known.following = work();
  }

  /** @returns whether an update is at work; a server that runs the version already is done and left alone */
  async #start(member: StoredMember): Promise<boolean> {
    const {updates, record, release, rollout, rolloutId, job, signal} = this.#work;
    const untilMs = Date.now() + rollout.patienceMs;
    const window = this.#window && windowAt(this.#window, Date.now());
    for (;;) {
      signal.throwIfAborted();
      try {
        if (await this.#runsAlready(member)) return false;
        const status = await updates.start(member, release, {
          id: member.updateId,
          by: job.by,
          rolloutId,
          lockId: rollout.lockId!,
          ...(rollout.mailTo === undefined ? {} : {mailTo: rollout.mailTo}),
          ...(window?.kind === 'open' ? {until: new Date(window.untilMs).toISOString()} : {}),
        });
        const known = this.#known.get(member)!;
        delete known.busySinceMs;
        record.change(member, changed => noteStatus(changed, status));
        return true;
      } catch (error) {
        // The answer may have been lost; asked again under the same id the agent starts nothing twice.
        if (!isPassing(error) || Date.now() > untilMs) throw error;
        await delay(startRetryMs, undefined, {signal}).catch(() => signal.throwIfAborted());
      }
    }
  }

  /** Putting the same version there once more would cost its users a stop, and the way back to the version before. */
  async #runsAlready(member: StoredMember): Promise<boolean> {
    const {updates, release, record} = this.#work;
    if ((await updates.runningVersion(member)) !== release.version) return false;
    // Unless this very update put it there, and the answer to its start was lost.
    if ((await updates.find(member, member.updateId)) !== undefined) return false;
    record.change(member, changed => {
      changed.state = 'done';
      changed.from = release.version;
      changed.detail = 'ran this version already';
      changed.endedAt = now();
      delete changed.step;
    });
    return true;
  }

  /** A server that somebody else holds is waited for; one that another rollout has locked is not. */
  #postpone(member: StoredMember, error: OperatorError): void {
    const known = this.#known.get(member)!;
    const {rollout, record} = this.#work;
    known.busySinceMs ??= Date.now();
    known.busyUntilMs = Date.now() + busyRetryMs;
    known.error = error;
    const locked = (error.details as {lock?: unknown} | undefined)?.lock !== undefined;
    if (locked || known.busyUntilMs - known.busySinceMs > rollout.patienceMs) known.givenUp = true;
    record.change(member, changed => {
      changed.state = 'waiting';
      changed.detail = error.message.slice(0, 4096);
      delete changed.startedAt;
      delete changed.step;
    });
  }

  #fail(member: StoredMember, thrown: unknown): void {
    const error = asOperatorError(thrown);
    this.#work.record.change(member, changed => {
      changed.state = 'failed';
      changed.error = errorDocument(error);
      changed.endedAt = now();
    });
  }

  /** What ended without anything done is begun again under an id of its own. */
  #renew(member: StoredMember): void {
    this.#work.record.change(member, changed => {
      changed.updateId = newRunId();
      changed.state = 'waiting';
      delete changed.startedAt;
      delete changed.endedAt;
      delete changed.step;
    });
  }

  abortRunning(): void {
    const {record, updates, job} = this.#work;
    for (const member of record.members) {
      const known = this.#known.get(member)!;
      if (member.state !== 'running' || known.abortAsked === true) continue;
      known.abortAsked = true;
      updates.abort(member, member.updateId, job.by).catch((thrown: unknown) => {
        const error = asOperatorError(thrown);
        // Not begun yet, or not to be reached: asked again.
        if (isPassing(thrown) || error.code === 'NOT_FOUND') known.abortAsked = false;
        else record.message('warn', `${addressOf(member)}: ${error.message}`);
      });
    }
  }
}

function now(): string {
  return new Date().toISOString();
}
