import {type Change, combineChanges} from './change.js';
import {type DraftAction, finishPlan} from './finish-plan.js';
import {type HeldVersion, heldVersionOf} from './hold.js';
import {type ItemRecord, itemId, refOf} from './item.js';
import type {Operation, Plan, Side} from './plan.js';
import {attributesDiffer, expectationOf, isLive, sameContent} from './take-over.js';
import {bumpVector, formatVector, parseVector, type VersionVector} from './version-vector.js';

/** What is to become of one item that a run had changed at a side (X2). */
export type UndoDecision =
  | {
      readonly kind: 'put-back';
      readonly action: 'create' | 'update' | 'delete';
      readonly operation: Exclude<Operation, {op: 'adopt'}>;
    }
  /** Not as the run left it any more, or what it replaced is not in history. */
  | {readonly kind: 'kept'; readonly reason: string}
  /** It is as it was before the run already. */
  | {readonly kind: 'nothing'};

/**
 * Takes one change of a run back at the side where it was made, content, attributes and version, unless somebody
 * changed the item since.
 * @param now what the side has; undefined for nothing
 * @param replica of the side, for this kind of item
 */
export function undoChange(change: Change, now: ItemRecord | undefined, replica: string): UndoDecision {
  const {item, before, after} = change;
  if (item.type === 'table') return undoCopy(change, now);
  if (isLive(now) && now.type === 'file' && now.problem !== undefined) return kept(now.problem);
  if (after !== undefined && !isAsLeft(now, after)) {
    if (isAsLeft(now, before)) return {kind: 'nothing'};
    return kept(reasonOfChange(now, after));
  }
  const expect = expectationOf(now);
  if (!isLive(before)) {
    if (!isLive(now)) return {kind: 'nothing'};
    const vector = restoredVector('', now.vector, replica);
    return {kind: 'put-back', action: 'delete', operation: {op: 'delete', item: refOf(item), expect, vector}};
  }
  if (before.type === 'table') return {kind: 'nothing'};
  const vector = restoredVector(before.vector, now?.vector ?? '', replica);
  const record = {...before, vector: vector === '' ? bumpVector('', replica) : vector, seq: 0};
  if (record.type === 'file' && isLive(now) && sameContent(record, now))
    return {kind: 'put-back', action: 'update', operation: {op: 'touch', record, expect}};
  if (!change.restorable) return kept('its old version is not in history any more');
  return {
    kind: 'put-back',
    action: isLive(now) ? 'update' : 'create',
    operation: {op: 'put', record, expect},
  };
}

/** A table without a key goes back as a whole; one with a key that was copied is not put back row by row. */
function undoCopy({item, after, restorable}: Change, now: ItemRecord | undefined): UndoDecision {
  if (item.type !== 'table') return {kind: 'nothing'};
  if (!restorable) return kept('it was copied as a whole, and what it held is not in history any more');
  if (after === undefined || !isLive(now) || now.digest !== after.digest)
    return kept('it was changed since the run');
  const {table} = item;
  return {
    kind: 'put-back',
    action: 'update',
    operation: {op: 'copy-table', table, keyed: false, expect: expectationOf(now)},
  };
}

function kept(reason: string): UndoDecision {
  return {kind: 'kept', reason};
}

/** The same version, or the same content and attributes under another one. */
function isAsLeft(now: ItemRecord | undefined, left: ItemRecord | undefined): boolean {
  if (!sameContent(now, left)) return false;
  if (!isLive(now) || !isLive(left) || now.vector === left.vector) return true;
  return now.type !== 'file' || left.type !== 'file' || !attributesDiffer(now, left);
}

function reasonOfChange(now: ItemRecord | undefined, after: ItemRecord): string {
  if (!isLive(now)) return 'it was deleted since the run';
  return isLive(after) ? 'it was changed since the run' : 'it was made anew since the run';
}

/**
 * The version under which an old state comes back: its own, so that versions stay honest. Where the site has counted
 * edits since, its count goes on instead: a number that others have seen must never stand for something else.
 */
export function restoredVector(before: VersionVector, now: VersionVector, replica: string): VersionVector {
  const counters = parseVector(before);
  const counted = parseVector(now).get(replica) ?? 0;
  if (counted > (counters.get(replica) ?? 0)) counters.set(replica, counted + 1);
  return formatVector(counters);
}

/** One of the sites that a run took part at, as an undo sees it. */
export type UndoSite = {
  readonly side: Side;
  /** Of a run over several remote sites, which of them: `SERVER/SITE`. */
  readonly member?: string;
  /** What the run changed here, newest first. */
  readonly changes: Iterable<Change>;
  /** What is here now, by item id, of every item that was changed at any of the sites. */
  readonly now: ReadonlyMap<string, ItemRecord>;
  readonly replicas: {readonly files: string; readonly rows: string};
};

/** A plan for one site, with the history entry that each operation takes its content from. */
export type UndoPlan = {readonly plan: Plan; readonly sources: ReadonlyMap<Operation, string>};

/**
 * What an undo (or a redo) of a run would do at each of its sites (X2): every change is taken back where the run made
 * it. What was changed since is an action `skip` with the reason.
 * @param run the run that is undone; what is put back is held. Undefined for a redo, which holds nothing.
 * @returns one plan for each site, in their order
 */
export function planUndo(run: string | undefined, sites: readonly UndoSite[]): readonly UndoPlan[] {
  const decided = sites.map(site =>
    combined(site.changes).flatMap(change => {
      const {item} = change;
      const replica = site.replicas[item.type === 'file' ? 'files' : 'rows'];
      const decision = undoChange(change, site.now.get(itemId(item)), replica);
      return decision.kind === 'nothing' ? [] : [{change, decision}];
    }),
  );
  const becomes = decided.map(
    list =>
      new Map(
        list.flatMap(({change, decision}) => {
          const version = decision.kind === 'put-back' ? versionAfter(decision.operation) : undefined;
          return version === undefined ? [] : [[itemId(change.item), version] as const];
        }),
      ),
  );
  const othersOf = (own: number, id: string): readonly HeldVersion[] =>
    sites.flatMap(({now}, index) =>
      index === own ? [] : [becomes[index]!.get(id) ?? heldVersionOf(now.get(id))],
    );
  return sites.map(({side, member, now}, index) => {
    const sources = new Map<Operation, string>();
    const drafts = decided[index]!.map(({change, decision}): DraftAction => {
      const {item} = change;
      const id = itemId(item);
      const record = now.get(id);
      const common = {
        side,
        item: refOf(item),
        ...(member === undefined ? {} : {member}),
        ...(record === undefined ? {} : {before: {[side]: record}}),
      };
      if (decision.kind === 'kept') return {...common, kind: 'skip', reason: decision.reason, operations: []};
      const operation: Operation =
        run === undefined
          ? decision.operation
          : {...decision.operation, hold: {runId: run, others: othersOf(index, id)}};
      sources.set(operation, change.id);
      return {...common, kind: decision.action, operations: [{side, operation}]};
    });
    return {plan: finishPlan(drafts, []), sources};
  });
}

/** One change for each item, in the order in which they came. */
function combined(changes: Iterable<Change>): readonly Change[] {
  const byItem = new Map<string, Change[]>();
  for (const change of changes) {
    const id = itemId(change.item);
    const list = byItem.get(id);
    if (list === undefined) byItem.set(id, [change]);
    else list.push(change);
  }
  return [...byItem.values()].map(combineChanges);
}

/** The version that an operation leaves; undefined for a table, which gets a new one. */
function versionAfter(operation: Operation): HeldVersion | undefined {
  switch (operation.op) {
    case 'put':
    case 'touch':
      return heldVersionOf(operation.record);
    case 'delete':
      return {vector: operation.vector, digest: '', deleted: true};
    case 'adopt':
    case 'copy-table':
      return undefined;
  }
}

/**
 * What brings the version before a change back as a new edit of its site, which travels like any other (E10).
 * @param now what the site has
 */
export function restoreChange(change: Change, now: ItemRecord | undefined, replica: string): UndoDecision {
  const {before} = change;
  if (!isLive(before) || before.type === 'table' || !change.restorable)
    return kept('there is no old version of it in history');
  if (isLive(now) && now.type === 'file' && now.problem !== undefined) return kept(now.problem);
  if (isLive(now) && sameContent(before, now)) {
    const differ = before.type === 'file' && now.type === 'file' && attributesDiffer(before, now);
    if (!differ) return {kind: 'nothing'};
  }
  const record = {...before, vector: bumpVector(now?.vector ?? before.vector, replica), seq: 0};
  const expect = expectationOf(now);
  if (record.type === 'file' && isLive(now) && sameContent(record, now))
    return {kind: 'put-back', action: 'update', operation: {op: 'touch', record, expect}};
  return {
    kind: 'put-back',
    action: isLive(now) ? 'update' : 'create',
    operation: {op: 'put', record, expect},
  };
}
