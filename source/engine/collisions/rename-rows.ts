import {type Collision, findSameNames, type KnownCandidate} from '../../core/find-collisions.js';
import {itemId} from '../../core/item.js';
import {type NaturalKey, proposeName} from '../../core/natural-key.js';
import {bothSides} from '../connect-sites.js';
import {type CollisionRequest, type Draft, draftOf, rowsWith} from './collision-work.js';

/** Names that are tried before a row is left to the database's own judgement. */
const attempts = 20;

/** Gives rows whose name another one has new names. */
export async function renameRows(
  request: CollisionRequest,
  candidates: readonly KnownCandidate[],
  naturalKeys: ReadonlyMap<string, NaturalKey>,
  drafts: Map<string, Draft>,
): Promise<void> {
  const nameAt = (table: string) => {
    const {columns, nameColumn} = naturalKeys.get(table)!;
    return columns.indexOf(nameColumn);
  };
  // A row that refers to a renumbered one, such as a folder to its parent, is not in the same place any more.
  const placed = candidates.map(candidate => {
    const draft = drafts.get(`${candidate.home} ${itemId(candidate.record)}`);
    const {columns} = naturalKeys.get(candidate.record.table)!;
    const values = candidate.values.map((value, index) => draft?.changes[columns[index]!] ?? value);
    return draft === undefined ? candidate : {...candidate, values};
  });
  const {collisions, doubtful} = findSameNames(placed, nameAt, request.rules);
  const confirmed = await confirm(request, doubtful, naturalKeys);
  const taken = new Set(placed.map(({record, values}) => JSON.stringify([record.table, values])));
  for (const {loser, keeper} of [...collisions, ...confirmed]) {
    const {record, home, pair, values} = loser;
    const naturalKey = naturalKeys.get(record.table)!;
    const {kind, columns, nameColumn, maxLength} = naturalKey;
    const position = columns.indexOf(nameColumn);
    const value = values[position];
    if (typeof value !== 'string' || !value.startsWith('t')) continue;
    const original = value.slice(1);
    const key = drafts.get(`${home} ${itemId(record)}`)?.key ?? record.key;
    const modified = await freeName(request, record.table, naturalKey, values, taken, attempt =>
      proposeName(original, key, attempt, maxLength),
    );
    if (modified === undefined) continue;
    const draft = draftOf(drafts, home, pair);
    draft.changes[nameColumn] = `t${modified}`;
    draft.reasons.push(
      `"${original}" is also the name of ${keeper.record.table}:${keeper.record.key.join(',')} ` +
        `from the ${keeper.home} site: renamed "${modified}" (E18)`,
    );
    draft.collision = {kind, column: nameColumn, original, modified};
  }
}

/** Collisions of names that the databases take for equal although they are written differently. */
async function confirm(
  {ends, signal}: CollisionRequest,
  doubtful: readonly Collision[],
  naturalKeys: ReadonlyMap<string, NaturalKey>,
): Promise<Collision[]> {
  const confirmed: Collision[] = [];
  for (const collision of doubtful) {
    const {loser, keeper} = collision;
    const {columns} = naturalKeys.get(loser.record.table)!;
    const values = Object.fromEntries(columns.map((column, index) => [column, loser.values[index] ?? null]));
    const found = await rowsWith(ends[keeper.home], loser.record.table, values, signal);
    if (found.some(key => JSON.stringify(key) === JSON.stringify(keeper.record.key)))
      confirmed.push(collision);
  }
  return confirmed;
}

/** The first name that neither side and no other row of this plan has. */
async function freeName(
  {ends, signal}: CollisionRequest,
  table: string,
  {columns, nameColumn}: NaturalKey,
  values: readonly (string | null)[],
  taken: Set<string>,
  propose: (attempt: number) => string,
): Promise<string | undefined> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const name = propose(attempt);
    const wanted = columns.map((column, index) =>
      column === nameColumn ? `t${name}` : (values[index] ?? null),
    );
    const id = JSON.stringify([table, wanted]);
    if (taken.has(id)) continue;
    const asked = Object.fromEntries(columns.map((column, index) => [column, wanted[index]!]));
    const found = await Promise.all(bothSides.map(side => rowsWith(ends[side], table, asked, signal)));
    if (found.some(keys => keys.length > 0)) continue;
    taken.add(id);
    return name;
  }
  return undefined;
}
