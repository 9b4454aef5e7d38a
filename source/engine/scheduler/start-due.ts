import {readFileSync} from 'node:fs';
import {asOperatorError} from '../../core/operator-error.js';
import {runFiles} from '../../state/run-files.js';
import type {SchedulerEvent} from '../engine.js';
import type {EngineContext} from '../engine-context.js';
import {launchRun, newRunId, startRun} from '../start-run.js';
import {settleStart, type TakenStart, takeStarts} from './take-starts.js';

/** Who a run was started by, in its log and to whoever finds the site busy. */
export const schedulerName = 'scheduler';

/** How long a scheduled run waits for a site that another run holds, milliseconds. */
const patienceMs = 15 * 60_000;

/**
 * One pass of the scheduler: takes what is due and starts it, each start exactly once whoever else is at it. The runs
 * are processes of their own.
 * @param options `onTimeMs`: how late a start may be and not count as missed
 */
export async function startDue(
  context: EngineContext,
  {onTimeMs, onEvent}: {onTimeMs: number; onEvent: (event: SchedulerEvent) => void},
): Promise<void> {
  const nowMs = Date.now();
  const at = new Date(nowMs).toISOString();
  const {starts, missed} = await context.state.change(state =>
    takeStarts(state, {nowMs, onTimeMs, newRunId, hasBegun: runId => hasBegun(context.home, runId)}),
  );
  for (const {starter, atMs, count, runsNow} of missed)
    onEvent({
      type: 'scheduler.missed',
      at,
      ...starter,
      due: new Date(atMs).toISOString(),
      count,
      runsNow,
    });
  for (const start of starts) await begin(context, start, onEvent);
}

async function begin(
  context: EngineContext,
  start: TakenStart,
  onEvent: (event: SchedulerEvent) => void,
): Promise<void> {
  const {starter, dueMs, runId, verify} = start;
  const {relationship, profile, live} = starter;
  const about = {...starter, due: new Date(dueMs).toISOString()};
  let begun = true;
  try {
    if (live !== undefined)
      await launchRun(context, {kind: 'live', live, by: schedulerName, patienceMs}, runId);
    else
      await startRun(
        context,
        {relationship, profile, kind: 'sync', verify},
        {runId, by: schedulerName, patienceMs},
      );
    onEvent({
      type: 'scheduler.run-started',
      at: new Date().toISOString(),
      ...about,
      lateMs: Math.max(0, Date.now() - dueMs),
      verify,
      runId,
    });
  } catch (error) {
    begun = false;
    onEvent({
      type: 'scheduler.start-failed',
      at: new Date().toISOString(),
      ...about,
      error: asOperatorError(error).toDocument(),
    });
  }
  await context.state.change(state => settleStart(state, start, Date.now(), begun));
}

/** Whether a run said its first word. A journal without it belongs to a run whose process never came up. */
function hasBegun(home: string, runId: string): boolean {
  try {
    return readFileSync(runFiles(home, runId).journal, 'utf8').includes('{"type":"run.started"');
  } catch {
    return false;
  }
}
