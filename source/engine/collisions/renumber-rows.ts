import type {Collision} from '../../core/find-collisions.js';
import type {IdColumn} from '../../core/id-blocks.js';
import {itemId} from '../../core/item.js';
import type {NaturalKey} from '../../core/natural-key.js';
import type {Side} from '../../core/plan.js';
import {isLive} from '../../core/take-over.js';
import {listIds} from '../../protocol/row-endpoints.js';
import {bothSides} from '../connect-sites.js';
import {children} from '../look-up.js';
import {type CollisionRequest, type Draft, draftOf, identify, refOfRow} from './collision-work.js';

/** Gives the losers of primary keys new ones, and lets what refers to them follow. */
export async function renumberRows(
  request: CollisionRequest,
  clashes: readonly Collision[],
  naturalKeys: ReadonlyMap<string, NaturalKey>,
  drafts: Map<string, Draft>,
): Promise<void> {
  if (clashes.length === 0) return;
  const {ends, tables, pairs, rules, signal} = request;
  const ids = await newIds(request);
  const byItem = new Map(pairs.map(pair => [itemId((pair.local ?? pair.remote)!), pair]));
  for (const {loser, keeper} of clashes) {
    const {home, record, pair} = loser;
    const next = ids(record.table, home);
    if (next === undefined) continue;
    const old = record.key[0]!;
    const draft = draftOf(drafts, home, pair);
    draft.changes[next.column] = `i${next.id}`;
    draft.key = [next.id];
    draft.reasons.push(
      `another row has ${record.table}:${old} at the ${keeper.home} site: gets the number ${next.id} (E18)`,
    );
    draft.collision = {
      kind: naturalKeys.get(record.table)!.kind,
      column: next.column,
      original: old,
      modified: next.id,
    };
    for await (const {child, parent} of children(ends[home], [refOfRow(record)], signal)) {
      const childPair = byItem.get(itemId(child));
      if (itemId(parent) !== itemId(record) || childPair?.[home] === undefined) continue;
      if (rules.source !== undefined && isLive(childPair[rules.source])) continue;
      const shape = tables[home].find(({table}) => table === child.table);
      if (shape === undefined) continue;
      const columns = shape.references
        .filter(({table, references}) => table === record.table && references[0] === next.column)
        .flatMap(reference => reference.columns);
      const [facts] = await identify(ends[home], [{row: refOfRow(child), columns, changes: {}}], signal);
      if (facts?.digest !== child.digest) continue;
      const follower = draftOf(drafts, home, childPair);
      for (const column of columns) {
        if (facts.values[column] !== `i${old}`) continue;
        follower.changes[column] = `i${next.id}`;
        const place = shape.primaryKey.indexOf(column);
        if (place >= 0) follower.key = follower.key.with(place, next.id);
      }
      if (Object.keys(follower.changes).length === 0) drafts.delete(`${home} ${itemId(child)}`);
      else follower.reasons.push(`follows ${record.table}:${old}, which is ${record.table}:${next.id} now`);
    }
  }
}

/** Deals out numbers that nobody has: those that the row's own server would issue next where it can be steered (E25). */
async function newIds({
  ends,
  tables,
  signal,
}: CollisionRequest): Promise<(table: string, home: Side) => {column: string; id: string} | undefined> {
  const columns: Record<Side, Map<string, IdColumn>> = {local: new Map(), remote: new Map()};
  for (const side of bothSides) {
    const reply = await ends[side].client.call(listIds, {params: {site: ends[side].site.name}, signal});
    for await (const column of reply) columns[side].set(column.table, column);
  }
  const given = new Map<string, bigint>();
  return (table, home) => {
    const own = columns[home].get(table);
    const key = tables[home].find(shape => shape.table === table)?.primaryKey;
    if (own === undefined || key?.length !== 1 || key[0] !== own.column) return undefined;
    const isOwn = own.steered && own.next !== undefined;
    const place = isOwn ? `${home} ${table}` : table;
    const highest = ['0', ...bothSides.map(side => columns[side].get(table)?.highest ?? '0')]
      .map(BigInt)
      .sort((a, b) => (a < b ? -1 : 1))
      .at(-1)!;
    const id = given.get(place) ?? (isOwn ? BigInt(own.next!) : highest + 1n);
    if (id > BigInt(own.limit)) return undefined;
    given.set(place, id + 1n);
    return {column: own.column, id: String(id)};
  };
}
