import type {ItemGroups} from './item-group.js';
import type {NaturalKey} from './natural-key.js';

/** A foreign key or a declared reference of agent.json: columns of this table → columns of `table`. */
export type Reference = {
  readonly columns: readonly string[];
  readonly table: string;
  readonly references: readonly string[];
};

/** What the two sides must agree on for a table to be synced, and what a screen wants to know of it. */
export type TableDescription = {
  readonly table: string;
  /** Names of the columns that are written, sorted; generated ones are left out. */
  readonly columns: readonly string[];
  /** In key order; empty for a table without a primary key. */
  readonly primaryKey: readonly string[];
  readonly references: readonly Reference[];
  /** By what people tell its rows apart (E18). */
  readonly naturalKey?: NaturalKey;
  /** Columns whose changes do not matter to what refers to the row (E20). */
  readonly incidental?: readonly string[];
  /** Live rows. */
  readonly rows: number;
  /** Why the table cannot take part at all. */
  readonly problem?: string;
};

export type DatabaseEngine = 'sqlite' | 'postgres' | 'mysql';

/** What an agent tells about one of its sites without looking at the disk. */
export type SiteDescription = {
  readonly name: string;
  readonly version: string;
  readonly staging: boolean;
  readonly allowForceInitial: boolean;
  readonly engine: DatabaseEngine | null;
  /** Equal at two sites exactly when they work on one and the same database (E23). */
  readonly databaseId?: string;
  /** Groups of tables by name: `rights`, those of a live sync's tenants (G). */
  readonly tableGroups?: Readonly<Record<string, readonly string[]>>;
  /** Tables that the configuration says hold users. */
  readonly userTables?: readonly string[];
  readonly groups: ItemGroups;
  /** 0..100, the site's own ceiling for a profile's `maxDelete`; undefined when it sets none. */
  readonly maxDelete?: number;
  /** The server's number, by which the ids that are issued here are told from others' (E25); absent until it has one. */
  readonly number?: number;
  /** When and from where this site received an initial sync, if it ever did (E6). */
  readonly initialSync?: {readonly at: string; readonly from: string};
};

/** How the site root looks (DESIGN.md, "Files"). */
export type RootState =
  | {readonly kind: 'present'}
  | {readonly kind: 'missing'; readonly detail: string}
  | {readonly kind: 'emptied'; readonly before: number}
  | {readonly kind: 'changed'; readonly detail: string};

/** The answer of a scan: where the site's two change streams now stand. */
export type ScanResult = {
  /** Replica of the file index; the key under which this site's own edits appear in vectors. */
  readonly fileReplica: string;
  readonly root: RootState;
  /** Highest sequence number of the file index, and the epoch in which it counts. */
  readonly files: {
    readonly epoch: string;
    readonly seq: number;
    readonly live: number;
    readonly changed: number;
  };
  readonly database: DatabaseScan | null;
  /** Free bytes where the site root lies. */
  readonly freeBytes: number;
  /** The root's file system takes names that differ only in case for one. */
  readonly foldsNames: boolean;
};

export type DatabaseScan = {
  readonly engine: DatabaseEngine;
  readonly replica: string;
  /** Databases that stem from one initial sync share a lineage; only those have comparable vectors (CLI.md). */
  readonly lineage: string;
  readonly epoch: string;
  readonly seq: number;
  /** Tables that take part. */
  readonly tables: readonly TableDescription[];
  /** Patterns of tables that the site's configuration leaves out (E31), whether it has them or not. */
  readonly excluded?: readonly string[];
  /** Things the operator should know: a dropped trigger, a table that cannot be captured. */
  readonly warnings: readonly string[];
};

/** A backup of a site's database (E16). */
export type BackupDescription = {
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly bytes: number;
  /** Who made it; empty when that is not known. */
  readonly by: string;
  /** The run before whose changes it was made. */
  readonly runId?: string;
  /** `unknown` is a file that was put there by somebody: it is verified when it is put back. */
  readonly state: 'good' | 'damaged' | 'gone' | 'unknown';
};

/** What became of one operation at commit. */
export type OperationOutcome = {
  /** Index of the operation in the commit's stream. */
  readonly index: number;
  readonly outcome: 'applied' | 'unchanged' | 'skipped';
  readonly error?: string;
  readonly conflict?: string;
  /** Rows written, for `copy-table`. */
  readonly rows?: number;
};
