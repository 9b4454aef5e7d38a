import type {DraftAction} from './finish-plan.js';
import {itemId, type TableRecord} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {Side} from './plan.js';
import type {Direction} from './profile.js';
import type {TableDescription} from './site-description.js';
import {compileTablePatterns} from './table-patterns.js';
import {beforeOf, expectationOf, heldAction, isLive, otherSide} from './take-over.js';

export type TablePair = Readonly<Partial<Record<Side, TableDescription>>>;

/** What the schemas of both sides allow. */
export type TableFindings = {
  /** Tables whose rows can be compared one by one. */
  readonly keyed: ReadonlySet<string>;
  /** Tables that both sides have alike, without a primary key. */
  readonly keyless: ReadonlySet<string>;
  /** One skip for every table that cannot take part, naming what is missing. */
  readonly skips: readonly DraftAction[];
};

/**
 * Compares the schemas (CLI.md): a table or column that one side lacks leaves that table out and no other. A
 * table that either site excludes (E31) takes no part and is not mentioned, also when the site does not have it.
 * @param excluded patterns of both sides
 */
export function compareTables(
  tables: Readonly<Record<Side, readonly TableDescription[]>>,
  target: Side,
  excluded: readonly string[] = [],
): TableFindings {
  const isExcluded = compileTablePatterns(excluded);
  const keyed = new Set<string>();
  const keyless = new Set<string>();
  const skips: DraftAction[] = [];
  for (const [table, pair] of pairTables(tables)) {
    if (isExcluded(table)) continue;
    const found = findProblem(pair);
    if (found !== undefined)
      skips.push({
        side: found.side ?? target,
        kind: 'skip',
        item: {type: 'table', table},
        reason: `${table}: ${found.reason}`,
        ...(found.conflict === undefined ? {} : {conflict: found.conflict}),
        operations: [],
      });
    else (pair.local!.primaryKey.length === 0 ? keyless : keyed).add(table);
  }
  return {keyed, keyless, skips};
}

/** The tables of both sides by name. */
export function pairTables(
  tables: Readonly<Record<Side, readonly TableDescription[]>>,
): Map<string, TablePair> {
  const pairs = new Map<string, {-readonly [S in Side]?: TableDescription}>();
  for (const side of ['local', 'remote'] as const)
    for (const description of tables[side]) {
      const pair = pairs.get(description.table) ?? {};
      pair[side] = description;
      pairs.set(description.table, pair);
    }
  return pairs;
}

type TableProblem = {reason: string; side?: Side; conflict?: string};

function findProblem({local, remote}: TablePair): TableProblem | undefined {
  if (local === undefined) return {reason: 'the local site has no such table', side: 'local'};
  if (remote === undefined) return {reason: 'the remote site has no such table', side: 'remote'};
  if (local.problem !== undefined) return {reason: `local: ${local.problem}`};
  if (remote.problem !== undefined) return {reason: `remote: ${remote.problem}`};
  for (const [side, here, there] of [
    ['remote', remote, local],
    ['local', local, remote],
  ] as const) {
    const missing = there.columns.filter(column => !here.columns.includes(column));
    if (missing.length > 0)
      return {
        reason: `the ${side} site has no column ${missing.join(', ')}`,
        side,
        conflict: 'target_column_missing',
      };
  }
  if (JSON.stringify(local.primaryKey) !== JSON.stringify(remote.primaryKey))
    return {
      reason: `the primary keys differ: (${local.primaryKey.join(', ')}) and (${remote.primaryKey.join(', ')})`,
    };
  return undefined;
}

/**
 * Tables without a primary key (CLI.md): a one-way profile makes the copies equal as a whole, a bidirectional
 * one leaves them alone and says so, uncounted.
 */
export function reconcileKeylessTables(
  pairs: readonly ItemPair[],
  keyless: ReadonlySet<string>,
  direction: Direction,
  held?: ReadonlyMap<string, string>,
): DraftAction[] {
  if (direction === 'bidirectional')
    return [...keyless].map(table => ({
      side: 'remote',
      kind: 'skip',
      item: {type: 'table', table},
      reason: `${table}: no primary key`,
      counted: false,
      operations: [],
    }));
  const source: Side = direction === 'upload' ? 'local' : 'remote';
  return pairs.flatMap((pair): DraftAction[] => {
    const from = pair[source] as TableRecord | undefined;
    const to = pair[otherSide(source)] as TableRecord | undefined;
    if (!isLive(from) || !keyless.has(from.table) || from.digest === to?.digest) return [];
    const heldBy = held?.get(itemId(from));
    if (heldBy !== undefined) return [heldAction(pair, source, heldBy)];
    return [
      {
        side: otherSide(source),
        kind: 'update',
        item: {type: 'table', table: from.table},
        reason: 'no primary key: the table is copied as a whole',
        before: beforeOf(pair),
        operations: [
          {
            side: otherSide(source),
            operation: {
              op: 'copy-table',
              table: from.table,
              keyed: false,
              ...(isLive(to) ? {expect: expectationOf(to)} : {}),
            },
          },
        ],
      },
    ];
  });
}
