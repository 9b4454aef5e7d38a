import type {RunEvent} from '../../core/run-event.js';
import type {Engine, HistoryEntry, RunRequest} from '../../engine/engine.js';
import type {CommandContext, Handlers} from './context.js';
import {faultOf} from './fault-of.js';

/** How long events of a run are gathered before they are shown together, milliseconds. */
const gatherMs = 50;

/** Runs of every kind, and what they left in the history. */
export const runHandlers: Handlers<
  'start-run' | 'run-live' | 'watch-run' | 'show-run' | 'cancel-run' | 'undo-run' | 'restore' | 'read-history'
> = {
  'start-run': (engine, {request}, context) => startRun(engine, request, context),

  async 'run-live'({lives}, {name}, {tell}) {
    const {runId} = await lives.run(name);
    tell({type: 'run-started', runId, relationship: 'live sync', profile: name});
  },

  async 'watch-run'({runs}, {screen, runId}, {answer, signalOf, tell}) {
    const signal = signalOf(screen);
    let gathered: RunEvent[] = [];
    let ended = 'is over';
    let timer: NodeJS.Timeout | undefined;
    const flush = () => {
      clearTimeout(timer);
      timer = undefined;
      if (gathered.length > 0 && !signal.aborted) answer(screen, {kind: 'run-events', events: gathered});
      gathered = [];
    };
    try {
      for await (const event of runs.watch(runId, {signal})) {
        if (signal.aborted) return;
        if (event.type === 'run.finished') ended = `has ended: ${event.status}`;
        gathered.push(event);
        timer ??= setTimeout(flush, gatherMs);
      }
      flush();
    } catch (error) {
      flush();
      if (!signal.aborted) answer(screen, {kind: 'fault', fault: faultOf(error)});
    } finally {
      clearTimeout(timer);
    }
    if (signal.aborted) return;
    tell({
      type: 'changed',
      text: `Run ${runId} ${ended}.`,
      reload: ['runs', 'relationships', 'profiles', 'lives'],
    });
  },

  async 'show-run'({runs}, {screen, runId}, {answer, now}) {
    const run = await runs.show(runId);
    answer(screen, {kind: 'run-shown', run, at: now()});
  },

  async 'cancel-run'({runs}, {runId}, {tell}) {
    await runs.cancel(runId);
    tell({type: 'changed', text: `Run ${runId} is asked to stop.`, reload: ['runs']});
  },

  async 'undo-run'({runs}, {run, redo}, {tell}) {
    const {runId} = await (redo ? runs.redo(run.runId) : runs.undo(run.runId));
    tell({...run, type: 'run-started', runId});
  },

  async restore({history}, {address, entries}, {tell}) {
    const {runId} = await history.restore(
      address,
      entries.map(id => ({id})),
    );
    tell({
      type: 'run-started',
      runId,
      relationship: `${address.server}/${address.site}`,
      profile: 'restore',
    });
  },

  async 'read-history'({history}, {screen, address, runId, limit}, {answer, signalOf, now}) {
    const signal = signalOf(screen);
    const entries: HistoryEntry[] = [];
    let more = false;
    for await (const entry of history.list(address, runId === undefined ? {} : {runId})) {
      more = entries.length === limit;
      if (more || signal.aborted) break;
      entries.push(entry);
    }
    if (!signal.aborted) answer(screen, {kind: 'history-read', entries, more, at: now()});
  },
};

export async function startRun({runs}: Engine, request: RunRequest, {tell}: CommandContext): Promise<void> {
  const {runId} = await runs.start(request);
  tell({type: 'run-started', runId, relationship: request.relationship, profile: request.profile});
}
