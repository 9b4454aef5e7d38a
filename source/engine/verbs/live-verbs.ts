import type {PlanCounts} from '../../core/plan.js';
import type {ConflictPolicy} from '../../core/profile.js';
import type {LivePhase} from '../../core/run-event.js';
import type {SiteAddress} from './site-address.js';

/** A live sync as it is described (G). */
export type LiveDefinition = {
  name: string;
  /** The editorial site. */
  local: SiteAddress;
  /** The live servers, or the name of a cluster. */
  servers: readonly SiteAddress[] | string;
  /** Item groups, table groups or folders of the editorial site, in the order in which they are served. */
  tenants: readonly string[];
  /** Tables and table groups that go along with every tenant; undefined for all that no group claims. */
  extra?: readonly string[] | undefined;
  /** Who wins where both sides have changed; the editorial site is the local one. */
  policy: ConflictPolicy;
  /** Percent (E34). */
  maxDelete: number;
  /** When it starts by itself (E12). */
  schedule?: string | undefined;
  /** What becomes of a start that nobody was there for; skipped unless said. */
  missed?: 'run' | 'skip';
};

export type LiveEntry = Omit<LiveDefinition, 'servers'> & {
  /** Each with the time of its last live sync (G3) and why the last one left it out, if it did. */
  servers: readonly (SiteAddress & {
    lastSync?: {at: string; runId: string};
    error?: {at: string; message: string};
  })[];
  cluster?: string;
  createdAt: string;
  /** Where the merged logs lie, on the editorial server (G6). */
  logs?: readonly {name: string; file: string; server: string}[];
};

/** What a live sync would do, by phase and server. */
export type LivePreview = {
  live: string;
  phases: readonly {
    phase: LivePhase;
    tenant?: string;
    servers: readonly {server: string; counts: PlanCounts}[];
  }[];
  missing: readonly {member: string; error: {code: string; message: string}}[];
};

/** Live syncs (G). */
export type LiveVerbs = {
  list(): Promise<readonly LiveEntry[]>;
  create(definition: LiveDefinition): Promise<LiveEntry>;
  edit(name: string, changes: Partial<Omit<LiveDefinition, 'name' | 'local'>>): Promise<LiveEntry>;
  delete(name: string): Promise<{untold: readonly {server: string; reason: string}[]}>;
  /** Starts a run as `runs.start` does. */
  run(name: string, options?: {maxDelete?: number}): Promise<{runId: string}>;
  /** What a run would do, checks included; read-only. */
  preview(name: string, options?: {signal?: AbortSignal}): Promise<LivePreview>;
};
