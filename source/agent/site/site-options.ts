import type {ItemGroups} from '../../core/item-group.js';
import type {ReleaseSettings} from '../configuration/release-json-schema.js';
import type {TableSettings} from '../database/database-options.js';
import type {ReplacementSettings} from '../database/row-localizer.js';
import type {SiteLog} from '../logs/read-site-log.js';
import type {DownloadLimits} from '../packages/package-store.js';
import type {UpdateSettings} from '../update/update-settings.js';
import type {NotifySite} from './notify-user.js';
import type {SiteActions} from './open-after-sync.js';
import type {HistoryLimits} from './prune-history.js';

/** A site as agent.json describes it, with what it leaves out filled in. */
export type SiteOptions = SiteActions & {
  readonly name: string;
  /** Absolute. */
  readonly root: string;
  readonly version: string;
  readonly staging: boolean;
  readonly allowForceInitial: boolean;
  readonly database?: {
    readonly url: string;
    /** Groups of tables, by name: `rights`, those of tenants (G). */
    readonly groups?: Readonly<Record<string, readonly string[]>>;
    readonly exclude?: readonly string[];
    readonly tables?: Readonly<Record<string, TableSettings>>;
  };
  readonly replacements?: readonly ReplacementSettings[];
  /** The site's own groups, instead of the defaults of E8. */
  readonly groups?: ItemGroups;
  /** 0..100 */
  readonly maxDelete?: number;
  /** The download folder, absolute, and its limits. */
  readonly downloads?: Partial<DownloadLimits> & {readonly folder?: string};
  /** Which releases are believed, and their limits; none are when absent. */
  readonly releases?: ReleaseSettings;
  readonly mail?: NotifySite['mail'];
  /** Where the database's backups lie and how long they stay (E16). */
  readonly backup?: {readonly folder?: string; readonly keep?: number; readonly maxAge?: string};
  /** Log files that a live sync fetches (G6). */
  readonly logs?: readonly SiteLog[];
  /** How its service is updated (U). */
  readonly update?: UpdateSettings;
  /** How much of the history is kept, where it differs from the default. */
  readonly history?: Partial<HistoryLimits>;
};
