import {createHash} from 'node:crypto';
import {compareItems, type ItemRecord, itemId} from './item.js';
import type {Action, DerivedContent, Expectation, Operation} from './plan.js';

/**
 * SHA-256 in hex over what the actions do and what they expect to find (X2). Sequence numbers, ids and the
 * order of the actions do not count, so the same world gives the same hash however it was listed.
 */
export function planHash(actions: readonly Action[]): string {
  const hash = createHash('sha256');
  // A plan may have a hundred thousand actions; fewer, larger updates and flat lists keep this a fraction of a second.
  let lines: string[] = [];
  for (const action of [...actions].sort(compareActions)) {
    lines.push(essenceText(action));
    if (lines.length < 1000) continue;
    hash.update(`${lines.join('\n')}\n`);
    lines = [];
  }
  return hash.update(lines.join('\n')).digest('hex');
}

/** Canonical order of a plan: by item, then by side and kind for the rare item that has two actions. */
export function compareActions(a: Action, b: Action): number {
  return compareItems(a.item, b.item) || compareText(a.side, b.side) || compareText(a.kind, b.kind);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

type Essence = readonly (string | number | boolean | null | Essence)[];

/** An action as the hash sees it: two with the same text do the same. */
export function essenceText(action: Action): string {
  return JSON.stringify(essence(action));
}

function essence(action: Action): Essence {
  const {side, member, kind, item, reason, winner, conflict, counted, operations} = action;
  return [
    ...(member === undefined ? [] : [member]),
    side,
    kind,
    itemId(item),
    reason ?? null,
    winner ?? null,
    conflict ?? null,
    counted ?? true,
    operations.map(({side: at, operation}) => [at, ...essenceOfOperation(operation)]),
  ];
}

function essenceOfOperation(operation: Operation): Essence {
  switch (operation.op) {
    case 'put':
      return [
        operation.op,
        ...essenceOfRecord(operation.record),
        essenceOfExpectation(operation.expect),
        ...(operation.derived === undefined ? [] : [essenceOfContent(operation.derived)]),
      ];
    case 'touch':
      return [operation.op, ...essenceOfRecord(operation.record), essenceOfExpectation(operation.expect)];
    case 'delete':
    case 'adopt':
      return [operation.op, itemId(operation.item), operation.vector, essenceOfExpectation(operation.expect)];
    case 'copy-table':
      return [operation.op, operation.table, operation.keyed, essenceOfExpectation(operation.expect)];
  }
}

function essenceOfContent({key, digest, changes, here}: DerivedContent): Essence {
  return [key, digest, here, Object.entries(changes).sort(([a], [b]) => compareText(a, b))];
}

function essenceOfRecord(record: ItemRecord): Essence {
  const common = [itemId(record), record.vector, record.digest];
  return record.type === 'file' ? [...common, record.kind, record.mode, record.mtime] : common;
}

function essenceOfExpectation(expect: Expectation | undefined): Essence {
  if (expect === undefined) return [];
  return expect.state === 'absent' ? ['absent'] : [expect.digest, expect.kind ?? null, expect.mode ?? null];
}
