import {writeFile} from 'node:fs/promises';
import os from 'node:os';
import {OperatorError} from '../core/operator-error.js';
import {runFiles} from '../state/run-files.js';
import {
  allJournals,
  followJournal,
  type JournalSummary,
  listJournals,
  readJournal,
} from '../state/run-journal.js';
import {isAlive} from '../system/process-identity.js';
import type {RunEntry, RunVerbs} from './engine.js';
import type {EngineContext} from './engine-context.js';
import {createUndo} from './history/history.js';
import {startRun} from './start-run.js';

/** Starting, watching, cancelling and listing runs (E14, E17, X3). */
export function createRuns(context: EngineContext): RunVerbs {
  const {home} = context;
  return {
    start: request => startRun(context, request),
    ...createUndo(context),

    watch: (runId, options = {}) => followJournal(home, runId, options.signal),

    async cancel(runId) {
      const {started, finished} = await readJournal(home, runId);
      if (finished !== undefined)
        throw new OperatorError('USAGE', `The run ${runId} is over: ${finished.status}.`, {
          hint: '`lockstep runs show` tells what it did.',
        });
      // The file is what counts; it also reaches a runner on another machine that shares the folder.
      await writeFile(runFiles(home, runId).cancel, '');
      const runner = {pid: started.pid, startedAt: started.processStart};
      if (started.host !== os.hostname() || runner.pid === process.pid || !isAlive(runner)) return;
      try {
        process.kill(runner.pid, 'SIGTERM');
      } catch {
        // It has just ended, or belongs to somebody else and finds the file.
      }
    },

    async list({relationship, profile} = {}) {
      const entries = entriesOf(await allJournals(home));
      if (relationship === undefined && profile === undefined) return entries;
      return entries.filter(
        entry =>
          (relationship === undefined || entry.relationship === relationship) &&
          (profile === undefined || entry.profile === profile),
      );
    },

    async show(runId) {
      const {items, afterSync, warnings, ...journal} = await readJournal(home, runId);
      const undone = new UndoneRuns();
      // Ids begin with their time, so only what came later is looked at.
      for await (const later of listJournals(home)) {
        if (later.started.runId <= runId) break;
        undone.mark(toEntry(later));
      }
      return {...undone.mark(toEntry(journal)), items, afterSync, warnings};
    },
  };
}

/** Whether a run of this console has ended, however it did; one that nobody here knows of has not. */
export async function isRunOver(home: string, runId: string): Promise<boolean> {
  return await readJournal(home, runId).then(
    ({finished}) => finished !== undefined,
    () => false,
  );
}

/** Which runs are undone, found by looking at all of them, the newest first: the last word counts. */
class UndoneRuns {
  readonly #lastWord = new Map<string, string | undefined>();

  mark(entry: RunEntry): RunEntry {
    const {runId, undoes, redoes, applied} = entry;
    const about = undoes ?? redoes;
    if (about !== undefined && applied > 0 && !this.#lastWord.has(about))
      this.#lastWord.set(about, undoes === undefined ? undefined : runId);
    const undoneBy = this.#lastWord.get(runId);
    return undoneBy === undefined ? entry : {...entry, undoneBy};
  }
}

const knownEntries = new WeakMap<readonly JournalSummary[], readonly RunEntry[]>();

/** Entries of journals, newest first; the same for the same. */
function entriesOf(journals: readonly JournalSummary[]): readonly RunEntry[] {
  const undone = new UndoneRuns();
  const entries = knownEntries.get(journals) ?? journals.map(journal => undone.mark(toEntry(journal)));
  knownEntries.set(journals, entries);
  return entries;
}

function toEntry({started, finished}: JournalSummary): RunEntry {
  const {runId, kind, relationship, profile, direction, by, startedAt, pid, undoes, redoes, site, live} =
    started;
  const about = {
    ...{runId, kind, relationship, profile, direction, by, startedAt},
    ...(undoes === undefined ? {} : {undoes}),
    ...(redoes === undefined ? {} : {redoes}),
    ...(site === undefined ? {} : {site}),
    ...(live === undefined ? {} : {live}),
  };
  if (finished !== undefined) {
    const {type: _, at, ...summary} = finished;
    return {...summary, ...about, endedAt: at};
  }
  return {
    ...about,
    status: 'running',
    pid,
    applied: 0,
    skipped: 0,
    total: 0,
    conflicts: 0,
    collisions: 0,
    deleted: 0,
    bytes: 0,
    durationMs: Math.max(0, Date.now() - Date.parse(startedAt)),
  };
}
