import type {NaturalKeySettings} from '../../core/natural-key.js';
import {compileTablePatterns} from '../../core/table-patterns.js';
import type {ReplacementSettings} from './row-localizer.js';

/** Settings of one table in agent.json that the rows' side of a site needs to know. */
export type TableSettings = {
  /** What the rows are: content, folders, users, groups … */
  readonly kind?: string;
  /** Columns that refer to other tables without a declared foreign key: column → `table.column`. */
  readonly references?: Readonly<Record<string, string>>;
  /** Column that a screen shows as the row's title (E13). */
  readonly title?: string;
  /** Column that names the folder of a content row (E21). */
  readonly folder?: string;
  /** Whether the rows go along with content that they refer to (E20); what the table's kind says when absent. */
  readonly dependent?: boolean;
  /** Columns whose changes do not matter to what refers to the row (E20); the usual ones when absent. */
  readonly ignoreForSelection?: readonly string[];
  /** Columns that hold paths of files: column → folder that they are relative to, '' for the site root (E20). */
  readonly files?: Readonly<Record<string, string>>;
  /** Column with the e-mail address of the user that a row stands for (E18). */
  readonly email?: string;
} & NaturalKeySettings;

/** What an agent remembers of a database outside of it, to notice a copied or restored one. */
export type DatabaseMemory = {readonly replica: string; readonly epoch: string; readonly seq: number};

export type SiteDatabaseOptions = {
  /** Patterns of tables that never travel (E31). */
  readonly exclude: readonly string[];
  readonly tables?: Readonly<Record<string, TableSettings>>;
  /** Values that the site holds in another form than they travel in (E28). */
  readonly replacements?: readonly ReplacementSettings[];
  /**
   * What `remember` was last given. A database that does not know it, or is behind it, is a copy or was restored from
   * a backup: it goes on under a new replica and epoch, so that no two histories share a counter.
   */
  readonly lastKnown?: DatabaseMemory | undefined;
  /** Called whenever the database's position has moved; to be kept until the next `openSiteDatabase`. */
  readonly remember?: (memory: DatabaseMemory) => void;
  /**
   * Number of the server whose site this is (E25), undefined until it has one. Asked at every scan and commit, which
   * see to it that the ids the database issues are that server's (core/id-blocks.ts).
   */
  readonly serverNumber?: () => number | undefined;
  /** How long to wait for a lock that the site holds before DATABASE_LOCKED; 30 s when absent. */
  readonly lockTimeoutMs?: number;
};

/** Whether a table takes part at all; our own tables never do. */
export function createTableFilter(exclude: readonly string[]): (table: string) => boolean {
  const isExcluded = compileTablePatterns(exclude);
  return table => !/^lockstep_/i.test(table) && !isExcluded(table);
}
