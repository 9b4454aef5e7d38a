import {type ItemRecord, type ItemRef, itemId, refOf} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import type {Expectation, Operation, Plan, Side} from '../../core/plan.js';
import {isLive, otherSide} from '../../core/take-over.js';
import {bothSides, type SiteEnds} from '../connect-sites.js';
import {lookUp} from '../look-up.js';

/**
 * Refuses a saved plan when anything that it mentions is not what it was (X2, CLI.md). The agents check
 * the same once more in the commit itself; this finds out before either side has changed.
 * @throws OperatorError STALE_PLAN
 */
export async function checkPlan(ends: SiteEnds, plan: Plan, signal: AbortSignal): Promise<void> {
  await Promise.all(
    bothSides.map(async side => {
      const mentioned = mentionedAt(plan, side);
      const found = await lookUp(
        ends[side],
        mentioned.map(({item}) => item),
        signal,
      );
      for (const [index, {item, holds}] of mentioned.entries())
        if (!holds(found[index])) throw stale(ends, side, item);
    }),
  );
}

type Mention = {item: ItemRef; holds(record: ItemRecord | undefined): boolean};

function mentionedAt(plan: Plan, side: Side): Mention[] {
  const mentions: Mention[] = [];
  for (const {kind, item, before, operations} of plan.actions) {
    if (kind === 'skip') continue;
    if (before !== undefined)
      mentions.push({item: refOf(item), holds: record => isSame(before[side], record)});
    for (const {side: at, operation} of operations) {
      if (operation.op === 'copy-table' && operation.expect === undefined) continue;
      const about = itemOf(operation);
      const content = derivedFrom(operation);
      if (content !== undefined && (at === side) === content.here)
        mentions.push({
          item: content.item,
          holds: record => isLive(record) && record.digest === content.digest,
        });
      if (at === side) mentions.push({item: about, holds: record => meets(record, operation.expect!)});
      else if (content !== undefined) continue;
      else if (at === otherSide(side) && (operation.op === 'put' || operation.op === 'touch'))
        mentions.push({item: about, holds: record => hasContent(record, operation.record)});
    }
  }
  return mentions;
}

/** The row that an operation takes its content from, where that is not the one it writes (E18). */
function derivedFrom(operation: Operation): {item: ItemRef; digest: string; here: boolean} | undefined {
  if (operation.op !== 'put' || operation.record.type !== 'row' || operation.derived === undefined)
    return undefined;
  const {table} = operation.record;
  const {key, digest, here} = operation.derived;
  return {item: {type: 'row', table, key}, digest, here};
}

/** The item that an operation is about. */
export function itemOf(operation: Operation): ItemRef {
  if (operation.op === 'copy-table') return {type: 'table', table: operation.table};
  return refOf('record' in operation ? operation.record : operation.item);
}

/** Same version and same content; what is gone equals what was never there. */
function isSame(before: ItemRecord | undefined, now: ItemRecord | undefined): boolean {
  if (!isLive(before) || !isLive(now)) return isLive(before) === isLive(now);
  if (before.vector !== now.vector) return false;
  return hasContent(now, before);
}

function hasContent(record: ItemRecord | undefined, wanted: ItemRecord): boolean {
  if (!isLive(record) || itemId(record) !== itemId(wanted) || record.digest !== wanted.digest) return false;
  if (record.type !== 'file' || wanted.type !== 'file') return true;
  // Links have no permissions, and the time of a folder is not a change.
  if (record.kind !== wanted.kind) return false;
  if (record.kind === 'link') return true;
  return record.mode === wanted.mode && (record.kind === 'folder' || record.mtime === wanted.mtime);
}

function meets(record: ItemRecord | undefined, expect: Expectation): boolean {
  if (expect.state === 'absent') return !isLive(record);
  if (!isLive(record) || record.digest !== expect.digest) return false;
  if (record.type !== 'file') return true;
  return (
    (expect.kind === undefined || record.kind === expect.kind) &&
    (expect.mode === undefined || record.mode === expect.mode)
  );
}

function stale(ends: SiteEnds, side: Side, item: ItemRef): OperatorError {
  return new OperatorError(
    'STALE_PLAN',
    `The plan is stale: ${nameOf(item)} has changed at ${ends[side].server.name} since.`,
    {hint: 'Take a new preview and save that. Nothing was changed.', details: {side, item}},
  );
}

/** An item as people read it. */
export function nameOf(item: ItemRef): string {
  switch (item.type) {
    case 'file':
      return item.path;
    case 'row':
      return `${item.table}:${item.key.length === 1 ? item.key[0] : JSON.stringify(item.key)}`;
    case 'table':
      return `the table ${item.table}`;
  }
}
