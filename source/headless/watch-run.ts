import {type ErrorCode, errorCodes} from '../core/error-codes.js';
import {OperatorError} from '../core/operator-error.js';
import {exitCodeOf, type RunEvent} from '../core/run-event.js';
import type {Engine} from '../engine/engine.js';
import type {CommandContext} from './command-context.js';
import type {Output} from './output.js';
import {describeProgress, lineOfEvent} from './run-line.js';
import {stayWith} from './stay-with.js';

/** How a command that starts a run stays with it. */
export type WatchMode = {readonly attached?: boolean; readonly detach?: boolean};

/** Starts a run and stays with it as asked. Resolves with the exit status. */
export async function attach(
  context: CommandContext,
  engine: Engine,
  mode: WatchMode,
  start: () => Promise<{runId: string}>,
): Promise<number> {
  const {runId} = await start();
  if (mode.detach === true) {
    if (context.options.json) context.output.document({runId});
    else context.output.print(runId);
    return 0;
  }
  return watch(context, engine, runId, mode.attached === true);
}

type RunFinished = RunEvent & {type: 'run.finished'};

/**
 * Follows a run to its end and resolves with the exit status it stands for (CLI.md, "Exit status"). A signal
 * detaches: the run goes on. With `cancelOnInterrupt` the first SIGINT cancels the run and waits for its
 * end; the second detaches.
 */
export async function watch(
  context: CommandContext,
  engine: Engine,
  runId: string,
  cancelOnInterrupt: boolean,
): Promise<number> {
  const {output} = context;
  let interrupted = false;
  const end = await stayWith<RunEvent, RunFinished>(context, {
    watch: signal => engine.runs.watch(runId, {signal}),
    isFinished: event => event.type === 'run.finished',
    show: event => show(output, event),
    leaving: `The run ${runId} goes on. Watch it with \`lockstep runs watch ${runId}\`, end it with \`lockstep runs cancel ${runId}\`.`,
    brokenOff: () =>
      new OperatorError('RUN_DIED', `The journal of ${runId} ends before the run does.`, {
        hint: 'Run it again: what was applied is kept, the rest is done then.',
      }),
    heed(signal) {
      if (signal !== 'SIGINT' || !cancelOnInterrupt || interrupted) return false;
      interrupted = true;
      output.tell(`Cancelling ${runId} cleanly; once more Ctrl-C leaves it to itself.`);
      engine.runs.cancel(runId).catch((error: unknown) => {
        output.tell(`It could not be cancelled: ${error instanceof Error ? error.message : String(error)}`);
      });
      return true;
    },
  });
  if (end.finished === undefined) return end.exitCode;
  if (interrupted && end.finished.status === 'cancelled') return 130;
  return exitCodeOf(end.finished, exitOfCode);
}

function show(output: Output, event: RunEvent): void {
  if (event.type === 'run.progress') {
    output.draw(describeProgress(event));
    return;
  }
  const line = lineOfEvent(event, output);
  if (line !== undefined) output.print(line);
  if (event.type === 'run.finished' && event.error !== undefined)
    output.tell(
      `${event.error.code}: ${event.error.message}${event.error.hint === undefined ? '' : `\n  ${event.error.hint}`}`,
    );
}

function exitOfCode(code: string): number {
  return code in errorCodes ? errorCodes[code as ErrorCode].exit : 1;
}
