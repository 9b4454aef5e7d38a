import type {ServerCheck} from '../engine/engine.js';
import type {Command} from './command.js';
import type {Model} from './model.js';
import {notLoaded} from './shared-data.js';

/** How old the last check of a server may be, milliseconds; one that is lost may soon be back. */
const checkAfterMs = {well: 8_000, lost: 5_000} as const;

/** Checks that are begun at a time; hundreds of servers must cost no more than a few. */
const checksATime = 4;

/**
 * Servers that are asked again whether they answer, the one that was asked longest ago first, so that a lost one is
 * shown as such within seconds whatever screen is in sight.
 */
export function dueChecks(model: Model): Command[] {
  if (model.settings.checks === 'off') return [];
  return (model.data.servers.value ?? [])
    .map(({name}) => ({name, check: model.checks[name] ?? notLoaded}))
    .filter(({check}) => {
      const lifeMs = check.value?.kind === 'ok' ? checkAfterMs.well : checkAfterMs.lost;
      return !check.loading && model.now - (check.at ?? 0) > lifeMs;
    })
    .sort((a, b) => (a.check.at ?? 0) - (b.check.at ?? 0))
    .slice(0, checksATime)
    .map(({name}) => ({type: 'check', server: name, quick: true}));
}

/** A quick check does not ask the databases, so what they said last stands. */
export function mergeCheck(model: Model, check: ServerCheck, quick: boolean): ServerCheck {
  const {warnings, databaseFailures} = model.checks[check.server]?.value ?? {};
  if (!quick || check.kind !== 'ok') return check;
  return {
    ...check,
    ...(warnings === undefined ? {} : {warnings}),
    ...(databaseFailures === undefined ? {} : {databaseFailures}),
  };
}
