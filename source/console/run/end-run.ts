import type {RunSummary} from '../../core/run-event.js';
import type {Model} from '../model.js';

/** A list of runs may be older than what their screens have seen since it was asked for. */
export function endSeenRuns(model: Model): Model {
  return model.stack.reduce(
    (known, screen) =>
      screen.kind === 'run' && screen.finished !== undefined ? endRun(known, screen.finished) : known,
    model,
  );
}

/** The end of a run is known as soon as its journal says so; the list of runs is asked for again only after it. */
export function endRun(model: Model, summary: RunSummary): Model {
  const {runs} = model.data;
  const known = runs.value?.find(({runId}) => runId === summary.runId);
  if (known === undefined || known.endedAt !== undefined) return model;
  const ended = {...known, ...summary, endedAt: new Date(model.now).toISOString()};
  const value = runs.value?.map(run => (run === known ? ended : run)) ?? [];
  return {...model, data: {...model.data, runs: {...runs, value}}};
}
