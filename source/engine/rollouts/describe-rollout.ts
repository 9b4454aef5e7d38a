import {OperatorError} from '../../core/operator-error.js';
import {formatWave, parseWave} from '../../core/rollout-waves.js';
import {parseWindow, windowAt} from '../../core/rollout-window.js';
import type {StoredRollout} from '../../state/state.js';
import type {ReleaseOffer} from './release-offer.js';
import type {RolloutDefinition} from './rollout-verbs.js';

/** A rollout as it was described and is kept: nothing of it has begun. @throws OperatorError USAGE */
export function describeRollout(
  definition: RolloutDefinition,
  {version, digest}: ReleaseOffer,
  createdBy: string,
  nowMs: number,
): StoredRollout {
  const {servers, waves, gates, approvers, items, window, scheduled, mailTo, ...plain} = definition;
  const opensMs = window === undefined ? undefined : windowAt(parseWindow(window), nowMs);
  const dueMs = opensMs?.kind === 'open' ? nowMs : opensMs?.opensMs;
  if (scheduled && dueMs === undefined)
    throw new OperatorError('USAGE', `The window ${window} does not open any more.`, {
      hint: 'Name one that is still to come.',
    });
  return {
    ...plain,
    version,
    digest,
    ...(typeof servers === 'string' ? {servers: [], cluster: servers} : {servers: [...servers]}),
    waves: waves.map((text, index) => formatWave(parseWave(text, index + 1), index + 1)),
    gates: [...new Set(gates)].sort((a, b) => a - b),
    approvers: [...approvers],
    items: items.map(item => ({...item})),
    ...(window === undefined ? {} : {window: parseWindow(window).text}),
    scheduled,
    ...(scheduled && dueMs !== undefined ? {dueAt: new Date(dueMs).toISOString()} : {}),
    ...(mailTo === undefined ? {} : {mailTo}),
    createdBy,
    createdAt: new Date(nowMs).toISOString(),
    status: 'planned',
    wanted: 'run',
    approvals: [],
    legs: [],
    members: [],
  };
}
