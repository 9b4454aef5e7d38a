import type {FaultPoint} from '../core/fault-point.js';
import {asOperatorError, type OperatorError} from '../core/operator-error.js';
import type {Side} from '../core/plan.js';
import {type MemberOutcome, type SummedMembers, sumMembers} from '../core/sum-members.js';
import type {StoredProfile} from '../state/state.js';
import {carryOutPair, type PairResult} from './carry-out-pair.js';
import type {Group, Member} from './connect-group.js';
import type {MadePlan} from './make-plan.js';
import {lasting, type PairWork, type SeenPositions, uninterrupted} from './pair-work.js';
import type {RunWork} from './perform-run.js';
import type {PlanLimits} from './plan-limits.js';
import {preparePair} from './prepare-pair.js';
import {takeAfterSync} from './run-steps/after-sync.js';
import {errorDocument} from './run-steps/error-document.js';
import type {Leases} from './run-steps/hold-leases.js';
import type {RunLog} from './run-steps/run-log.js';

/** One step of a run over several: what the local site and one member are to do with each other. */
export type GroupStep = {
  readonly member: Member;
  readonly profile: StoredProfile;
  readonly limits?: PlanLimits;
  /** Undefined for what the run itself is about. */
  readonly kind?: 'sync' | 'initial-sync';
  /** Where it is written down; the run's log when absent. */
  readonly log?: RunLog;
  readonly remember: (made: MadePlan, positions: SeenPositions | undefined) => Promise<void>;
};

/** A step that is ready to be carried out. */
export type PreparedStep = {readonly member: Member; readonly pair: PairWork; readonly made: MadePlan};

type Counts = {-readonly [K in keyof Omit<MemberOutcome, 'member' | 'error'>]: number};

/** What stops a run over several as a whole: nothing may change before it is put right (E26, G1, G2). */
export const stopsAll: ReadonlySet<string> = new Set([
  'VERSION_DIFFERS',
  'CLOCK_SKEW',
  'ENGINE_DIFFERS',
  'TOPOLOGY',
  'STALE_PLAN',
  'SITE_BUSY',
  'USAGE',
]);

/**
 * A run over several remote sites as a sequence of pairs, under one id, one set of leases and one log (E23, G7). A
 * member that fails is named and takes part no more; the others go on.
 */
export class GroupRun {
  readonly #work: RunWork;
  readonly #group: Group;
  readonly #leases: Leases;
  readonly #counts = new Map<string, Counts>();
  readonly #errors = new Map<string, OperatorError>();
  #steps = 0;
  #changed = false;

  constructor(work: RunWork, group: Group, leases: Leases) {
    this.#work = work;
    this.#group = group;
    this.#leases = leases;
    for (const {name, error} of group.missing) this.fail(name, error);
  }

  /** Members that have not failed, in order. */
  get members(): readonly Member[] {
    return this.#group.members.filter(({name}) => !this.#errors.has(name));
  }

  get failed(): readonly string[] {
    return [...this.#errors.keys()];
  }

  /** Why members have failed. */
  get errors(): ReadonlyMap<string, OperatorError> {
    return this.#errors;
  }

  /** Names a member that cannot take part, or not any more. */
  fail(name: string, error: OperatorError): void {
    if (this.#errors.has(name)) return;
    this.#errors.set(name, error);
    this.#work.log.within({member: name}).message('warn', `${name} is left behind: ${error.message}`);
  }

  /**
   * Plans a step; undefined when the member failed.
   * @throws OperatorError of what stops the run as a whole
   */
  async prepare(step: GroupStep): Promise<PreparedStep | undefined> {
    const pair = this.#pairOf(step);
    return await this.attempt(step.member, async () => ({
      member: step.member,
      pair,
      made: await preparePair(pair),
    }));
  }

  /** Carries a prepared step out; undefined when the member failed before anything changed there. */
  async carryOut({member, pair, made}: PreparedStep): Promise<PairResult | undefined> {
    return await this.attempt(member, async () => {
      const result = await carryOutPair(pair, made);
      const counts = this.#countsOf(member.name);
      for (const key of ['applied', 'skipped', 'conflicts', 'collisions', 'deleted'] as const)
        counts[key] += result.tally[key];
      counts.bytes += result.bytes;
      this.#changed ||= result.tally.applied > 0;
      if (result.failure !== undefined) this.fail(member.name, result.failure);
      return result;
    });
  }

  /** Lets the sites act that the run has changed (E29, E32); whether all went well. */
  async takeAfterSync(): Promise<boolean> {
    const {runId, log} = this.#work;
    const work = {log, leases: this.#leases};
    return await takeAfterSync([this.#group.local, ...this.members.map(({ends}) => ends.remote)], {
      runId,
      log,
      persist: step => lasting(work, step, uninterrupted),
    });
  }

  /**
   * How the run ended.
   * @throws OperatorError of the first member when all have failed and nothing was changed
   */
  summary(): SummedMembers {
    const {names} = this.#group;
    const [first] = this.#errors.values();
    if (first !== undefined && !this.#changed && names.every(name => this.#errors.has(name))) throw first;
    return sumMembers(
      names.map(member => {
        const error = this.#errors.get(member);
        return {
          member,
          ...this.#countsOf(member),
          ...(error === undefined ? {} : {error: errorDocument(error)}),
        };
      }),
    );
  }

  /** Whether anything was changed anywhere. */
  get changed(): boolean {
    return this.#changed;
  }

  /**
   * Does something with a member; undefined when that failed, and with it the member.
   * @throws OperatorError of what stops the run as a whole
   */
  async attempt<T>(member: Member, work: () => Promise<T>): Promise<T | undefined> {
    const {signal} = this.#work.cancel;
    try {
      return await work();
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asOperatorError(thrown);
      if (stopsAll.has(error.code)) throw error;
      this.fail(member.name, error);
      return undefined;
    }
  }

  #countsOf(name: string): Counts {
    const known = this.#counts.get(name);
    if (known !== undefined) return known;
    const counts = {applied: 0, skipped: 0, conflicts: 0, collisions: 0, deleted: 0, bytes: 0};
    this.#counts.set(name, counts);
    return counts;
  }

  #pairOf({member, profile, limits, kind, log = this.#work.log, remember}: GroupStep): PairWork {
    const {job, relationship, faultPoint} = this.#work;
    const {server, site} = member.ends.remote;
    this.#steps += 1;
    return {
      ...this.#work,
      job: {...job, kind: kind ?? job.kind},
      relationship: {...relationship, remote: {server: server.name, site: site.name}},
      profile,
      log: log.within({member: member.name}),
      faultPoint: faultPoint satisfies FaultPoint,
      ends: member.ends,
      leases: this.#leases,
      saved: undefined,
      suffix: this.#steps === 1 ? '' : `-${this.#steps}`,
      ...(limits === undefined ? {} : {limits}),
      remember,
    };
  }
}

/** Whether a plan writes anything at the local site, versions included. */
export function touchesLocal({plan}: MadePlan): boolean {
  return (
    plan.adoptions.some(({side}) => side === 'local') ||
    plan.actions.some(({operations}) => operations.some(({side}) => side === 'local'))
  );
}

/** Whether a plan changes anything at a side that others can see. */
export function changesSide({plan}: MadePlan, wanted: Side): boolean {
  return plan.actions.some(({operations}) =>
    operations.some(({side, operation}) => side === wanted && operation.op !== 'adopt'),
  );
}
