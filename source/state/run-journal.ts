import type {RunAction, RunEvent, RunItem, RunSummary, RunWarning} from '../core/run-event.js';
import type {JournalReader} from './journal-reader.js';
import {Journals, type JournalSummary as Summary} from './journals.js';
import {runFiles} from './run-files.js';

export type RunStarted = RunEvent & {type: 'run.started'};
export type RunFinished = RunEvent & {type: 'run.finished'};

/** A run as its journal tells it. */
export type JournalSummary = Summary<RunStarted, RunFinished>;

/** What a run did and said, beside how it went. */
export type RunDetails = {
  readonly items: readonly RunItem[];
  readonly afterSync: readonly RunAction[];
  readonly warnings: readonly RunWarning[];
};

const journals = new Journals<RunEvent, RunStarted, RunFinished>({
  what: 'run',
  list: '`lockstep runs list`',
  hello: {type: 'hello', version: 1},
  fileOf: (home, runId) => runFiles(home, runId).journal,
  isStarted: event => event.type === 'run.started',
  isFinished: event => event.type === 'run.finished',
  endOfDead(runId, events) {
    const started = events.find(event => event.type === 'run.started');
    return {
      type: 'run.finished',
      at: new Date().toISOString(),
      ...summaryOfDead(runId, events),
      durationMs: started === undefined ? 0 : Math.max(0, Date.now() - Date.parse(started.startedAt)),
    };
  },
});

/** Makes the journal of a run that is about to start, with its first line. */
export const createJournal = (home: string, runId: string): Promise<void> => journals.create(home, runId);

/**
 * Replays a journal and follows it until the run is finished. A run whose process is gone is finished on its
 * behalf as failed with RUN_DIED, so that every journal ends and nobody waits for ever.
 * Ends early, without a last event, only when `signal` is aborted.
 * @throws OperatorError NOT_FOUND
 */
export const followJournal = (
  home: string,
  runId: string,
  signal?: AbortSignal,
): AsyncGenerator<RunEvent, void, undefined> => journals.follow(home, runId, signal);

/** All runs, newest first. Dead ones are finished on the way. */
export const listJournals = (home: string): AsyncGenerator<JournalSummary, void, undefined> =>
  journals.list(home);

/** All of them at once; the same array as before while nothing has changed. */
export const allJournals = (home: string): Promise<readonly JournalSummary[]> => journals.all(home);

/**
 * A run with what became of its items.
 * @throws OperatorError NOT_FOUND
 */
export async function readJournal(home: string, runId: string): Promise<JournalSummary & RunDetails> {
  await journals.summarize(home, runId);
  const reader = await journals.open(home, runId);
  try {
    const events = await collect(reader);
    if (events.started === undefined) throw journals.notFound(runId);
    return {...events, started: events.started};
  } finally {
    await reader.close();
  }
}

function summaryOfDead(runId: string, events: readonly RunEvent[]): RunSummary {
  const items = events.filter(event => event.type === 'run.item');
  const applied = items.filter(({outcome}) => outcome === 'applied');
  const skipped = items.filter(({outcome}) => outcome === 'skipped').length;
  return {
    runId,
    status: 'failed',
    error: {
      code: 'RUN_DIED',
      message: 'The process of this run ended without a word: it was killed, or the machine went down.',
      hint: 'Nothing is left half done on the servers; run again. `lockstep doctor` shows whether they are well.',
    },
    applied: applied.length,
    skipped,
    total: applied.length + skipped,
    conflicts: applied.filter(({action}) => action === 'conflict').length,
    collisions: applied.filter(({collision}) => collision !== undefined).length,
    deleted: applied.filter(({action}) => action === 'delete').length,
    bytes: 0,
    durationMs: 0,
  };
}

async function collect(reader: JournalReader<RunEvent>): Promise<{
  started?: RunStarted;
  finished?: RunFinished;
  items: RunItem[];
  afterSync: RunAction[];
  warnings: RunWarning[];
}> {
  const found: Awaited<ReturnType<typeof collect>> = {items: [], afterSync: [], warnings: []};
  for await (const event of reader.read()) {
    if (event.type === 'run.started') found.started = event;
    else if (event.type === 'run.finished') found.finished = event;
    else if (event.type === 'run.item') {
      const {type: _, ...item} = event;
      found.items.push(item);
    } else if (event.type === 'run.after-sync') {
      const {type: _, at: __, ...action} = event;
      found.afterSync.push(action);
    } else if (event.type === 'run.message' && event.level === 'warn') {
      const {type: _, level: __, ...warning} = event;
      found.warnings.push(warning);
    }
  }
  return found;
}
