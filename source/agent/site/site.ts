import type {ScanResult, SiteDescription} from '../../core/site-description.js';
import type {Backups} from '../backup/backups.js';
import type {BackupWork} from '../backup/database-backup.js';
import type {RestoreRequest, RestoreResult} from '../backup/restore-database.js';
import type {SiteLog} from '../logs/read-site-log.js';
import type {PackageStore} from '../packages/package-store.js';
import type {ReleaseStore} from '../releases/release-store.js';
import type {AfterSync} from './after-sync.js';
import type {CommitResult} from './commit.js';
import type {SelectionSource} from './expand-selection.js';
import type {CommitJournal} from './journal.js';
import type {Lease} from './leases.js';
import type {NotifySite} from './notify-user.js';
import type {OperationSpool} from './operation-spool.js';
import type {Progress, SiteDatabase, SiteFiles} from './ports.js';
import type {SiteHistory} from './site-history.js';
import type {SiteOptions} from './site-options.js';
import type {Staging} from './staging.js';
import type {UndoRecords} from './undo-records.js';

/** Everything that a run has at this site. */
export type SiteRun = {
  readonly staging: Staging;
  readonly journal: CommitJournal;
  /** The run's folder in the agent's data. */
  readonly folder: string;
};

/** One configured site while the agent serves it: its files, its database, its lease and its runs. */
export type Site = {
  readonly name: string;
  readonly root: string;
  /** The site's folder in the agent's data. */
  readonly folder: string;
  readonly configuration: SiteOptions;
  /** What its service is of; an update changes it here and in agent.json. */
  version: string;
  readonly logs: readonly SiteLog[];
  readonly files: SiteFiles;
  readonly database: SiteDatabase | null;
  readonly lease: Lease;
  /** What the site does after a run has changed it. */
  readonly afterSync: AfterSync;
  readonly history: SiteHistory;
  /** Its download folder with packages. */
  readonly packages: PackageStore;
  /** What consoles have brought of releases (U2). */
  readonly releases: ReleaseStore;
  readonly undoRecords: UndoRecords;
  /** Null for a site without a database. */
  readonly backups: Backups | null;
  /** One sentence for each commit, and each restore, that was interrupted and recovered when the site was opened. */
  readonly recovered: readonly string[];
  describe(): SiteDescription;
  /** What a mail to a user needs (E18). */
  readonly notification: Pick<NotifySite, 'tables' | 'mail'>;
  /** Gives the site its server's number (E25). */
  setNumber(number: number): Promise<void>;
  scan(
    parts: {files: boolean; database: boolean; acceptRoot: boolean; verify?: boolean},
    options: {signal: AbortSignal; progress: Progress},
  ): Promise<ScanResult>;
  /** What a selection is looked for in; scans the database where nothing is known of it yet. */
  selectionSource(): Promise<SelectionSource>;
  run(runId: string): SiteRun;
  /** One commit at a time; goes on when whoever asked goes away. */
  commit(
    request: {
      runId: string;
      step: string;
      strict: boolean;
      by: string;
      lineage?: string;
      initialSyncFrom?: string;
      undo?: {runId: string; kind: 'undo' | 'redo'};
    },
    operations: OperationSpool,
    progress: Progress,
  ): Promise<CommitResult>;
  /** Makes the database what a backup is; for the run that holds the lease. */
  restore(request: RestoreRequest, work: BackupWork): Promise<RestoreResult>;
  /** Discards what was brought for a run, and what dead runs left. */
  endRun(runId: string): Promise<void>;
  close(): Promise<void>;
};

/** @throws OperatorError UNKNOWN_SITE */
export type SiteOf = (name: string) => Site;
