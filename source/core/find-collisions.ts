import {itemId, type RowRecord} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {NaturalKey} from './natural-key.js';
import type {Plan, Side} from './plan.js';
import {isLive, otherSide, type ReplicaPair} from './take-over.js';
import {parseVector} from './version-vector.js';

/** A changed row that will be on both sides, or is in the way of one at the destination. */
export type Candidate = {
  /** The side that has it. */
  readonly home: Side;
  readonly record: RowRecord;
  readonly pair: ItemPair;
  /** The other side has another row under the same primary key. */
  readonly clashes: boolean;
};

/** What a side told of a candidate; values on the wire. */
export type CandidateFacts = {
  /** The natural key's values in the order of its columns. */
  readonly values: readonly (string | null)[];
  /** When the row was made, if a column says so. */
  readonly created?: string | null;
};

export type KnownCandidate = Candidate & CandidateFacts;

/** A row that gets another name or another primary key, because of the row that keeps it. */
export type Collision = {readonly loser: KnownCandidate; readonly keeper: KnownCandidate};

export type CollisionRules = {
  /** The side whose rows stay as they are; undefined when both may change. */
  readonly source?: Side;
  readonly replicas: ReplicaPair;
  /** Numbers of the servers (E25). */
  readonly numbers: Readonly<Partial<Record<Side, number>>>;
};

/**
 * Rows between which collisions are possible (E18): in tables with a natural key, those that the plan brings to the
 * other side; when one side is the source, also the destination's own new ones; and both rows of one primary key that
 * the sides made independently.
 */
export function findCandidates(
  plan: Pick<Plan, 'actions'>,
  pairs: Iterable<ItemPair>,
  naturalKeys: ReadonlyMap<string, NaturalKey>,
  source: Side | undefined,
): Candidate[] {
  const brought = new Set<string>();
  for (const {operations} of plan.actions)
    for (const {side, operation} of operations)
      if (operation.op === 'put' && operation.record.type === 'row')
        brought.add(`${side} ${itemId(operation.record)}`);
  const candidates: Candidate[] = [];
  for (const pair of pairs) {
    const record = pair.local ?? pair.remote;
    if (record?.type !== 'row' || !naturalKeys.has(record.table)) continue;
    const id = itemId(record);
    const clashes = isClash(pair);
    for (const home of ['local', 'remote'] as const) {
      const own = pair[home];
      if (!isLive(own) || own.type !== 'row') continue;
      const travels = brought.has(`${otherSide(home)} ${id}`);
      const stands = source === otherSide(home) && pair[source] === undefined;
      // Where nothing is brought either way, the row is held or skipped and stays out of it.
      const takesPart = clashes && (travels || brought.has(`${home} ${id}`));
      if (travels || stands || takesPart) candidates.push({home, record: own, pair, clashes: takesPart});
    }
  }
  return candidates;
}

/** Whether both sides made a row under one primary key without knowing of the other's. */
function isClash({local, remote}: ItemPair): boolean {
  if (!isLive(local) || !isLive(remote) || local.digest === remote.digest) return false;
  const known = parseVector(remote.vector);
  return ![...parseVector(local.vector).keys()].some(replica => known.has(replica));
}

/** Tables in which both sides have candidates. */
export function tablesInQuestion(candidates: readonly Candidate[]): Set<string> {
  const sides = new Map<string, Set<Side>>();
  for (const {home, record} of candidates)
    sides.set(record.table, (sides.get(record.table) ?? new Set<Side>()).add(home));
  return new Set([...sides].filter(([, homes]) => homes.size === 2).map(([table]) => table));
}

/**
 * Different rows under one primary key: their natural keys differ. The one that others may know already keeps it, else
 * the earlier one. With equal natural keys they are one row that was made twice, and that is a conflict.
 */
export function findClashes(candidates: readonly KnownCandidate[], rules: CollisionRules): Collision[] {
  const byItem = new Map<string, KnownCandidate[]>();
  for (const candidate of candidates)
    if (candidate.clashes) {
      const id = itemId(candidate.record);
      byItem.set(id, [...(byItem.get(id) ?? []), candidate]);
    }
  return [...byItem.values()].flatMap(rows => {
    const [a, b] = rows;
    if (a === undefined || b === undefined || sameName(a, b)) return [];
    const later = rules.source === undefined ? laterOf(a, b, rules, true) : a.home === rules.source ? b : a;
    return [{loser: later, keeper: later === a ? b : a}];
  });
}

/**
 * Different rows of one natural key, one from each side. The side of the earliest keeps its rows; those of the other
 * side are renamed. `isSame` confirms rows that differ in case or Unicode form only.
 */
export function findSameNames(
  candidates: readonly KnownCandidate[],
  nameAt: (table: string) => number,
  rules: CollisionRules,
): {collisions: Collision[]; doubtful: Collision[]} {
  const collisions: Collision[] = [];
  const doubtful: Collision[] = [];
  const groups = Map.groupBy(
    candidates.filter(({record, values}) => (values[nameAt(record.table)] ?? 't') !== 't'),
    ({record, values}) => JSON.stringify([record.table, values.map(folded)]),
  );
  for (const group of groups.values()) {
    const first = group.reduce((earliest, row) => {
      if (rules.source !== undefined) return row.home === rules.source ? row : earliest;
      return laterOf(earliest, row, rules, false) === earliest ? row : earliest;
    });
    for (const loser of group) {
      if (loser.home === first.home || (rules.source !== undefined && loser.home === rules.source)) continue;
      // The same row made on both sides is a conflict, not a collision.
      const others = group.filter(
        row => row.home === first.home && itemId(row.record) !== itemId(loser.record),
      );
      const keeper = others.find(row => sameName(row, loser)) ?? others[0];
      if (keeper === undefined) continue;
      (sameName(keeper, loser) ? collisions : doubtful).push({loser, keeper});
    }
  }
  return {collisions, doubtful};
}

function sameName(a: CandidateFacts, b: CandidateFacts): boolean {
  return a.values.length === b.values.length && a.values.every((value, index) => value === b.values[index]);
}

/** As the most forgiving database compares names. */
function folded(value: string | null): string | null {
  return value === null ? null : value.normalize('NFKC').toLowerCase().trimEnd();
}

/**
 * Which of two rows came later (E18): by their creation times, else the one of the server with the higher number, else
 * the one with the higher key. Whoever asks, and from whichever side, gets the same answer.
 * @param byTravel a row that has left its server is the earlier one, because others refer to it
 */
function laterOf(
  a: KnownCandidate,
  b: KnownCandidate,
  {replicas, numbers}: CollisionRules,
  byTravel: boolean,
): KnownCandidate {
  const order =
    (byTravel ? Number(isOwn(a, replicas)) - Number(isOwn(b, replicas)) : 0) ||
    compareTimes(a.created, b.created) ||
    (numbers[a.home] ?? 0) - (numbers[b.home] ?? 0) ||
    compareKeys(a.record.key, b.record.key) ||
    (a.home === 'remote' ? 1 : -1);
  return order > 0 ? a : b;
}

/** Whether only its own site has ever changed the row. */
function isOwn({record, home}: Candidate, replicas: ReplicaPair): boolean {
  return [...parseVector(record.vector).keys()].every(replica => replica === replicas[home]);
}

/** Times on the wire: numbers by value, all others as text, which orders ISO 8601. */
function compareTimes(a: string | null | undefined, b: string | null | undefined): number {
  if (!a || !b || a === b) return 0;
  const number = /^[ir]-?[0-9.]/;
  if (number.test(a) && number.test(b)) return Number(a.slice(1)) - Number(b.slice(1));
  return a[0] !== b[0] ? 0 : a < b ? -1 : 1;
}

function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index] ?? '';
    if (part === other) continue;
    const integer = /^-?\d{1,40}$/;
    if (integer.test(part) && integer.test(other)) return BigInt(part) < BigInt(other) ? -1 : 1;
    return part < other ? -1 : 1;
  }
  return 0;
}
