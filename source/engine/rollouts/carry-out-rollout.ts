import {
  decideRollout,
  type RolloutDecision,
  type RolloutRules,
  type RolloutWill,
} from '../../core/decide-rollout.js';
import {OperatorError} from '../../core/operator-error.js';
import {parseWave} from '../../core/rollout-waves.js';
import {parseWindow} from '../../core/rollout-window.js';
import type {StoredMember, StoredRollout} from '../../state/state.js';
import {createSleep} from '../scheduler/sleep.js';
import {findRollout} from './find-rollout.js';
import {holdServers, lockError} from './hold-servers.js';
import {RolloutServers} from './rollout-servers.js';
import {addressOf, type RolloutOutcome, type RolloutWork} from './rollout-work.js';

/** Milliseconds after which the operator's will is looked at again, though nothing was heard. */
const longestWaitMs = 5_000;
/** Milliseconds until an abort is asked for again. */
const abortRetryMs = 500;

/**
 * Carries a rollout out until it ends or has to pause (U16). What is next is decided by `decideRollout` alone; here its
 * decisions meet the agents.
 */
export async function carryOutRollout(work: RolloutWork): Promise<RolloutOutcome> {
  const carrier = new Carrier(work);
  try {
    return await carrier.carryOut();
  } finally {
    carrier.close();
  }
}

class Carrier {
  readonly #work: RolloutWork;
  readonly #rules: RolloutRules;
  readonly #waves: readonly string[];
  readonly #servers: RolloutServers;
  readonly #sleep: ReturnType<typeof createSleep>;
  #waking = new AbortController();
  #rollout: StoredRollout;
  #wave = 0;
  #said = '';

  constructor(work: RolloutWork) {
    this.#work = work;
    this.#rollout = work.rollout;
    this.#sleep = createSleep(work.context.state.path);
    const {concurrency, failuresAllowed, bakeMs, gates, window} = work.rollout;
    this.#rules = {
      ...{concurrency, failuresAllowed, bakeMs, gates},
      ...(window === undefined ? {} : {window: parseWindow(window)}),
    };
    this.#waves = work.rollout.waves.map((text, index) => parseWave(text, index + 1).name);
    this.#servers = new RolloutServers(work, this.#rules.window, () => this.#waking.abort());
  }

  close(): void {
    this.#sleep.close();
  }

  async carryOut(): Promise<RolloutOutcome> {
    const {job, signal} = this.#work;
    // What is only taken back needs no servers of its own.
    if (this.#rollout.wanted !== 'abort') {
      const held = await holdServers(this.#work);
      if (held !== undefined) return held;
    }
    if (job.resumes) await this.#servers.askAll();
    this.#servers.takeUp();
    while (!signal.aborted) {
      this.#waking = new AbortController();
      if (!(await this.#readWill())) break;
      if (this.#rollout.wanted === 'abort') this.#servers.abortRunning();
      if (this.#rules.window !== undefined) await this.#servers.learnWorstCases();
      const decision = decideRollout(this.#rules, this.#will(), this.#servers.progress(), Date.now());
      if (decision.kind === 'end') return this.#outcome(decision);
      if (decision.kind === 'start') {
        for (const address of decision.servers) this.#begin(this.#memberAt(address));
        continue;
      }
      this.#tellWait(decision);
      const untilMs = decision.for === 'servers' ? Number.POSITIVE_INFINITY : decision.untilMs;
      // An abort that did not reach its agent is asked again soon.
      const longestMs = this.#rollout.wanted === 'abort' ? abortRetryMs : longestWaitMs;
      const waitMs = Math.min(longestMs, Math.max(0, untilMs - Date.now()));
      await this.#sleep.for(waitMs, AbortSignal.any([signal, this.#waking.signal]));
    }
    return {status: 'paused', why: {kind: 'interrupted'}};
  }

  /** @returns whether the rollout is still this process's */
  async #readWill(): Promise<boolean> {
    try {
      const state = await this.#work.context.state.read();
      const rollout = findRollout(state, this.#work.rollout.name);
      if (rollout.leg !== this.#work.rolloutId) return false;
      this.#rollout = rollout;
    } catch (error) {
      // A state that is being repaired by hand changes nothing of what was wanted; a rollout that is gone ends this.
      if (error instanceof OperatorError && error.code === 'NOT_FOUND') return false;
    }
    return true;
  }

  #will(): RolloutWill {
    const {wanted, approvals, items} = this.#rollout;
    return {
      wanted,
      approvedWaves: approvals.map(({wave}) => wave),
      blockedWaves: items.flatMap(({before, tickedAt}) =>
        before === undefined || tickedAt !== undefined ? [] : [before],
      ),
    };
  }

  #begin(member: StoredMember): void {
    if (member.wave !== this.#wave) {
      this.#wave = member.wave;
      this.#work.record.append({
        type: 'rollout.wave',
        at: now(),
        wave: member.wave,
        name: this.#waves[member.wave - 1] ?? '',
        state: 'started',
      });
    }
    this.#servers.begin(member);
  }

  #tellWait(decision: Extract<RolloutDecision, {kind: 'wait'}>): void {
    if (decision.for === 'servers') return;
    const until = new Date(decision.untilMs).toISOString();
    const text = `${decision.for} ${decision.wave} ${until}`;
    if (this.#said === text) return;
    this.#said = text;
    this.#work.record.append({
      type: 'rollout.wave',
      at: now(),
      wave: decision.wave,
      name: this.#waves[decision.wave - 1] ?? '',
      state: 'waiting',
      detail: decision.for === 'bake' ? 'bake time' : 'somebody else works on its servers',
      until,
    });
  }

  #outcome(decision: Extract<RolloutDecision, {kind: 'end'}>): RolloutOutcome {
    if (decision.status !== 'paused') return {status: decision.status};
    const {why} = decision;
    if (why.kind !== 'busy') return {status: 'paused', why};
    const member = this.#memberAt(why.servers[0]!);
    const error = this.#servers.obstacleOf(member)!;
    return {status: 'paused', why, error: lockError(member, error, this.#rollout.name)};
  }

  #memberAt(address: string): StoredMember {
    return this.#work.record.members.find(member => addressOf(member) === address)!;
  }
}

function now(): string {
  return new Date().toISOString();
}
