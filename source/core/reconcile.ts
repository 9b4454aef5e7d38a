import type {Rule} from './decide-item.js';
import {finishPlan} from './finish-plan.js';
import type {ItemRecord} from './item.js';
import type {ItemPair} from './merge-streams.js';
import type {Plan, Side} from './plan.js';
import type {Profile} from './profile.js';
import {reconcileFiles} from './reconcile-files.js';
import {reconcileRows} from './reconcile-rows.js';
import {compareTables, reconcileKeylessTables} from './reconcile-tables.js';
import type {FamilyEdge} from './row-families.js';
import type {TableDescription} from './site-description.js';

/** Everything a plan follows from. */
export type ReconcileInput = {
  /**
   * What both sides know of every item that changed on either, once each, in any order. Items that are
   * not listed are alike on both sides. A child that `families` names must be listed for its family to count.
   */
  readonly pairs: Iterable<ItemPair>;
  readonly profile: Pick<Profile, 'direction' | 'policy' | 'replace'>;
  /** The profile has never been run with files: they go both ways, whatever its direction (E10). */
  readonly firstFileRun: boolean;
  readonly replicas: Readonly<Record<Side, {readonly files: string; readonly database?: string}>>;
  readonly tables: Readonly<Record<Side, readonly TableDescription[]>>;
  /** Patterns of tables that either site leaves out (E31). */
  readonly excluded?: readonly string[];
  /** Folders that hold something live on that side which is not in scope; they are not deleted. */
  readonly occupied: Readonly<Record<Side, ReadonlySet<string>>>;
  /** Live children on that side of rows that would be deleted there. */
  readonly families: Readonly<Record<Side, readonly FamilyEdge[]>>;
  /** Item id → id of the run whose undo holds the item. */
  readonly held?: ReadonlyMap<string, string>;
  /** Sides whose file system takes names that differ only in case or Unicode form for one. */
  readonly caseInsensitive?: Readonly<Record<Side, boolean>>;
};

/**
 * Compares two sites and says what a run would do (DESIGN.md, "Life of a sync run", 5). Pure: the same input
 * gives the same plan, whatever the order of the pairs. Called twice for a run: the deletions of the first plan
 * are what `occupied` and `families` of the second are asked for.
 */
export function reconcile(input: ReconcileInput): Plan {
  const {profile, replicas, held} = input;
  const {files, rows, tables} = byType(input.pairs);
  const target: Side = profile.direction === 'download' ? 'local' : 'remote';
  const findings = compareTables(input.tables, target, input.excluded);
  const fileResult = reconcileFiles({
    pairs: files,
    rule: fileRule(profile, input.firstFileRun),
    replicas: {local: replicas.local.files, remote: replicas.remote.files},
    occupied: input.occupied,
    ...(input.caseInsensitive === undefined ? {} : {caseInsensitive: input.caseInsensitive}),
    ...(held === undefined ? {} : {held}),
  });
  const rowResult = reconcileRows({
    pairs: rows.filter(pair => findings.keyed.has(tableOf(pair))),
    rule: rowRule(profile),
    replicas: {local: replicas.local.database ?? '', remote: replicas.remote.database ?? ''},
    families: input.families,
    ...(held === undefined ? {} : {held}),
  });
  return finishPlan(
    [
      ...fileResult.actions,
      ...rowResult.actions,
      ...reconcileKeylessTables(tables, findings.keyless, profile.direction, held),
      ...findings.skips,
    ],
    [...fileResult.adoptions, ...rowResult.adoptions],
  );
}

/** How files are decided; the first run goes both ways and the source wins (E10, E11). */
function fileRule({direction, policy, replace}: ReconcileInput['profile'], firstFileRun: boolean): Rule {
  if (direction === 'bidirectional') return {kind: 'two-way', winner: winnerOf(policy)};
  const source = direction === 'upload' ? 'local' : 'remote';
  return firstFileRun ? {kind: 'two-way', winner: source} : {kind: 'one-way', source, replace};
}

/** How rows are decided; a one-way profile overwrites them (E11). */
function rowRule({direction, policy}: ReconcileInput['profile']): Rule {
  if (direction === 'bidirectional') return {kind: 'two-way', winner: winnerOf(policy)};
  return {kind: 'one-way', source: direction === 'upload' ? 'local' : 'remote', replace: 'always'};
}

function winnerOf(policy: Profile['policy']): Side {
  return policy === 'local-wins' ? 'local' : 'remote';
}

/** Sorts pairs by the type of their item. */
export function byType(pairs: Iterable<ItemPair>): Record<'files' | 'rows' | 'tables', ItemPair[]> {
  const sorted: Record<'files' | 'rows' | 'tables', ItemPair[]> = {files: [], rows: [], tables: []};
  const listOf = {file: sorted.files, row: sorted.rows, table: sorted.tables};
  for (const pair of pairs) {
    const record: ItemRecord | undefined = pair.local ?? pair.remote;
    if (record !== undefined) listOf[record.type].push(pair);
  }
  return sorted;
}

function tableOf({local, remote}: ItemPair): string {
  const record = local ?? remote;
  return record?.type === 'row' ? record.table : '';
}
