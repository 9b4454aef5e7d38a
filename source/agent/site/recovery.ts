import {existsSync, readdirSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {heldVersionOf} from '../../core/hold.js';
import {faultPoint} from './fault-point.js';
import {CommitJournal, changesSite} from './journal.js';
import type {SiteDatabase, SiteFiles} from './ports.js';
import type {RowHistory} from './row-history.js';
import {Staging, stagingPrefix} from './staging.js';
import type {UndoRecords} from './undo-records.js';

/** How long what a dead run brought is kept for the next one, in milliseconds. */
const keepStagedMs = 24 * 60 * 60 * 1000;

export type RecoverySite = {
  readonly root: string;
  /** The folder `runs` of the site in the agent's data. */
  readonly runsFolder: string;
  readonly files: SiteFiles;
  readonly database: SiteDatabase | null;
  readonly rowHistory: RowHistory;
  readonly undoRecords: UndoRecords;
  /** The run that holds the site's lease. */
  readonly heldBy: string | undefined;
};

/**
 * What an agent does before it serves a site: takes every commit that was interrupted to its end or back (X3), and
 * removes what dead runs left long ago.
 * @returns one sentence for each commit that was recovered.
 */
export async function recoverSite(site: RecoverySite, nowMs = Date.now()): Promise<readonly string[]> {
  const report: string[] = [];
  for (const runId of runsIn(site.runsFolder)) {
    const journal = new CommitJournal(join(site.runsFolder, runId));
    for (const [step, last] of journal.states()) {
      if (last.state === 'done' || last.state === 'undone') continue;
      faultPoint('recovery.begun');
      const ended = await recoverStep(site, {runId, step, journal});
      report.push(
        ended === 'finish'
          ? `Run ${runId}, step ${step}: finished after an interruption.`
          : `Run ${runId}, step ${step}: taken back after an interruption.`,
      );
      faultPoint('recovery.finished');
    }
    // Nobody comes back for what a run brought when its end was asked for, or all its steps are done and it gave up its
    // lease.
    const states = [...journal.states().values()];
    const isDone = states.length > 0 && states.every(({state}) => state === 'done');
    if (hasEnded(journal.folder) || (isDone && runId !== site.heldBy))
      await new Staging(site.root, runId, journal.folder).discard();
  }
  await sweep(site, nowMs);
  return report;
}

const endedFile = 'ended';

/** Notes that the end of a run was asked for, so that an agent which dies over it finishes that when it starts. */
export function noteEnd(runFolder: string): void {
  if (existsSync(runFolder)) writeFileSync(join(runFolder, endedFile), '', {mode: 0o600});
}

function hasEnded(runFolder: string): boolean {
  return existsSync(join(runFolder, endedFile));
}

/** Lets what a decided commit noted count. Idempotent. */
export async function finishRecords(
  {rowHistory, undoRecords, database}: Pick<RecoverySite, 'rowHistory' | 'undoRecords' | 'database'>,
  runId: string,
  step: string,
): Promise<void> {
  rowHistory.finish(runId, step);
  const tables = undoRecords.tablesOf(runId, step);
  const records =
    tables.length === 0 ? [] : await database?.lookUp(tables.map(table => ({type: 'table', table}) as const));
  undoRecords.finish(
    runId,
    step,
    new Map(tables.map((table, index) => [table, heldVersionOf(records?.[index])])),
  );
}

/** Takes one interrupted step of a run to its end or back. The database's own marker is believed before the journal. */
export async function recoverStep(
  site: Omit<RecoverySite, 'runsFolder' | 'heldBy'>,
  {runId, step, journal}: {runId: string; step: string; journal: CommitJournal},
): Promise<'finish' | 'undo'> {
  const decided =
    journal.states().get(step)?.state === 'decided' ||
    ((await site.database?.wasCommitted(runId, step)) ?? false);
  const decision = decided ? 'finish' : 'undo';
  const staging = new Staging(site.root, runId, journal.folder);
  await site.files.recoverCommit({
    runId,
    step,
    folder: journal.stepFolder(step),
    staged: digest => staging.pathOf(digest),
    decision,
  });
  const at = new Date().toISOString();
  if (decision === 'undo') {
    site.rowHistory.undo(runId, step);
    site.undoRecords.undo(runId, step);
    journal.append({step, at, state: 'undone', error: 'It was interrupted.'});
    return decision;
  }
  await finishRecords(site, runId, step);
  // Where the streams stood before is not known any more: a position of no epoch makes the run look again.
  const before = {epoch: '', seq: 0};
  const database = (await site.database?.position()) ?? null;
  journal.append({
    step,
    at,
    state: 'done',
    changed: changesSite(step, journal.outcomes(step)),
    positions: {
      files: {before, after: site.files.position()},
      database: database === null ? null : {before, after: database},
    },
  });
  return decision;
}

/** Removes staged content and journals of runs that nobody has continued for a day. */
async function sweep(site: RecoverySite, nowMs: number): Promise<void> {
  for (const runId of runsIn(site.runsFolder))
    if (isOld(join(site.runsFolder, runId), nowMs))
      rmSync(join(site.runsFolder, runId), {recursive: true, force: true});
  for (const name of await readdir(site.root).catch(() => []))
    if (name.startsWith(stagingPrefix) && isOld(join(site.root, name), nowMs))
      await rm(join(site.root, name), {recursive: true, force: true});
}

function runsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isOld(path: string, nowMs: number): boolean {
  const stat = statSync(path, {throwIfNoEntry: false});
  return stat !== undefined && nowMs - stat.mtimeMs > keepStagedMs;
}
