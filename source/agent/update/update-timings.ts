import {type UpdateStepName, type UpdateTimings, worstCaseFrom} from '../../core/update-steps.js';
import type {UpdateSettings} from './update-settings.js';

/** Milliseconds of any command that only tells or opens and closes logins. */
const commandMs = 30_000;

/** How long the parts of an update may take here. */
export function timingsOf(
  settings: UpdateSettings,
  sizes: Pick<UpdateTimings, 'archiveBytes' | 'unpackedBytes' | 'carriedBytes' | 'dataBytes'>,
): UpdateTimings {
  const {commands, health} = settings.service;
  return {
    graceMs: settings.graceMs,
    leaveMs: settings.leaveMs,
    stopMs: (commands.stop?.timeoutMs ?? 60_000) + (commands.kill?.timeoutMs ?? 0),
    startMs: commands.start?.timeoutMs ?? 60_000,
    healthMs: health.timeoutMs,
    migrateMs: commands.migrate?.timeoutMs ?? 0,
    commandMs,
    ...sizes,
  };
}

/** Whether the users can work again by then even in the worst case; a sentence when not. */
export function lateness(
  step: UpdateStepName,
  timings: UpdateTimings,
  nowMs: number,
  untilMs: number | undefined,
): string | undefined {
  if (untilMs === undefined) return undefined;
  const neededMs = worstCaseFrom(step, timings);
  if (nowMs + neededMs <= untilMs) return undefined;
  const left = Math.max(0, Math.floor((untilMs - nowMs) / 1000));
  return `In the worst case it takes ${Math.ceil(neededMs / 1000)} s until the users can work again, and the window ends in ${left} s.`;
}
