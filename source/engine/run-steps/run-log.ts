import type {EventPlace, RunEvent, RunPhase} from '../../core/run-event.js';
import type {JournalWriter} from '../../state/journal-writer.js';
import type {PlanObserver} from '../make-plan.js';
import type {OnProgress} from '../scan-sites.js';

/** Milliseconds between two progress events of one phase. */
const progressMs = 250;

/** Writes a run's journal as its steps go on. */
export type RunLog = Pick<PlanObserver, 'phase' | 'progress'> & {
  skip(phase: RunPhase, reason: string): void;
  message(level: 'info' | 'warn', text: string): void;
  write(event: RunEvent): void;
  /** The same journal, for events of one part of the run. */
  within(place: EventPlace): RunLog;
};

export function createRunLog(journal: JournalWriter<RunEvent>, place: EventPlace = {}): RunLog {
  const at = () => new Date().toISOString();
  const note = (phase: RunPhase, state: 'started' | 'done' | 'skipped' | 'failed', detail?: string) =>
    journal.append({
      type: 'run.phase',
      at: at(),
      phase,
      state,
      ...(detail === undefined || detail === '' ? {} : {detail}),
      ...place,
    });
  return {
    async phase(phase, work, describe) {
      note(phase, 'started');
      try {
        const result = await work();
        note(phase, 'done', describe?.(result));
        return result;
      } catch (error) {
        note(phase, 'failed', error instanceof Error ? error.message : String(error));
        throw error;
      }
    },
    skip: (phase, reason) => note(phase, 'skipped', reason),
    progress: phase => createProgress(phase, journal, place),
    message: (level, text) => journal.append({type: 'run.message', at: at(), level, text, ...place}),
    write: event => journal.append(event.type === 'run.item' ? {...event, ...place} : event),
    within: inner => createRunLog(journal, {...place, ...inner}),
  };
}

function createProgress(phase: RunPhase, journal: JournalWriter<RunEvent>, place: EventPlace): OnProgress {
  let lastMs = 0;
  return ({side, done, total, unit}) => {
    const nowMs = Date.now();
    if (nowMs - lastMs < progressMs && done !== total) return;
    lastMs = nowMs;
    journal.append({
      type: 'run.progress',
      at: new Date(nowMs).toISOString(),
      phase,
      ...(side === undefined ? {} : {side}),
      done,
      ...(total === undefined ? {} : {total}),
      unit,
      ...place,
    });
  };
}
