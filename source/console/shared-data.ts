import type {RegisteredFile} from '../core/package.js';
import type {Profile} from '../core/profile.js';
import type {Settings} from '../core/settings.js';
import type {
  ClusterEntry,
  CollisionEntry,
  DoctorCheck,
  LiveEntry,
  RelationshipEntry,
  RunEntry,
  ScheduledStart,
  ServerEntry,
} from '../engine/engine.js';
import type {PackageEntry} from '../engine/packages.js';
import type {ReleaseEntry} from '../engine/releases.js';
import type {RolloutEntry} from '../engine/rollouts/rollout-verbs.js';
import type {SavedPlanEntry} from '../engine/saved-plans.js';
import type {OwnIdentity} from '../engine/trust.js';

/** What went wrong, as a screen shows it. */
export type Fault = {readonly code: string; readonly message: string; readonly hint?: string};

/**
 * Something that is fetched: not asked for yet, on its way, there, or failed. What was there before stays visible
 * while a newer answer is on its way or after it failed; `at` says how old it is (epoch milliseconds).
 */
export type Loadable<T> = {
  readonly loading: boolean;
  readonly value?: T;
  readonly at?: number;
  readonly fault?: Fault;
};

/** The data that all screens share. */
export type SharedData = {
  readonly servers: Loadable<readonly ServerEntry[]>;
  readonly relationships: Loadable<readonly RelationshipEntry[]>;
  readonly profiles: Loadable<readonly Profile[]>;
  readonly runs: Loadable<readonly RunEntry[]>;
  /** The next starts of all profiles, soonest first. */
  readonly schedule: Loadable<readonly ScheduledStart[]>;
  readonly clusters: Loadable<readonly ClusterEntry[]>;
  readonly lives: Loadable<readonly LiveEntry[]>;
  readonly collisions: Loadable<readonly CollisionEntry[]>;
  readonly releases: Loadable<readonly ReleaseEntry[]>;
  readonly rollouts: Loadable<readonly RolloutEntry[]>;
  /** What the doctor found; asked for only while its screen is in sight. */
  readonly doctor: Loadable<readonly DoctorCheck[]>;
  readonly settings: Loadable<Settings>;
  /** Plans that previews saved. */
  readonly plans: Loadable<readonly SavedPlanEntry[]>;
  /** The console's own certificate. */
  readonly identity: Loadable<OwnIdentity>;
};

/** The package manager of a site. */
export type SitePackages = {
  readonly packages: readonly PackageEntry[];
  readonly files: readonly RegisteredFile[];
  /** What had expired and was deleted while this console was open (P7), the latest first; `at` epoch milliseconds. */
  readonly expired: readonly {readonly name: string; readonly at: number}[];
};

export type Shared = keyof SharedData;

export const notLoaded: Loadable<never> = {loading: false};

/** What is known before anything was asked for. */
export const nothingLoaded: SharedData = {
  servers: notLoaded,
  relationships: notLoaded,
  profiles: notLoaded,
  runs: notLoaded,
  schedule: notLoaded,
  clusters: notLoaded,
  lives: notLoaded,
  collisions: notLoaded,
  releases: notLoaded,
  rollouts: notLoaded,
  doctor: notLoaded,
  identity: notLoaded,
  plans: notLoaded,
  settings: notLoaded,
};
