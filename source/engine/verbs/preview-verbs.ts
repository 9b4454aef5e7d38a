import type {Plan, Side} from '../../core/plan.js';

export type PreviewResult = {
  relationship: string;
  profile: string;
  plan: Plan;
  takenAt: string;
  /** Why a run of this plan would be refused by the guard, if it would (E34). */
  refusal?: {code: string; message: string; hint?: string};
  /** First file run of the profile: bidirectional whatever its direction (E10). */
  firstRun: boolean;
  /** Revision of the profile that the plan was made for; a saved plan of another revision is stale. */
  revision: string;
  /** Both databases are equal but stem from different initial syncs: a run makes them of one lineage. */
  adoptsLineage: boolean;
  /** What the sites' databases say: tables without transactions, triggers that were missing. */
  warnings?: readonly string[];
  /** Members of a cluster that a run would leave behind, and why (E23). */
  missing?: readonly {member: string; error: {code: string; message: string}}[];
};

/** What a preview shows of one item on one side. */
export type ShownItem =
  | {type: 'row'; columns: Readonly<Record<string, string | null>>}
  | {type: 'text'; text: string}
  | {type: 'binary'; description: string}
  | {type: 'absent'};

/** What a preview tells of one action beyond its item (E13). */
export type ActionDetail = {
  /** The action's id in its plan. */
  id: string;
  /** What people call the row: the value of its title or name column. */
  title?: string;
  /** Columns whose values differ; values as `show` gives them, null for NULL and for a row that is not there. */
  changed?: readonly {column: string; local: string | null; remote: string | null}[];
  /** Bytes and modification time (ISO 8601, UTC) of a file on each side that has it. */
  file?: Partial<Record<Side, {size: number; mtime: string}>>;
};

/** What a run would do, and what of it (E13, X2). */
export type PreviewVerbs = {
  /** Takes a preview; read-only (E13). Progress texts go to `onProgress`. */
  preview(
    relationship: string,
    profile: string,
    options?: {
      signal?: AbortSignal;
      onProgress?: (text: string) => void;
      /** As in RunRequest. */
      select?: readonly string[];
      /**
       * As in RunRequest: what a run with it would be refused for. An emptied root is not looked into in any case,
       * because the agent would then take its files for deleted.
       */
      maxDelete?: number;
    },
  ): Promise<PreviewResult>;
  /** What an initial sync would do, checks included; read-only (E6, `--dry-run`). */
  previewInitialSync(
    relationship: string,
    options?: {force?: boolean; signal?: AbortSignal; onProgress?: (text: string) => void},
  ): Promise<PreviewResult>;
  /** Titles, changed columns, sizes and times of some of a plan's actions, asked for in one go (E13). */
  describe(relationship: string, plan: Plan, actionIds: readonly string[]): Promise<readonly ActionDetail[]>;
  /** Both sides of one action of a plan, for a diff. */
  show(relationship: string, plan: Plan, actionId: string): Promise<{local: ShownItem; remote: ShownItem}>;
  savePlan(preview: PreviewResult, file: string): Promise<void>;
};
