import type {CollisionRules} from './find-collisions.js';
import {type DraftAction, finishPlan} from './finish-plan.js';
import {type ItemRef, itemId, type RowRecord, refOf} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {Action, DerivedContent, Operation, Plan, PlannedCollision, Side, SideOperation} from './plan.js';
import {beforeOf, expectationOf, isLive, otherSide, takeOver} from './take-over.js';
import {bumpVector, mergeVectors, type VersionVector} from './version-vector.js';

/** A row that is changed, at its home and wherever it goes, so that it collides with no other (E18). */
export type Resolution = {
  /** The side that has the row. */
  readonly home: Side;
  readonly pair: ItemPair;
  readonly changes: Readonly<Record<string, string | null>>;
  /** Primary key and digest of the row afterwards. */
  readonly key: readonly string[];
  readonly digest: string;
  /** What both sides know of a row that had the new key before; it is gone, but its version counts. */
  readonly former?: ItemPair;
  readonly reason: string;
  /** Absent for a row that only follows another one. */
  readonly collision?: PlannedCollision;
};

type Rules = Pick<CollisionRules, 'source' | 'replicas'>;

/**
 * The plan with its collisions resolved. Actions of the rows in question are replaced; a row that is part of a conflict
 * of several rows stays as it was decided.
 */
export function applyCollisions(plan: Plan, resolutions: readonly Resolution[], rules: Rules): Plan {
  const shared = sharedItems(plan.actions);
  const usable = resolutions.filter(({pair}) => !shared.has(itemId(recordOf(pair))));
  if (usable.length === 0) return plan;
  const byItem = Map.groupBy(usable, ({pair}) => itemId(recordOf(pair)));
  const kept = plan.actions.filter(({item}) => !byItem.has(itemId(item)));
  const replaced = [...byItem.values()].flatMap(rows => actionsOf(rows, rules));
  const adoptions = plan.adoptions.filter(({operation}) => !byItem.has(itemId(itemOf(operation))));
  return finishPlan([...kept, ...replaced], adoptions);
}

/** Rows that are decided together with others. */
function sharedItems(actions: readonly Action[]): Set<string> {
  const shared = new Set<string>();
  for (const {operations} of actions) {
    const items = new Set(operations.map(({operation}) => itemId(itemOf(operation))));
    if (items.size > 1) for (const item of items) shared.add(item);
  }
  return shared;
}

function actionsOf(rows: readonly Resolution[], rules: Rules): DraftAction[] {
  const moved = rows.find(({key, pair}) => itemId({...rowOf(pair), key}) !== itemId(rowOf(pair)));
  return moved === undefined
    ? changeInPlace(rows[0]!, rules)
    : move(
        moved,
        rows.find(row => row !== moved),
        rules,
      );
}

/** The row keeps its key and gets other values on both sides. */
function changeInPlace(row: Resolution, rules: Rules): DraftAction[] {
  const {home, pair, reason, collision} = row;
  const away = otherSide(home);
  const vector = nextVector(pair, home, rules);
  const common = {item: refOf(recordOf(pair)), before: beforeOf(pair), reason};
  const atHome: DraftAction = {
    ...common,
    side: home,
    kind: 'update',
    ...(collision === undefined ? {} : {collision}),
    operations: [put(row, home, vector, pair)],
  };
  if (rules.source !== undefined) return [atHome];
  return [
    {
      ...common,
      side: away,
      kind: isLive(pair[away]) ? 'update' : 'create',
      operations: [put(row, away, vector, pair)],
    },
    atHome,
  ];
}

/**
 * The row gets another key. What is then under its old one is the other side's row, if there is one. All that happens at
 * the row's home is one action: the content has to be taken before it is overwritten.
 * @param keeper how the row that keeps the key is changed itself
 */
function move(row: Resolution, keeper: Resolution | undefined, rules: Rules): DraftAction[] {
  const {home, pair, reason, collision} = row;
  const away = otherSide(home);
  const writer = rules.source === undefined ? 'remote' : home;
  const vector = bumpVector(
    mergeVectors(row.former?.local?.vector ?? '', row.former?.remote?.vector ?? ''),
    rules.replicas[writer],
  );
  const before = beforeOf(pair);
  const arrival: DraftAction = {
    side: away,
    kind: 'create',
    item: {...rowOf(pair), key: row.key},
    reason,
    operations: [put(row, away, vector, {})],
  };
  // The keeper's own change: first where the row was, then at the keeper's home.
  const [taken, kept] = keeper === undefined ? [] : changeInPlace(keeper, rules);
  const left: readonly SideOperation[] =
    taken !== undefined
      ? taken.operations
      : isLive(pair[away])
        ? takeOver(pair, away, rules.replicas)
        : [
            {
              side: home,
              operation: {
                op: 'delete',
                item: rowOf(pair),
                expect: expectationOf(pair[home]),
                vector: nextVector(pair, home, rules),
              },
            },
          ];
  const atHome: DraftAction = {
    side: home,
    kind: 'update',
    item: rowOf(pair),
    before,
    reason,
    ...(collision === undefined ? {} : {collision}),
    operations: [put(row, home, vector, {}), ...left],
  };
  if (rules.source !== undefined) return [atHome];
  return [arrival, atHome, ...(kept === undefined ? [] : [kept])];
}

function put(row: Resolution, side: Side, vector: VersionVector, target: ItemPair): SideOperation {
  const {home, pair, changes, key, digest} = row;
  const own = pair[home] as RowRecord;
  const derived: DerivedContent = {key: own.key, digest: own.digest, changes, here: side === home};
  const record: RowRecord = {...own, key, digest, vector};
  return {side, operation: {op: 'put', record, expect: expectationOf(target[side]), derived}};
}

/**
 * Newer than all that is known of the row. It counts as an edit of the side that commits first, which is the remote
 * one: a counter that the other side could hand out itself in the meantime would make its next edit look old.
 */
function nextVector({local, remote}: ItemPair, home: Side, {replicas, source}: Rules): VersionVector {
  const known = mergeVectors(local?.vector ?? '', remote?.vector ?? '');
  return bumpVector(known, replicas[source === undefined ? 'remote' : home]);
}

function recordOf({local, remote}: ItemPair): RowRecord {
  return (local ?? remote) as RowRecord;
}

function rowOf(pair: ItemPair) {
  const {table, key} = recordOf(pair);
  return {type: 'row', table, key} as const;
}

function itemOf(operation: Operation): ItemRef {
  if (operation.op === 'copy-table') return {type: 'table', table: operation.table};
  return 'record' in operation ? operation.record : operation.item;
}
