import {describeFailure} from '../core/after-sync.js';
import {formatSize} from '../core/byte-size.js';
import {countOf} from '../core/count-of.js';
import type {RunEvent, RunKind, RunStatus, RunSummary} from '../core/run-event.js';
import {formatDuration, formatItem, printable} from './format.js';
import type {Look, Output} from './output.js';

const looks: Record<RunStatus, Look> = {
  success: 'good',
  warning: 'careful',
  failed: 'bad',
  cancelled: 'careful',
  restored: 'bad',
  refused: 'bad',
};

/** A run's status in its colour; the word alone says it too. */
export function lookOfStatus(status: string, output: Output): string {
  const look = looks[status as RunStatus];
  return look === undefined ? status : output.look(look, status);
}

/** What a run is about: `pair/all`, `initial sync of pair`, `undo of 2026…`, `restore at here/main`. */
export function whatOf(run: {
  kind: RunKind;
  relationship: string;
  profile: string;
  undoes?: string;
  redoes?: string;
  site?: string;
  live?: string;
}): string {
  switch (run.kind) {
    case 'sync':
      return `${run.relationship}/${run.profile}`;
    case 'initial-sync':
      return `${run.relationship}/${run.profile} (initial sync)`;
    case 'undo':
      return `undo of ${run.undoes} (${run.live ?? `${run.relationship}/${run.profile}`})`;
    case 'redo':
      return `redo of ${run.redoes} (${run.live ?? `${run.relationship}/${run.profile}`})`;
    case 'restore':
      return `restore at ${run.site}`;
    case 'live':
      return `live sync ${run.live}`;
  }
}

/** A run's event as a line for people, or undefined for what is only drawn (progress) or not worth a line. */
export function lineOfEvent(event: RunEvent, output: Output): string | undefined {
  switch (event.type) {
    case 'hello':
    case 'run.progress':
      return undefined;
    case 'run.started':
      return printable(
        `run ${event.runId}  ${whatOf(event)}${event.direction === 'none' ? '' : `  ${event.direction}`}`,
      );
    case 'run.phase':
      // What is skipped or starts says nothing that its end does not.
      if (event.state !== 'done' && event.state !== 'failed') return undefined;
      // Of a phase of a live sync its own end is enough; what happened within is in the log.
      if (event.within !== undefined && event.state === 'done') return undefined;
      return printable(
        `${event.state === 'done' ? 'ok   ' : 'fail '} ${[event.phase, event.tenant, event.member]
          .filter(part => part !== undefined)
          .join(' ')
          .padEnd(13)} ${event.detail ?? ''}`,
      ).trimEnd();
    case 'run.message':
      return printable(`${event.level === 'warn' ? 'warn ' : '     '} ${event.text}`);
    case 'run.item':
      // Applied items may be a million; the log has them.
      if (event.outcome === 'applied') return undefined;
      return printable(
        `${event.outcome === 'kept' ? 'keep ' : 'skip '} ${formatItem(event.item)}${event.member === undefined ? '' : ` at ${event.member}`}: ${event.error ?? event.outcome}`,
      );
    case 'run.after-sync':
      return printable(
        `${event.outcome === 'done' ? 'ok   ' : 'warn '} ${event.site}: ${event.name}${event.outcome === 'done' ? '' : `: ${describeFailure(event)}`}`,
      );
    case 'run.finished':
      return `${lookOfStatus(event.status, output)}  ${describeSummary(event)}`;
  }
}

/** `12 applied, 1 skipped, 1.8 MiB sent in 2 s`. */
export function describeSummary(summary: RunSummary): string {
  return [
    `${summary.applied} applied`,
    ...(summary.deleted > 0 ? [`${summary.deleted} of them deleted`] : []),
    ...(summary.conflicts > 0 ? [countOf(summary.conflicts, 'conflict')] : []),
    ...(summary.collisions > 0
      ? [`${countOf(summary.collisions, 'collision')} to review (lockstep collisions list)`]
      : []),
    `${summary.skipped} skipped`,
    `${formatSize(summary.bytes)} sent in ${formatDuration(summary.durationMs)}`,
  ].join(', ');
}

/** What is being done, how far, how fast: for a line that is drawn over. */
export function describeProgress(event: Extract<RunEvent, {type: 'run.progress'}>): string {
  const amount = (value: number) => (event.unit === 'bytes' ? formatSize(value) : `${value} ${event.unit}`);
  const share =
    event.total === undefined || event.total === 0
      ? amount(event.done)
      : `${Math.floor((100 * event.done) / event.total)} % of ${amount(event.total)}`;
  const speed = event.bytesPerSecond === undefined ? '' : `  ${formatSize(event.bytesPerSecond)}/s`;
  return `${event.phase}${event.side === undefined ? '' : ` ${event.side}`}  ${share}${speed}`;
}
