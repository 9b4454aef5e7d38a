import type {Progress} from '../site/ports.js';

/** Work that can be broken off, and that tells how far it is. */
export type BackupWork = {readonly signal: AbortSignal; readonly progress?: Progress};

/**
 * Copies of one site database, made and put back by the engine's own way (E16). One implementation per engine, one
 * contract suite. Knows nothing of names, folders or retention (agent/backup/backups.ts).
 */
export type DatabaseBackup = {
  /** What the engine calls the database. */
  readonly database: string;
  /** Whether `restore` leaves the old content or the new one when the agent dies within; else it has to be done again. */
  readonly restoresAtOnce: boolean;
  /** @throws OperatorError BACKUP_TOOL_MISSING, before anything changes */
  mustBePossible(): Promise<void>;
  /** About how large a copy will be, bytes; never much too small. */
  sizeBytes(): Promise<number>;
  /**
   * Writes a copy as of one moment; the site goes on reading and writing where its engine lets it.
   * @param file is empty, or is not there
   * @throws OperatorError BACKUP_FAILED, DATABASE_UNAVAILABLE, DATABASE_LOCKED
   */
  write(file: string, work: BackupWork): Promise<void>;
  /** Reads a copy to its end. @throws OperatorError BACKUP_DAMAGED */
  verify(file: string, work: BackupWork): Promise<void>;
  /**
   * Makes the database what the copy is, all or nothing. Called while nothing of ours is at work on it
   * (`SiteDatabase.replaceContent`).
   * @throws OperatorError BACKUP_FAILED, DATABASE_UNAVAILABLE, DATABASE_LOCKED: the database is as it was
   */
  restore(file: string, work: BackupWork): Promise<void>;
};
