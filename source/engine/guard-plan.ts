import {type GuardFinding, guardDeletions, guardError} from '../core/guard.js';
import {OperatorError} from '../core/operator-error.js';
import type {Plan, Side} from '../core/plan.js';
import type {ScanResult} from '../core/site-description.js';
import {countItems} from '../protocol/record-endpoints.js';
import type {StoredProfile} from '../state/state.js';
import {bothSides, type SiteEnd, type SiteEnds} from './connect-sites.js';

/**
 * Why a plan must not be run, if so: roots that are not what they were, more deletions than allowed (E34), too
 * little room. The agents count only where something would be deleted.
 * @param maxDelete percent, of this run alone; undefined for what the profile says
 */
export async function guardPlan(
  ends: SiteEnds,
  profile: StoredProfile,
  plan: Plan,
  scans: Readonly<Record<Side, ScanResult>>,
  options: {maxDelete: number | undefined; signal: AbortSignal},
): Promise<OperatorError | undefined> {
  const [local, remote] = await Promise.all(
    bothSides.map(side =>
      deletesAt(plan, side)
        ? countLive(ends[side], profile, options.signal)
        : Promise.resolve({files: 0, rows: 0}),
    ),
  );
  const findings: GuardFinding[] = guardDeletions({
    actions: plan.actions,
    live: {local: local!, remote: remote!},
    maxDelete: options.maxDelete ?? profile.maxDelete,
    siteMaxDelete: {local: ends.local.site.maxDelete, remote: ends.remote.site.maxDelete},
    // Where the files were not scanned the roots are present.
    roots: {local: scans.local.root, remote: scans.remote.root},
  });
  if (findings[0] !== undefined) return guardError(findings[0]);
  for (const side of bothSides) {
    const needed = bytesFor(plan, side);
    const {freeBytes} = scans[side];
    if (needed > freeBytes)
      return new OperatorError(
        'NO_SPACE',
        `The ${side} site (${ends[side].server.name}) needs ${needed} bytes and has ${freeBytes} free.`,
        {hint: 'Make room there; nothing was changed.'},
      );
  }
  return undefined;
}

/** The profile's live items at one end. */
export async function countLive(
  end: SiteEnd,
  {items, filter}: StoredProfile,
  signal: AbortSignal,
): Promise<{files: number; rows: number}> {
  return await end.client.call(countItems, {
    params: {site: end.site.name},
    body: {scope: {groups: end.site.groups, items: [...items], filter}},
    signal,
  });
}

function deletesAt(plan: Plan, side: Side): boolean {
  return plan.actions.some(({operations}) =>
    operations.some(({side: at, operation}) => at === side && operation.op === 'delete'),
  );
}

/** Content that has to lie at a side before what it replaces is gone. */
function bytesFor(plan: Plan, side: Side): number {
  let bytes = 0;
  for (const {operations} of plan.actions)
    for (const {side: at, operation} of operations)
      if (at === side && operation.op === 'put' && operation.record.type === 'file')
        bytes += operation.record.size;
  return bytes;
}
