import type {RunEvent, RunKind, RunStatus, RunSummary} from '../../core/run-event.js';
import type {RunDetails} from '../../state/run-journal.js';
import type {PreviewResult} from './preview-verbs.js';

export type RunRequest = {
  relationship: string;
  profile: string;
  kind: 'sync' | 'initial-sync';
  /** Path of a saved plan (X2). */
  planFile?: string;
  maxDelete?: number;
  force?: boolean;
  verify?: boolean;
  /** Of an initial sync: back the destination's database up before (E16). */
  backup?: boolean;
  /** Only this travels (E20–E22): `content:ID`, `folder:ID`, `file:PATH`. */
  select?: readonly string[];
};

export type RunEntry = Omit<RunSummary, 'status'> & {
  status: RunStatus | 'running';
  kind: RunKind;
  profile: string;
  relationship: string;
  direction: string;
  startedAt: string;
  /** Undefined while it is in progress; `status` is then `running`. */
  endedAt?: string;
  by: string;
  pid?: number;
  /** The run that this one undoes, or redoes; `SERVER/SITE` of a restore; the name of a live sync. */
  undoes?: string;
  redoes?: string;
  site?: string;
  live?: string;
  /** The run by which this one is undone now (X2). */
  undoneBy?: string;
};

/** Runs: start, look on, take back (E14, E17, X2). */
export type RunVerbs = {
  /** Starts a detached runner process and answers as soon as its journal exists. */
  start(request: RunRequest): Promise<{runId: string}>;
  /** Replays and follows a journal until the run is finished, or has died (RUN_DIED). */
  watch(runId: string, options?: {signal?: AbortSignal}): AsyncIterable<RunEvent>;
  cancel(runId: string): Promise<void>;
  /** Starts a run that gives each side back what that run changed there (X2). */
  undo(runId: string): Promise<{runId: string}>;
  /** Starts a run that does again what was undone, and lets it travel again. */
  redo(runId: string): Promise<{runId: string}>;
  /** What `undo` and `redo` would do; read-only. */
  previewUndo(runId: string): Promise<PreviewResult>;
  previewRedo(runId: string): Promise<PreviewResult>;
  list(filter?: {relationship?: string; profile?: string}): Promise<readonly RunEntry[]>;
  show(runId: string): Promise<RunEntry & RunDetails>;
};
