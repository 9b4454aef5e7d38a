/** Which way items go. */
export type Direction = 'upload' | 'download' | 'bidirectional';

/** Who wins a conflict in a bidirectional profile (E10). */
export type ConflictPolicy = 'local-wins' | 'remote-wins';

/** When an upload or download replaces a file (E11). */
export type ReplaceRule = 'newer' | 'always';

/** When the destination database is backed up (E16). */
export type BackupRule = 'off' | 'initial' | 'every-run';

/** What becomes of a start that nobody was there for: one run for all that were missed, or none (E12). */
export type MissedRule = 'run' | 'skip';

/** How often scheduled runs compare everything anew instead of only what is known to have changed. */
export type VerifyRule = 'off' | 'daily' | 'weekly' | 'monthly' | 'every-run';

/** A file filter over names and paths (E9). */
export type FileFilter =
  | {readonly kind: 'none'}
  | {readonly kind: 'only'; readonly patterns: readonly string[]}
  | {readonly kind: 'exclude'; readonly patterns: readonly string[]};

/** A saved description of one kind of sync under a relationship (E7). */
export type Profile = {
  readonly relationship: string;
  readonly name: string;
  /** Names of item groups; `database` stands for the rows and the resource folders (E8). */
  readonly items: readonly string[];
  readonly direction: Direction;
  readonly policy: ConflictPolicy;
  readonly filter: FileFilter;
  readonly replace: ReplaceRule;
  readonly backup: BackupRule;
  /** Percentage of the profile's items on one side that a run may delete there (E34). */
  readonly maxDelete: number;
  /** A schedule in the text form of `parseSchedule` (E12), or undefined for none. */
  readonly schedule?: string;
  /** `skip` when absent. */
  readonly missed?: MissedRule;
  /** Of scheduled runs only; `off` when absent. */
  readonly verify?: VerifyRule;
};
