import type {PauseReason} from '../../core/decide-rollout.js';
import type {ChecklistItem} from '../../core/rollout-checklist.js';
import type {RolloutEnd, RolloutEvent, RolloutServer} from '../../core/rollout-event.js';
import type {UpdateCheckReport, UpdateEvent, UpdateStatus} from '../../core/update-status.js';
import type {SiteAddress} from '../engine.js';

/** A rollout as an operator describes it (U16). */
export type RolloutDefinition = {
  readonly name: string;
  /** `NAME-VERSION` of a release that the console knows. */
  readonly release: string;
  /** The sites that are updated, or the name of a cluster. */
  readonly servers: readonly SiteAddress[] | string;
  /** As `parseWave` reads them: `canary=web1/main`, `3`, `50%`, `rest`. */
  readonly waves: readonly string[];
  readonly failuresAllowed: number;
  /** Servers at work at the same time. */
  readonly concurrency: number;
  /** Milliseconds between the end of a wave and the start of the next. */
  readonly bakeMs: number;
  /** Waves, from 1, that begin only after somebody approved. */
  readonly gates: readonly number[];
  /** `user` or `user@host`; anybody who may operate when empty. */
  readonly approvers: readonly string[];
  /** Whoever created or started it does not approve. */
  readonly fourEyes: boolean;
  /** As `parseWindow` reads it. */
  readonly window?: string;
  /** The scheduler starts it, and goes on with what was deferred, when its window opens (U1). */
  readonly scheduled: boolean;
  /** Told how every update ended, besides the administrator of each site (U12). */
  readonly mailTo?: string;
  /** Milliseconds that a server which is held by somebody or out of reach is waited for. */
  readonly patienceMs: number;
  /** The operator's own items; with `before` that wave waits until the item is ticked. */
  readonly items: readonly {readonly text: string; readonly before?: number}[];
};

/** A rollout and how it stands. Times are ISO 8601 in UTC. */
export type RolloutEntry = Omit<RolloutDefinition, 'servers' | 'waves' | 'items'> & {
  readonly cluster?: string;
  /** Of the release. */
  readonly version: string;
  readonly status: 'planned' | 'running' | RolloutEnd;
  /** Why it is paused, failed or needs attention, in a sentence. */
  readonly reason?: string;
  /** What it waits for while it is paused: with `gate` for the approval of `wave`, with `checklist` for its items. */
  readonly pausedFor?: {readonly kind: PauseReason['kind']; readonly wave?: number};
  /** When the scheduler starts it or goes on with it. */
  readonly dueAt?: string;
  /** What the operator asked for; differs from `status` while servers at work finish. */
  readonly wanted: 'run' | 'pause' | 'abort';
  /** `text` is what the operator wrote: `canary=web1`, `50%`. */
  readonly waves: readonly {
    readonly name: string;
    readonly text: string;
    readonly servers: readonly string[];
  }[];
  /** In the order of the waves; before the start as they would be dealt out now. */
  readonly servers: readonly RolloutServer[];
  readonly failures: number;
  readonly approvals: readonly {readonly wave: number; readonly by: string; readonly at: string}[];
  readonly checklist: readonly ChecklistItem[];
  readonly createdBy: string;
  readonly createdAt: string;
  readonly startedBy?: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** The process at work on it, or the last one. */
  readonly rolloutId?: string;
  /** Under which its servers are held. */
  readonly lockId?: string;
};

/** What the preflight found on one server; with `error` it could not be asked. */
export type RolloutCheck = {
  readonly server: string;
  readonly site: string;
  readonly wave: number;
  readonly report?: UpdateCheckReport;
  readonly error?: {readonly code: string; readonly message: string; readonly hint?: string};
};

/** The operator's verbs on rollouts (U16). A name that does not exist is NOT_FOUND. */
export type RolloutVerbs = {
  list(): Promise<readonly RolloutEntry[]>;
  show(name: string): Promise<RolloutEntry>;
  /** Whether `create` would describe it; changes nothing. @throws OperatorError USAGE, NOT_FOUND, ALREADY_EXISTS */
  foresee(definition: RolloutDefinition): Promise<void>;
  /** Describes one; launches nothing. @throws OperatorError USAGE, NOT_FOUND, ALREADY_EXISTS */
  create(definition: RolloutDefinition): Promise<RolloutEntry>;
  /** Forgets one that is not at work. @throws OperatorError ROLLOUT_BUSY */
  delete(name: string): Promise<void>;
  /** The preflight of every server, read-only (U15). */
  check(name: string, options?: {signal?: AbortSignal}): Promise<readonly RolloutCheck[]>;
  /**
   * Freezes the waves and starts a process that outlives this one; or goes on with one that was interrupted.
   * @param options `takeOver`: id of the lock of another rollout, or process, whose servers are taken from it;
   *   `retry`: servers that failed or were rolled back are tried again
   * @throws OperatorError ROLLOUT_BUSY when a process is at work on it, ROLLOUT_OVER
   */
  start(name: string, options?: {takeOver?: string}): Promise<{rolloutId: string}>;
  resume(name: string, options?: {takeOver?: string; retry?: boolean}): Promise<{rolloutId: string}>;
  /** Starts nothing more; servers at work finish. */
  pause(name: string): Promise<void>;
  /** Starts nothing more and takes back what is at work and not yet committed. */
  abort(name: string): Promise<void>;
  /**
   * Approves the wave whose gate waits and lets the rollout go on. @returns `rolloutId` of the process that does
   * @throws OperatorError USAGE when no gate waits, ROLE_REFUSED
   */
  approve(name: string, options?: {wave?: number}): Promise<{wave: number; rolloutId?: string}>;
  /** `SERVER/SITE` of those that `rollBack` would bring back. @throws OperatorError NOT_FOUND, USAGE when there is none */
  reversible(name: string, servers?: readonly string[]): Promise<readonly string[]>;
  /**
   * Brings servers that are done back to the version they had: all of them or some, as a process of its own.
   * @param servers as operators write them
   */
  rollBack(name: string, servers?: readonly string[]): Promise<{rolloutId: string}>;
  /** Ticks one of the operator's own items, by its number from 1, or takes the tick back. */
  tick(name: string, item: number, done: boolean): Promise<RolloutEntry>;
  /** The checklist and the state of all servers as Markdown, for the file that a change needs. */
  exportChecklist(name: string): Promise<string>;
  /**
   * Replays and follows the work on a rollout until it ends or is paused.
   * @param rollout its name, or the id of one process
   */
  watch(rollout: string, options?: {signal?: AbortSignal}): AsyncIterable<RolloutEvent>;
  /** How the update of one server went, step by step, and what its agent noted. @param server as operators write it */
  journal(name: string, server: string): Promise<{status: UpdateStatus; events: readonly UpdateEvent[]}>;
};
