import {formatSize} from '../../core/byte-size.js';
import {livePhases, type RunPhase, runPhases} from '../../core/run-event.js';
import {formatCount, formatDuration} from '../format.js';
import type {Model} from '../model.js';
import type {RunScreen} from '../screens/run.js';
import {drawFault} from '../view/draw-list.js';
import {drawSteps} from '../view/draw-steps.js';
import {
  bold,
  cut,
  dim,
  fitText,
  type Line,
  line,
  type Marker,
  marker,
  textOf,
  widthOf,
} from '../view/lines.js';

/** Whether nothing more will come: the run has ended, or can no longer be followed. */
export function isOver(screen: RunScreen): boolean {
  return screen.finished !== undefined || screen.fault !== undefined;
}

/** Where and for how long it runs, or how it ended. */
export function stateText(screen: RunScreen, model: Model): string {
  if (screen.finished !== undefined) return `finished in ${formatDuration(screen.finished.durationMs)}`;
  if (screen.fault !== undefined) return 'not followed any more';
  if (screen.descriptor === undefined) return 'attaching ...';
  const took = formatDuration(Math.max(0, model.now - Date.parse(screen.descriptor.startedAt)));
  const detached = model.columns >= 110 ? ', detached: you may close this console' : ', you may leave';
  return `running on ${screen.descriptor.host} for ${took}${detached}`;
}

/** The phases that a run of this kind goes through. */
function phasesOf({descriptor}: RunScreen): readonly RunPhase[] {
  return descriptor?.kind === 'live' ? livePhases : runPhases;
}

/** All phases in order, each with its marker. */
export function drawPhases(screen: RunScreen, width: number): Line[] {
  const steps = phasesOf(screen).map(phase => ({
    name: phase,
    marker: markerOfPhase(screen.phases[phase], isOver(screen)),
  }));
  return drawSteps(steps, width);
}

/** Undefined for a phase that was passed over or will not come any more. */
function markerOfPhase(state: RunScreen['phases'][RunPhase], over: boolean): Marker | undefined {
  switch (state?.state) {
    case 'started':
      return over ? 'fail' : 'run';
    case 'done':
      return 'ok';
    case 'failed':
      return 'fail';
    case 'skipped':
      return undefined;
    case undefined:
      return over ? undefined : 'wait';
  }
}

const barWidth = 24;

/** `stage [########........] 68 %  412 of 606 items  41.2 MiB/s  eta 7.0 s` */
export function drawProgress(screen: RunScreen, model: Model, width: number): Line {
  const counts = dim(`${formatCount(screen.applied)} applied, ${formatCount(screen.skipped)} skipped so far`);
  const progress = screen.progress;
  if (progress === undefined) {
    const current = phasesOf(screen).findLast(phase => screen.phases[phase]?.state === 'started');
    return current === undefined ? line(' ', counts) : line(' ', bold(current), ' in progress  ', counts);
  }
  const amount = (value: number) =>
    progress.unit === 'bytes' ? formatSize(value) : `${formatCount(value)} ${progress.unit}`;
  const where = progress.side === undefined ? '' : ` at ${progress.side}`;
  const speed =
    progress.bytesPerSecond === undefined ? '' : `  ${formatSize(Math.round(progress.bytesPerSecond))}/s`;
  if (progress.total === undefined || progress.total <= 0) {
    return line(' ', bold(progress.phase), `${where}  ${amount(progress.done)}${speed}`);
  }
  const share = Math.max(0, Math.min(1, progress.done / progress.total));
  const bar = '#'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '.');
  const eta = etaText(progress, screen, model);
  const text = `${String(Math.floor(share * 100)).padStart(3)} %  ${amount(progress.done)} of ${amount(progress.total)}`;
  return line(
    ' ',
    bold(progress.phase),
    `${where} `,
    {text: `[${bar}]`, tone: 'run'},
    cut(` ${text}${speed}${eta}`, width),
  );
}

function etaText(progress: NonNullable<RunScreen['progress']>, screen: RunScreen, model: Model): string {
  const left = (progress.total ?? 0) - progress.done;
  if (left <= 0) return '';
  if (progress.unit === 'bytes' && progress.bytesPerSecond !== undefined && progress.bytesPerSecond > 0) {
    return `  eta ${formatDuration((left / progress.bytesPerSecond) * 1000)}`;
  }
  const startedMs = Date.parse(screen.descriptor?.startedAt ?? '');
  const tookMs = Math.max(Date.parse(progress.at), model.now - 2000) - startedMs;
  if (!(tookMs > 2000) || progress.done <= 0) return '';
  return `  eta ${formatDuration((tookMs / progress.done) * left)}`;
}

/** The counts of a run, on one line or, where that is too long, on two. */
function drawTotals(end: NonNullable<RunScreen['finished']>, kind: Marker, width: number): Line[] {
  const state = line(' ', marker(kind), bold(fitText(` ${end.status}`, 11)));
  const items = `${formatCount(end.applied)} applied  ${formatCount(end.skipped)} skipped  ${formatCount(end.conflicts)} conflicts  `;
  const rest = `${formatCount(end.deleted)} deleted  ${formatSize(end.bytes)} sent  ${formatDuration(end.durationMs)}`;
  const lead = widthOf(textOf(state));
  return lead + items.length + rest.length <= width
    ? [[...state, ...line(items, rest)]]
    : [[...state, ...line(items)], line(' '.repeat(lead), rest)];
}

/** The result, once there is one, with cause and remedy of a failure. */
export function drawEnd(screen: RunScreen, width: number): Line[] {
  if (screen.fault !== undefined) return drawFault(screen.fault, width);
  const end = screen.finished;
  if (end === undefined) return [];
  const kind: Marker =
    end.status === 'success'
      ? 'ok'
      : end.status === 'warning' || end.status === 'cancelled'
        ? 'warn'
        : 'fail';
  return [
    ...drawTotals(end, kind, width),
    ...(end.error === undefined ? [] : drawFault(end.error, width)),
    ...(end.members ?? []).map(member =>
      line(
        '   ',
        marker(member.status === 'success' ? 'ok' : member.status === 'warning' ? 'warn' : 'fail'),
        cut(
          ` ${member.member}  ${member.error?.message ?? `${formatCount(member.applied)} applied`}`,
          width - 8,
        ),
      ),
    ),
    ...(end.holder === undefined
      ? []
      : [line('      ', dim(`held by run ${end.holder.runId} of ${end.holder.by}; : runs attaches to it`))]),
  ];
}
