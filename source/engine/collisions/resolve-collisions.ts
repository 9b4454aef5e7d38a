import {applyCollisions, type Resolution} from '../../core/apply-collisions.js';
import {
  findCandidates,
  findClashes,
  type KnownCandidate,
  tablesInQuestion,
} from '../../core/find-collisions.js';
import {type ItemRecord, itemId, type RowRecord} from '../../core/item.js';
import type {ItemPair} from '../../core/merge-streams.js';
import type {NaturalKey} from '../../core/natural-key.js';
import type {Plan} from '../../core/plan.js';
import {otherSide} from '../../core/take-over.js';
import {bothSides} from '../connect-sites.js';
import {lookUp} from '../look-up.js';
import {type CollisionRequest, type Draft, identify, refOfRow} from './collision-work.js';
import {renameRows} from './rename-rows.js';
import {renumberRows} from './renumber-rows.js';

/**
 * Renames and renumbers rows that collide (E18). The rules are pure and cannot ask; what they need of the rows is asked
 * of the agents here. A plan without candidates on both sides costs nothing.
 */
export async function resolveCollisions(request: CollisionRequest): Promise<Plan> {
  const {plan, pairs, rules} = request;
  const naturalKeys = naturalKeysOf(request.tables);
  if (naturalKeys.size === 0) return plan;
  const found = findCandidates(plan, pairs, naturalKeys, rules.source);
  const tables = tablesInQuestion(found);
  const asked = found.filter(({record}) => tables.has(record.table));
  if (asked.length === 0) return plan;
  const candidates = await known(request, asked, naturalKeys);
  const clashes = findClashes(candidates, rules);
  const drafts = new Map<string, Draft>();
  await renumberRows(request, clashes, naturalKeys, drafts);
  await renameRows(request, remaining(candidates, drafts, plan), naturalKeys, drafts);
  if (drafts.size === 0) return plan;
  return applyCollisions(plan, await finish(request, [...drafts.values()]), rules);
}

/** The natural keys of the tables; the local site's word counts where both have one. */
function naturalKeysOf(tables: CollisionRequest['tables']): Map<string, NaturalKey> {
  const keys = new Map<string, NaturalKey>();
  for (const side of ['remote', 'local'] as const)
    for (const {table, naturalKey} of tables[side]) if (naturalKey !== undefined) keys.set(table, naturalKey);
  return keys;
}

async function known(
  {ends, signal}: CollisionRequest,
  candidates: readonly Omit<KnownCandidate, 'values' | 'created'>[],
  naturalKeys: ReadonlyMap<string, NaturalKey>,
): Promise<KnownCandidate[]> {
  const perSide = await Promise.all(
    bothSides.map(async side => {
      const own = candidates.filter(({home}) => home === side);
      const facts = await identify(
        ends[side],
        own.map(({record}) => {
          const {columns, createdColumn} = naturalKeys.get(record.table)!;
          return {
            row: refOfRow(record),
            columns: [...columns, ...(createdColumn ? [createdColumn] : [])],
            changes: {},
          };
        }),
        signal,
      );
      return own.flatMap((candidate, index): KnownCandidate[] => {
        const fact = facts[index];
        // Changed since the scan: the commit will notice.
        if (fact?.digest !== candidate.record.digest) return [];
        const {columns, createdColumn} = naturalKeys.get(candidate.record.table)!;
        return [
          {
            ...candidate,
            values: columns.map(column => fact.values[column] ?? null),
            ...(createdColumn === undefined ? {} : {created: fact.values[createdColumn] ?? null}),
          },
        ];
      });
    }),
  );
  return perSide.flat();
}

/** Without rows that will not be there: the losers of conflicts about one row. */
function remaining(
  candidates: readonly KnownCandidate[],
  drafts: ReadonlyMap<string, Draft>,
  plan: Plan,
): KnownCandidate[] {
  const brought = new Set(
    plan.actions.flatMap(({operations}) =>
      operations.flatMap(({side, operation}) =>
        operation.op === 'put' ? [`${otherSide(side)} ${itemId(operation.record)}`] : [],
      ),
    ),
  );
  return candidates.filter(({clashes, home, record}) => {
    const id = itemId(record);
    const isMoved = bothSides.some(side => drafts.has(`${side} ${id}`));
    return !clashes || isMoved || brought.has(`${home} ${id}`);
  });
}

function pairOf(local: ItemRecord | undefined, remote: ItemRecord | undefined): ItemPair {
  return {...(local === undefined ? {} : {local}), ...(remote === undefined ? {} : {remote})};
}

/** What the rows will be: their digests as the agents make them. */
async function finish({ends, signal}: CollisionRequest, drafts: readonly Draft[]): Promise<Resolution[]> {
  const resolutions: Resolution[] = [];
  for (const side of bothSides) {
    const own = drafts.filter(({home}) => home === side);
    const facts = await identify(
      ends[side],
      own.map(({pair, changes}) => ({row: refOfRow(pair[side] as RowRecord), columns: [], changes})),
      signal,
    );
    const refs = own.map(({pair, key}) => ({...refOfRow(pair[side] as RowRecord), key}));
    const [local, remote] = await Promise.all(bothSides.map(at => lookUp(ends[at], refs, signal)));
    for (const [index, {home, pair, changes, key, reasons, collision}] of own.entries()) {
      const fact = facts[index];
      const record = pair[side] as RowRecord;
      if (fact?.digest !== record.digest) continue;
      resolutions.push({
        home,
        pair,
        changes,
        key,
        digest: fact.changedDigest,
        former: pairOf(local![index], remote![index]),
        reason: reasons.join('; '),
        ...(collision === undefined ? {} : {collision: {...collision, table: record.table, key}}),
      });
    }
  }
  return resolutions;
}
