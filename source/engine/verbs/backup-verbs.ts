import type {BackupDescription} from '../../core/site-description.js';
import type {SiteAddress} from './site-address.js';

/** Backups of a site's database by hand (E16). Names are those of `list`. */
export type BackupVerbs = {
  /** Newest first; `folder` is on the server. */
  list(address: SiteAddress): Promise<{folder: string; backups: readonly BackupDescription[]}>;
  create(
    address: SiteAddress,
    options?: {signal?: AbortSignal; onProgress?: (done: number, total: number | undefined) => void},
  ): Promise<BackupDescription>;
  /**
   * Makes the database what the backup is, and holds the site meanwhile. `before` is a backup of what was there, and
   * `warning` says why there is none.
   */
  restore(
    address: SiteAddress,
    name: string,
    options?: {onProgress?: (done: number, total: number | undefined) => void},
  ): Promise<{before?: BackupDescription; warning?: string}>;
};
