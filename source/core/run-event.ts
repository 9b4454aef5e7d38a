import type {AfterSyncResult} from './after-sync.js';
import type {ItemRef} from './item.js';
import type {PlannedCollision, Side} from './plan.js';

/** How a run ended (CLI.md, "JSON that scripts read"). */
export type RunStatus = 'success' | 'warning' | 'failed' | 'cancelled' | 'restored' | 'refused';

/**
 * The named steps of a run, in order (DESIGN.md, "Life of a sync run"). The backup comes last before the commit: what
 * the site itself changes after it is lost if it has to be put back.
 */
export const runPhases = [
  'lease',
  'preconditions',
  'scan',
  'changes',
  'reconcile',
  'guard',
  'stage',
  'backup',
  'commit',
  'record',
  'after-sync',
] as const;

/** The named phases of a live sync, in order (G); the tenant phases once for each tenant. */
export const livePhases = [
  'lease',
  'checks',
  'rights-pull',
  'rights-push',
  'tenant-pull',
  'tenant-push',
  'logs',
  'after-sync',
] as const;
export type LivePhase = (typeof livePhases)[number];
export type RunPhase = (typeof runPhases)[number] | LivePhase;

/** How one phase of a live sync went (G7). */
export type LivePhaseResult = {
  readonly phase: LivePhase;
  readonly tenant?: string;
  readonly state: 'done' | 'skipped' | 'failed';
  readonly startedAt: string;
  readonly endedAt: string;
  readonly detail?: string;
};

/** What became of one item of a run (E17). */
export type RunItem = {
  /** The member of a cluster, or the live server, that it is about: `SERVER/SITE`. */
  readonly member?: string;
  readonly item: ItemRef;
  readonly side: Side;
  readonly action: 'create' | 'update' | 'delete' | 'conflict' | 'skip';
  readonly outcome: 'applied' | 'skipped' | 'kept';
  readonly stage?: RunPhase;
  readonly error?: string;
  readonly remoteChange?: string;
  readonly localChange?: string;
  readonly conflict?: string;
  /** The row was given another name or number (E18). */
  readonly collision?: PlannedCollision;
};

/** What became of one of the actions that a site takes after a sync (E29, E32). */
export type RunAction = AfterSyncResult & {
  readonly side: Side;
  /** `SERVER/SITE` */
  readonly site: string;
};

/** What a run has to say for whoever looks at it later: what was tried again, put back, or could not be done. */
export type RunWarning = EventPlace & {readonly at: string; readonly text: string};

export type RunHolder = {readonly runId: string; readonly by: string; readonly since: string};

export type RunSummary = {
  readonly runId: string;
  readonly status: RunStatus;
  readonly error?: {readonly code: string; readonly message: string; readonly hint?: string};
  readonly holder?: RunHolder;
  readonly applied: number;
  readonly skipped: number;
  readonly total: number;
  readonly conflicts: number;
  readonly collisions: number;
  readonly deleted: number;
  /** Content sent between agents, after delta and compression. */
  readonly bytes: number;
  readonly durationMs: number;
  /** One for each member of a cluster and each live server, in order (E23, G7). */
  readonly members?: readonly MemberResult[];
  /** Of a live sync, in order (G7). */
  readonly phases?: readonly LivePhaseResult[];
};

/** How a run ended at one of several remote sites. */
export type MemberResult = {
  /** `SERVER/SITE` */
  readonly member: string;
  readonly status: 'success' | 'warning' | 'failed';
  readonly applied: number;
  readonly skipped: number;
  readonly error?: {readonly code: string; readonly message: string; readonly hint?: string};
};

/** What a run is: a sync, or work on what earlier runs left in history (E10, X2). */
export type RunKind = 'sync' | 'initial-sync' | 'undo' | 'redo' | 'restore' | 'live';

/** The descriptor that opens a run's journal. */
export type RunDescriptor = {
  readonly runId: string;
  readonly kind: RunKind;
  /** Empty for a restore at a site that has none. */
  readonly relationship: string;
  /** Empty for a restore. */
  readonly profile: string;
  /** Of an undo or a redo that of the run it is about; a restore has none. */
  readonly direction: 'upload' | 'download' | 'bidirectional' | 'none';
  /** The run that this one undoes (X2). */
  readonly undoes?: string;
  /** The run that this one redoes after it was undone. */
  readonly redoes?: string;
  /** `SERVER/SITE` of a restore. */
  readonly site?: string;
  /** Name of a live sync. */
  readonly live?: string;
  readonly by: string;
  readonly startedAt: string;
};

/** Which part of a run over several sites an event is about. */
export type EventPlace = {
  /** `SERVER/SITE` of a cluster's member or of a live server. */
  readonly member?: string;
  /** The phase of a live sync that it is part of. */
  readonly within?: LivePhase;
  readonly tenant?: string;
};

/** One line of a run's journal and of `run --json`. Times are ISO 8601 in UTC. */
export type RunEvent =
  | {readonly type: 'hello'; readonly version: 1}
  | ({
      readonly type: 'run.started';
      readonly pid: number;
      /** When the process was started, as its system tells it: tells it from a later one with the same number. */
      readonly processStart: string;
      readonly host: string;
    } & RunDescriptor)
  | ({
      readonly type: 'run.phase';
      readonly at: string;
      readonly phase: RunPhase;
      readonly state: 'started' | 'done' | 'skipped' | 'failed';
      readonly detail?: string;
    } & EventPlace)
  | ({
      readonly type: 'run.progress';
      readonly at: string;
      readonly phase: RunPhase;
      readonly side?: Side;
      readonly done: number;
      readonly total?: number;
      readonly unit: 'items' | 'bytes' | 'rows';
      readonly bytesPerSecond?: number;
    } & EventPlace)
  | ({
      readonly type: 'run.message';
      readonly at: string;
      readonly level: 'info' | 'warn';
      readonly text: string;
    } & EventPlace)
  | ({readonly type: 'run.item'} & RunItem)
  | ({readonly type: 'run.after-sync'; readonly at: string} & RunAction)
  | ({readonly type: 'run.finished'; readonly at: string} & RunSummary);

/** The exit status that a finished run stands for. */
export function exitCodeOf(
  summary: Pick<RunSummary, 'status'> & {error?: {code: string}},
  exitOfCode: (code: string) => number,
): number {
  switch (summary.status) {
    case 'success':
      return 0;
    case 'warning':
      return 3;
    case 'failed':
    case 'restored':
    case 'cancelled':
      return 1;
    case 'refused':
      return summary.error === undefined ? 8 : exitOfCode(summary.error.code);
  }
}
