import type {BrowseVerbs} from './browse.js';
import type {PackageVerbs} from './packages.js';
import type {ReleaseVerbs} from './releases.js';
import type {RolloutVerbs} from './rollouts/rollout-verbs.js';
import type {PlanVerbs} from './saved-plans.js';
import type {SettingsVerbs} from './settings.js';
import type {TrustVerbs} from './trust.js';
import type {BackupVerbs} from './verbs/backup-verbs.js';
import type {ClusterVerbs} from './verbs/cluster-verbs.js';
import type {CollisionVerbs} from './verbs/collision-verbs.js';
import type {HistoryVerbs} from './verbs/history-verbs.js';
import type {LiveVerbs} from './verbs/live-verbs.js';
import type {PreviewVerbs} from './verbs/preview-verbs.js';
import type {ProfileVerbs} from './verbs/profile-verbs.js';
import type {RelationshipVerbs} from './verbs/relationship-verbs.js';
import type {RunVerbs} from './verbs/run-verbs.js';
import type {SchedulerVerbs} from './verbs/scheduler-verbs.js';
import type {ServerVerbs} from './verbs/server-verbs.js';

export type {PlanCounts} from '../core/plan.js';
export type {BackupDescription} from '../core/site-description.js';
export type * from './verbs/backup-verbs.js';
export type * from './verbs/cluster-verbs.js';
export type * from './verbs/collision-verbs.js';
export type * from './verbs/history-verbs.js';
export type * from './verbs/live-verbs.js';
export type * from './verbs/preview-verbs.js';
export type * from './verbs/profile-verbs.js';
export type * from './verbs/relationship-verbs.js';
export type * from './verbs/run-verbs.js';
export type * from './verbs/scheduler-verbs.js';
export type * from './verbs/server-verbs.js';
export type * from './verbs/site-address.js';

/** One line of what `lockstep doctor` found. */
export type DoctorCheck = {
  name: string;
  result: 'ok' | 'warn' | 'fail';
  detail: string;
  hint?: string;
};

/**
 * The operator's verbs. Headless and console call nothing else. Everything throws OperatorError on
 * what the operator can repair. Implemented by `openEngine(home)` in engine/open-engine.ts.
 */
export type Engine = PreviewVerbs & {
  readonly home: string;
  /**
   * Calls back when another process changed the state or started a run, as far as the file system tells. Returns how
   * to stop.
   */
  watch(onChange: (what: 'state' | 'runs') => void): () => void;
  servers: ServerVerbs;
  clusters: ClusterVerbs;
  lives: LiveVerbs;
  relationships: RelationshipVerbs;
  profiles: ProfileVerbs;
  /** Checks console, state, servers, clocks, versions and certificates, and says what to do. */
  doctor(): Promise<readonly DoctorCheck[]>;
  history: HistoryVerbs;
  packages: PackageVerbs;
  releases: ReleaseVerbs;
  trust: TrustVerbs;
  browse: BrowseVerbs;
  plans: PlanVerbs;
  settings: SettingsVerbs;
  rollouts: RolloutVerbs;
  backups: BackupVerbs;
  scheduler: SchedulerVerbs;
  collisions: CollisionVerbs;
  runs: RunVerbs;
};
