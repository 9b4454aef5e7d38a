import {existsSync} from 'node:fs';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import type {BackupDescription} from '../../core/site-description.js';
import {faultPoint} from '../site/fault-point.js';
import type {CommitJournal} from '../site/journal.js';
import {type RecoverySite, recoverStep} from '../site/recovery.js';
import type {Backups} from './backups.js';
import type {BackupWork} from './database-backup.js';

export type RestoreRequest = {
  readonly runId: string;
  readonly name: string;
  readonly by: string;
  /** Only when the commit of this step of the run reached the database. */
  readonly afterStep?: string;
};

export type RestoreResult = {
  readonly restored: boolean;
  readonly before?: BackupDescription;
  readonly warning?: string;
};

/**
 * Makes a site's database what a backup is (E16). Our own tables lie in the database and come back with it; the driver
 * notices that they are behind what was remembered, and the database goes on as a new replica, so that no counter is
 * ever issued twice. What a run noted of rows that it changed is forgotten with the change.
 * @param site with the journal of the run that asks
 * @throws OperatorError NOT_FOUND, BACKUP_DAMAGED, BACKUP_FAILED, DATABASE_…: nothing is changed then
 */
export async function restoreDatabase(
  {runId, name, by, afterStep}: RestoreRequest,
  site: Omit<RecoverySite, 'runsFolder' | 'heldBy'> & {journal: CommitJournal; backups: Backups},
  work: BackupWork,
): Promise<RestoreResult> {
  const {database, journal, backups, rowHistory} = site;
  if (database === null) throw new OperatorError('BAD_REQUEST', 'The site has no database.');
  const steps = [...journal.states()];
  for (const [step, {state}] of steps)
    if (state !== 'done' && state !== 'undone') await recoverStep(site, {runId, step, journal});
  // Only what the database does not know (any more): steps before the backup are still done.
  const forgetTaken = async () => {
    for (const [step] of steps)
      if (!(await database.wasCommitted(runId, step))) rowHistory.takeBack(runId, step);
  };
  const mark = afterStep === undefined ? undefined : join(journal.stepFolder(afterStep), 'restoring');
  if (afterStep !== undefined && !(await database.wasCommitted(runId, afterStep))) {
    // An earlier call may have done it, and its answer was lost.
    const restored = existsSync(mark!);
    if (restored) await forgetTaken();
    return {restored};
  }
  const file = await backups.find(name, work);
  let before: BackupDescription | undefined;
  let warning: string | undefined;
  if (afterStep === undefined)
    try {
      before = await backups.create({by, runId, wanted: [name]}, work);
    } catch (error) {
      // A database that is broken is the very reason to put a backup in its place.
      warning = `What was there before could not be backed up: ${asOperatorError(error).message}`;
    }
  if (mark !== undefined) await writeFileAtomic(mark, name, {mode: 0o600});
  faultPoint('restore.begun');
  await database.replaceContent(() => backups.restore(file, work));
  faultPoint('restore.replaced');
  await forgetTaken();
  return {
    restored: true,
    ...(before === undefined ? {} : {before}),
    ...(warning === undefined ? {} : {warning}),
  };
}

/**
 * Does a restore again that the agent did not live to finish, where its engine cannot do it at once.
 * @returns a sentence for the log, if there was one
 */
export async function finishRestore(
  database: NonNullable<RecoverySite['database']>,
  backups: Backups,
): Promise<string | undefined> {
  const file = await backups.interrupted();
  if (file === undefined) return undefined;
  try {
    const work = {signal: new AbortController().signal};
    await database.replaceContent(() => backups.restore(file, work));
    return `${file} was being put back when the agent ended; that is done now.`;
  } catch (error) {
    // The site can be served all the same, and the agent tries again at its next start.
    return `${file} was being put back when the agent ended, and cannot be now: ${asOperatorError(error).message}`;
  }
}
