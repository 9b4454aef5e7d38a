import {setTimeout as delay} from 'node:timers/promises';
import {asOperatorError, type OperatorError} from '../../core/operator-error.js';
import {
  abortRuleOf,
  currentStep,
  endOf,
  type JournalLine,
  stepAfter,
  type UpdateProgress,
} from '../../core/update-journal.js';
import type {UpdateState} from '../../core/update-status.js';
import {stepNamed, type UpdateStepName} from '../../core/update-steps.js';
import {backwardSteps} from './backward-steps.js';
import {createStepContext} from './create-step-context.js';
import {factsBefore} from './facts-before.js';
import {findRecovery} from './find-recovery.js';
import {forwardSteps, needless} from './forward-steps.js';
import {Interrupted} from './interrupted.js';
import {KeptUpdate, keepRequest} from './kept-update.js';
import {awaitHook} from './running-hook.js';
import type {StepContext, StepResult} from './step-context.js';
import {abortedBy, attention, interruption, leftAlone, notAbortable, takenBackBy} from './update-errors.js';
import type {UpdateHost} from './update-host.js';
import type {UpdateRequest} from './update-request.js';
import type {UpdateSettings} from './update-settings.js';

/** Milliseconds until an update that could not go on is tried again: at first, and at most. */
const retryMs = {first: 2_000, most: 60_000};

/** The steps by name; `notify` is handled by the run itself. */
const actions: Readonly<Partial<Record<UpdateStepName, (context: StepContext) => Promise<StepResult>>>> = {
  ...forwardSteps,
  ...backwardSteps,
};

/** One update of a site's service: its request, its journal, and the machine that walks through its steps. */
export class UpdateRun {
  readonly #kept: KeptUpdate;
  readonly #host: UpdateHost;
  readonly #stop = new AbortController();
  #abort = new AbortController();
  #working: Promise<void> | undefined;
  #obstacle: string | undefined;
  #users: number | undefined;
  #bytes: {done: number; total: number} | undefined;

  /** Opens an update that is there. */
  constructor(folder: string, host: UpdateHost) {
    this.#kept = new KeptUpdate(folder, host.now);
    this.#host = host;
  }

  /** Writes down what is asked for; nothing is begun. */
  static async create(folder: string, request: UpdateRequest, host: UpdateHost): Promise<UpdateRun> {
    await keepRequest(folder, request);
    return new UpdateRun(folder, host);
  }

  /** In the agent's data. */
  get folder(): string {
    return this.#kept.folder;
  }

  get request(): UpdateRequest {
    return this.#kept.request;
  }

  get progress(): UpdateProgress {
    return this.#kept.progress;
  }

  get lines(): readonly JournalLine[] {
    return this.#kept.lines;
  }

  get usersLeft(): number | undefined {
    return this.#users;
  }

  get bytes() {
    return this.#bytes;
  }

  /** What keeps it from going on, although nothing has failed; it is tried again and again. */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /** Whether it still has to be brought to an end. */
  get isOpen(): boolean {
    return this.progress.endedAt === undefined;
  }

  /** Whether runs may hold its site: it takes that by itself when its time has come. */
  get waitsForItsTime(): boolean {
    const {track, last} = this.progress;
    const waits = last === undefined || (last.step === 'scheduled' && last.phase === 'begun');
    return track === 'forward' && waits && this.request.window?.from !== undefined;
  }

  /** Carries the update out, from where it is. Resolves at its end, or when the agent stops. Never throws. */
  start(): Promise<void> {
    this.#working ??= this.#carryOut().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  /** @throws OperatorError UPDATE_NOT_ABORTABLE */
  abort(by: string): void {
    const {abortedBy: asked, track, endedAt} = this.progress;
    if (asked !== undefined && endedAt === undefined) return;
    if (endedAt !== undefined || track !== 'forward' || abortRuleOf(this.progress) === 'refused')
      throw notAbortable(this.request, this.progress);
    this.#kept.note({type: 'abort', step: currentStep(this.progress), by});
    this.#abort.abort(abortedBy(by));
  }

  /** Turns an update that is done to the way back, because a person asked for it. */
  turnBack(by: string, mailTo: string | undefined): void {
    const {facts, migrating} = this.progress;
    this.#abort = new AbortController();
    this.#kept.note({
      type: 'track',
      step: currentStep(this.progress),
      track: 'rollback',
      error: takenBackBy(by).toDocument(),
      withData: migrating && facts.backup !== undefined,
      by,
      ...(mailTo === undefined ? {} : {mailTo}),
    });
  }

  /** Ends what can be broken off and waits for the rest; the next start of the agent goes on. */
  async close(): Promise<void> {
    this.#stop.abort(new Interrupted());
    await this.#working;
  }

  async #carryOut(): Promise<void> {
    for (let waitMs = retryMs.first; ; waitMs = Math.min(waitMs * 2, retryMs.most))
      try {
        if (this.progress.abortedBy !== undefined && this.progress.track === 'forward')
          this.#abort.abort(abortedBy(this.progress.abortedBy));
        if (this.isOpen && !this.waitsForItsTime) this.#host.takeSite(this.request);
        let next = await this.#resume();
        this.#obstacle = undefined;
        while (next !== undefined) next = await this.#take(next);
        return;
      } catch (error) {
        if (error instanceof Interrupted || this.#stop.signal.aborted) return;
        await this.#waitForJournal(error, waitMs);
      }
  }

  /**
   * The journal itself cannot be written, or the site be held: nothing may be done that is not in it. A full disk is no
   * reason to leave a service stopped for good, so that it is tried again, as after a restart of the agent.
   */
  async #waitForJournal(error: unknown, waitMs: number): Promise<void> {
    const {message} = asOperatorError(error);
    if (this.#obstacle !== message)
      this.#host.log.error(
        {err: error, update: this.request.id},
        'an update cannot go on; it is tried again',
      );
    this.#obstacle = message;
    await delay(waitMs, undefined, {signal: this.#stop.signal}).catch(() => {});
    try {
      this.#kept.readAnew();
    } catch {
      // Nor read: what is remembered of it is what was written.
    }
  }

  /** Where to go on; the disk is believed before the journal (X6). */
  async #resume(): Promise<UpdateStepName | undefined> {
    const {last, track, facts, endedAt} = this.progress;
    if (endedAt !== undefined) return undefined;
    await awaitHook(this.folder, this.#host.settings().service, this.#stop.signal);
    const isNew = last === undefined && track === 'forward';
    // Before the preflight is over the update has no folders yet.
    if (isNew || facts.oldIdentity === undefined) return this.#after(last) ?? (await this.#end());
    const step = currentStep(this.progress);
    const recovery = findRecovery(this.request, this.progress);
    switch (recovery.kind) {
      case 'repeat':
        return recovery.step;
      case 'next':
        return stepAfter(track, recovery.after) ?? (await this.#end());
      case 'withdraw':
      case 'roll-back':
        return this.#turn(step, recovery.kind, interruption(recovery.reason));
      case 'attention':
        return this.#callForAttention(step, leftAlone(recovery.reason, this.request, this.folder));
    }
  }

  #after(last: UpdateProgress['last']): UpdateStepName | undefined {
    if (last === undefined) return stepAfter(this.progress.track, undefined);
    return last.phase === 'begun' ? last.step : stepAfter(this.progress.track, last.step);
  }

  /** Takes one step. @returns the next one; undefined at the end */
  async #take(step: UpdateStepName): Promise<UpdateStepName | undefined> {
    const aborted = this.#abortedBefore(step);
    if (aborted !== undefined) return aborted;
    const settings = this.#host.settings();
    const detail = needless[step]?.(this.#host.service(settings));
    if (detail !== undefined) {
      this.#kept.note({type: 'skipped', step, detail});
      await this.#pass(step, 'done');
      return stepAfter(this.progress.track, step);
    }
    const facts = await factsBefore(step, {
      request: this.request,
      progress: this.progress,
      settings,
      now: this.#host.now,
    });
    this.#kept.note({type: 'begun', step, ...(facts && {facts})});
    await this.#pass(step, 'begun');
    let result: StepResult;
    try {
      result = step === 'notify' ? await this.#notify() : await actions[step]!(this.#context(step, settings));
    } catch (error) {
      if (this.#stop.signal.aborted || error instanceof Interrupted) throw new Interrupted();
      const isAborted = this.#abort.signal.aborted && this.#canAbort;
      return this.#fail(step, asOperatorError(isAborted ? this.#abort.signal.reason : error));
    } finally {
      this.#users = undefined;
      this.#bytes = undefined;
    }
    await this.#pass(step, 'effect');
    if (result.kind === 'skipped') this.#kept.note({type: 'skipped', step, detail: result.detail});
    else
      this.#kept.note({
        type: 'done',
        step,
        ...(result.detail === undefined ? {} : {detail: result.detail}),
        ...(result.facts === undefined ? {} : {facts: result.facts}),
      });
    await this.#pass(step, 'done');
    return stepAfter(this.progress.track, step) ?? this.#end();
  }

  /** Nothing is aborted on the way back, nor after the commit. */
  get #canAbort(): boolean {
    return this.progress.track === 'forward' && !this.progress.committed;
  }

  /** Between two steps an abort counts at once: withdraws before the stop, rolls back after it. */
  #abortedBefore(step: UpdateStepName): UpdateStepName | undefined {
    const {abortedBy: by, track, committed, stopping} = this.progress;
    if (by === undefined || track !== 'forward' || committed) return undefined;
    return this.#turn(step, stopping ? 'roll-back' : 'withdraw', abortedBy(by));
  }

  async #fail(step: UpdateStepName, error: OperatorError): Promise<UpdateStepName | undefined> {
    this.#host.log.warn({update: this.request.id, step, code: error.code}, error.message);
    this.#kept.note({type: 'failed', step, error: error.toDocument()});
    await this.#pass(step, 'done');
    const {failure} = stepNamed(step);
    switch (failure) {
      case 'report':
        return stepAfter(this.progress.track, step) ?? this.#end();
      case 'attention':
        return this.#callForAttention(step, error);
      default:
        return this.#turn(step, failure === 'withdraw' ? 'withdraw' : 'roll-back', error);
    }
  }

  #turn(step: UpdateStepName, way: 'withdraw' | 'roll-back', error: OperatorError): UpdateStepName {
    const track = way === 'withdraw' ? 'withdraw' : 'rollback';
    this.#kept.note({
      type: 'track',
      step,
      track,
      error: error.toDocument(),
      withData: this.progress.migrating,
    });
    return stepAfter(track, undefined)!;
  }

  async #callForAttention(step: UpdateStepName, error: OperatorError): Promise<undefined> {
    const document = attention(error, this.progress);
    await this.#host.mail(this, document).catch(error => this.#warn(`No mail: ${error.message}`));
    this.#kept.note({type: 'ended', step, state: 'attention', error: document});
    this.#finish();
    return undefined;
  }

  async #notify(): Promise<StepResult> {
    const to = await this.#host.mail(this, this.progress.error);
    return to.length === 0
      ? {kind: 'skipped', detail: 'Nobody is named in agent.json, nor by who started it.'}
      : {kind: 'done', detail: `Told ${to.join(', ')}.`};
  }

  async #end(): Promise<undefined> {
    const state: UpdateState = endOf(this.progress);
    this.#kept.note({type: 'ended', step: 'notify', state});
    this.#finish();
    return undefined;
  }

  #finish(): void {
    this.#host.publish({state: 'none', message: ''});
    this.#host.log.info({update: this.request.id, state: this.progress.state}, 'update ended');
  }

  #context(step: UpdateStepName, settings: UpdateSettings): StepContext {
    const signal = this.#canAbort
      ? AbortSignal.any([this.#stop.signal, this.#abort.signal])
      : this.#stop.signal;
    return createStepContext(this.#host, {
      request: this.request,
      folder: this.folder,
      progress: this.progress,
      settings,
      signal,
      report: (done, total) => {
        this.#bytes = {done, total};
      },
      usersLeft: count => {
        this.#users = count;
      },
      warn: message => this.#warn(message, step),
      takeSite: () => this.#host.takeSite(this.request),
    });
  }

  #warn(detail: string, step: UpdateStepName = currentStep(this.progress)): void {
    this.#kept.note({type: 'note', step, detail});
  }

  async #pass(step: UpdateStepName, place: 'begun' | 'effect' | 'done'): Promise<void> {
    await this.#host.pass(`update.${step}.${place}`);
  }
}
