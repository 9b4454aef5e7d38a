import {OperatorError} from './operator-error.js';
import type {Action, Side} from './plan.js';
import type {RootState} from './site-description.js';

/** Why a run must not go on (DESIGN.md, "Life of a sync run", 6; E34). */
export type GuardFinding =
  | {readonly kind: 'root-missing'; readonly side: Side; readonly detail: string}
  | {readonly kind: 'root-changed'; readonly side: Side; readonly detail: string}
  | {readonly kind: 'root-emptied'; readonly side: Side; readonly before: number}
  | {
      readonly kind: 'mass-deletion';
      readonly side: Side;
      readonly what: 'files' | 'rows';
      readonly deletes: number;
      /** The profile's live items on that side, before the run. */
      readonly live: number;
      /** Percent. */
      readonly limit: number;
    };

export type LiveCounts = {readonly files: number; readonly rows: number};

export type GuardInput = {
  readonly actions: readonly Action[];
  /** The profile's live items on each side. */
  readonly live: Readonly<Record<Side, LiveCounts>>;
  /** Of the profile or of `--max-delete`, percent. */
  readonly maxDelete: number;
  /** The site's own ceilings, percent, where it sets one. */
  readonly siteMaxDelete?: Readonly<Partial<Record<Side, number | undefined>>>;
  /** How the roots look; leave out for a profile without files. */
  readonly roots?: Readonly<Record<Side, RootState>>;
};

/**
 * Stops a run that would delete more than a share of a side (E34), files and rows apart. A root that is missing
 * or is another one always halts; one that suddenly is empty does unless everything may be deleted.
 */
export function guardDeletions(input: GuardInput): GuardFinding[] {
  return (['local', 'remote'] as const).flatMap(side => [
    ...guardRoot(input, side),
    ...guardShare(input, side),
  ]);
}

function guardRoot({roots, maxDelete}: GuardInput, side: Side): GuardFinding[] {
  const root = roots?.[side];
  switch (root?.kind) {
    case 'missing':
      return [{kind: 'root-missing', side, detail: root.detail}];
    case 'changed':
      return [{kind: 'root-changed', side, detail: root.detail}];
    case 'emptied':
      return maxDelete >= 100 ? [] : [{kind: 'root-emptied', side, before: root.before}];
    case 'present':
    case undefined:
      return [];
  }
}

function guardShare({actions, live, maxDelete, siteMaxDelete}: GuardInput, side: Side): GuardFinding[] {
  const limit = Math.min(maxDelete, siteMaxDelete?.[side] ?? 100);
  const deletes = countDeletes(actions, side);
  return (['files', 'rows'] as const)
    .filter(what => deletes[what] * 100 > live[side][what] * limit)
    .map(what => ({
      kind: 'mass-deletion',
      side,
      what,
      deletes: deletes[what],
      live: live[side][what],
      limit,
    }));
}

function countDeletes(actions: readonly Action[], side: Side): {files: number; rows: number} {
  const counts = {files: 0, rows: 0};
  for (const action of actions)
    for (const {side: at, operation} of action.operations)
      if (at === side && operation.op === 'delete')
        counts[operation.item.type === 'file' ? 'files' : 'rows'] += 1;
  return counts;
}

/** A finding as the operator is told of it. */
export function guardError(finding: GuardFinding): OperatorError {
  const {side} = finding;
  switch (finding.kind) {
    case 'root-missing':
      return new OperatorError(
        'ROOT_MISSING',
        `The root folder of the ${side} site is missing: ${finding.detail}`,
        {
          hint: 'Mount or restore it; nothing was changed.',
          details: finding,
        },
      );
    case 'root-changed':
      return new OperatorError(
        'ROOT_CHANGED',
        `The root folder of the ${side} site is another one than before: ${finding.detail}`,
        {
          hint: 'Check what is mounted there; nothing was changed.',
          details: finding,
        },
      );
    case 'root-emptied':
      return new OperatorError(
        'ROOT_EMPTIED',
        `The root folder of the ${side} site is empty and held ${finding.before} items before.`,
        {hint: 'If it really was emptied, run once with --max-delete 100%.', details: finding},
      );
    case 'mass-deletion': {
      const share = finding.live === 0 ? 100 : Math.round((finding.deletes * 1000) / finding.live) / 10;
      return new OperatorError(
        'MASS_DELETION',
        `The run would delete ${finding.deletes} of ${finding.live} ${finding.what} (${share} %) at the ${side} site; ${finding.limit} % are allowed.`,
        {hint: 'Look at the preview; if it is right, run once with a higher --max-delete.', details: finding},
      );
    }
  }
}
