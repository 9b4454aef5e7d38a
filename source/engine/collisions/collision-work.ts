import type {CollisionRules} from '../../core/find-collisions.js';
import {itemId, type RowRecord, type RowRef} from '../../core/item.js';
import type {ItemPair} from '../../core/merge-streams.js';
import type {Plan, Side} from '../../core/plan.js';
import type {TableDescription} from '../../core/site-description.js';
import {findRows, identifyRows} from '../../protocol/row-endpoints.js';
import type {SiteEnd, SiteEnds} from '../connect-sites.js';
import {streamOf} from '../look-up.js';

export type CollisionRequest = {
  readonly ends: SiteEnds;
  readonly plan: Plan;
  /** What differs, as the plan was made from it. */
  readonly pairs: readonly ItemPair[];
  readonly tables: Readonly<Record<Side, readonly TableDescription[]>>;
  readonly rules: CollisionRules;
  readonly signal: AbortSignal;
};

/** A row's changes on the way to a resolution; those of several reasons come together. */
export type Draft = {
  readonly home: Side;
  readonly pair: ItemPair;
  readonly changes: Record<string, string | null>;
  key: readonly string[];
  readonly reasons: string[];
  collision?: {kind: string; column: string; original: string; modified: string};
};

/** The draft of a row, begun when there is none. */
export function draftOf(drafts: Map<string, Draft>, home: Side, pair: ItemPair): Draft {
  const record = pair[home] as RowRecord;
  const id = `${home} ${itemId(record)}`;
  const known = drafts.get(id);
  if (known !== undefined) return known;
  const draft: Draft = {home, pair, changes: {}, key: record.key, reasons: []};
  drafts.set(id, draft);
  return draft;
}

export type Question = {row: RowRef; columns: string[]; changes: Record<string, string | null>};
export type Facts = {digest: string; values: Record<string, string | null>; changedDigest: string} | null;

/** Asks a side about rows of its own; null for one that is gone. */
export async function identify(
  end: SiteEnd,
  questions: readonly Question[],
  signal: AbortSignal,
): Promise<Facts[]> {
  if (questions.length === 0) return [];
  const facts: Facts[] = [];
  const reply = await end.client.call(identifyRows, {
    params: {site: end.site.name},
    body: streamOf(questions),
    signal,
  });
  for await (const fact of reply) facts.push(fact);
  return facts;
}

export function refOfRow({table, key}: RowRecord): RowRef {
  return {type: 'row', table, key};
}

/** Keys of rows of a side that hold these values, as its database compares them. */
export async function rowsWith(
  end: SiteEnd,
  table: string,
  values: Readonly<Record<string, string | null>>,
  signal: AbortSignal,
): Promise<readonly (readonly string[])[]> {
  const reply = await end.client.call(findRows, {
    params: {site: end.site.name},
    body: streamOf([{table, values: {...values}}]),
    signal,
  });
  for await (const {keys} of reply) return keys;
  return [];
}
