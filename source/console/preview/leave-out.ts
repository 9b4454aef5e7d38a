import type {Action, PlanCounts, Side} from '../../core/plan.js';
import {planHash} from '../../core/plan-hash.js';
import type {PreviewResult} from '../../engine/engine.js';

/**
 * Leaves an action out of a plan, or takes it in again, together with those that make no sense without it: what
 * comes into a new folder goes with the folder, and a folder cannot go while something in it stays.
 */
export function leaveOut(
  actions: readonly Action[],
  leftOut: ReadonlySet<string>,
  actionId: string,
): ReadonlySet<string> {
  const action = actions.find(other => other.id === actionId);
  if (action === undefined) return leftOut;
  const out = !leftOut.has(actionId);
  const after = new Set(leftOut);
  for (const other of [action, ...relatives(actions, action, out)]) {
    if (out) after.add(other.id);
    else after.delete(other.id);
  }
  return after;
}

function relatives(actions: readonly Action[], action: Action, out: boolean): readonly Action[] {
  const {item, kind} = action;
  if (item.type !== 'file') return [];
  // Leaving out a creation takes along what is below it, taking it in again what is above; a deletion the reverse.
  const downwards = (kind === 'delete') !== out;
  return actions.filter(other => {
    if (other === action || other.item.type !== 'file' || other.side !== action.side) return false;
    if ((other.kind === 'delete') !== (kind === 'delete')) return false;
    return downwards
      ? other.item.path.startsWith(`${item.path}/`)
      : item.path.startsWith(`${other.item.path}/`) && other.kind !== 'update';
  });
}

/** The preview as it is without what was left out: counts and hash are those of what remains. */
export function withoutLeftOut(preview: PreviewResult, leftOut: ReadonlySet<string>): PreviewResult {
  if (leftOut.size === 0) return preview;
  const known = reduced.get(leftOut);
  if (known?.from === preview) return known.to;
  const actions = preview.plan.actions.filter(action => !leftOut.has(action.id));
  const counts = countActions(actions);
  const to = {...preview, plan: {...preview.plan, actions, counts, hash: planHash(actions)}};
  reduced.set(leftOut, {from: preview, to});
  return to;
}

// Hashing a long plan takes longer than a frame, and every frame shows the counts.
const reduced = new WeakMap<
  ReadonlySet<string>,
  {readonly from: PreviewResult; readonly to: PreviewResult}
>();

function countActions(actions: readonly Action[]): PlanCounts {
  const side = (name: Side) => ({
    create: count(actions, action => action.side === name && action.kind === 'create'),
    update: count(actions, action => action.side === name && action.kind === 'update'),
    delete: count(actions, action => action.side === name && action.kind === 'delete'),
  });
  return {
    local: side('local'),
    remote: side('remote'),
    conflicts: count(actions, action => action.kind === 'conflict'),
    skipped: count(actions, action => action.kind === 'skip' && action.counted !== false),
  };
}

function count(actions: readonly Action[], matches: (action: Action) => boolean): number {
  return actions.reduce((sum, action) => sum + (matches(action) ? 1 : 0), 0);
}
