import {type ItemRecord, itemId, type RowRecord, type RowRef} from '../core/item.js';
import type {ItemPair} from '../core/merge-streams.js';
import {OperatorError} from '../core/operator-error.js';
import type {Plan, Side} from '../core/plan.js';
import type {Scope} from '../core/scope.js';
import {formatSelected, type Selected} from '../core/selection.js';
import {isLive, otherSide, sameContent} from '../core/take-over.js';
import {compareVectors} from '../core/version-vector.js';
import {expandSelection, listParents} from '../protocol/row-endpoints.js';
import type {StoredProfile} from '../state/state.js';
import {bothSides, type SiteEnd, type SiteEnds} from './connect-sites.js';
import {lookUp, show, streamOf} from './look-up.js';
import type {Scans} from './make-plan.js';
import {needsInitialSync} from './needs-initial-sync.js';
import type {PlanLimits} from './plan-limits.js';

/**
 * What of both sites belongs to a selection (E20–E22), each item with what both sides know of it; nothing else
 * travels. The local site says what belongs; what it has deleted is known from the remote one.
 * @throws OperatorError USAGE for what is not there or not in the profile
 */
export async function collectSelection(
  ends: SiteEnds,
  scope: Scope,
  request: {
    selection: readonly Selected[];
    profile: StoredProfile;
    sameLineage: boolean;
    limits: PlanLimits;
  },
  signal: AbortSignal,
): Promise<ItemPair[]> {
  const {selection, profile, limits} = request;
  mustQualify(selection, profile, scope, limits);
  const withRows = limits.withoutDatabase !== true;
  if (withRows && !request.sameLineage && selection.some(({kind}) => kind !== 'file'))
    throw needsInitialSync(profile.relationship);
  const [local, remote] = await Promise.all(bothSides.map(side => expand(ends[side], selection, signal)));
  const goesBack = profile.direction === 'bidirectional';
  for (const [of, selected] of selection.entries())
    mustBeThere(selected, ends, local!.get(of)!, remote!.get(of)!, goesBack);
  const wanted = new Map<string, ItemRecord>();
  for (const {records} of local!.values()) for (const record of records) wanted.set(itemId(record), record);
  // The remote’s files are of interest when its version may come here.
  for (const {records} of remote!.values())
    for (const record of records)
      if (!wanted.has(itemId(record)) && (goesBack || record.type !== 'file'))
        wanted.set(itemId(record), record);
  const records = [...wanted.values()].filter(record =>
    record.type === 'file' ? scope.accepts(record.path, false) : withRows,
  );
  const pairs = await pairUp(ends, records, signal);
  const named = new Set([...local!.values()].flatMap(({records}) => records.map(itemId)));
  // What only the remote site counts in and the local one has elsewhere was moved here, and is not selected any more.
  return pairs.filter(pair => named.has(itemId((pair.local ?? pair.remote)!)) || !isLive(pair.local));
}

/** What one side found, by position in the selection. */
type Found = Map<number, {records: ItemRecord[]; reason?: string}>;

async function expand(end: SiteEnd, selection: readonly Selected[], signal: AbortSignal): Promise<Found> {
  const found: Found = new Map(selection.map((_, of) => [of, {records: []}]));
  // A site without a database still has files.
  const asked = selection.filter(({kind}) => kind === 'file' || end.site.engine !== null);
  const places = asked.map(selected => selection.indexOf(selected));
  const reply = await end.client.call(expandSelection, {
    params: {site: end.site.name},
    body: streamOf(asked),
    signal,
  });
  for await (const line of reply) {
    const entry = found.get(places[line.of] ?? -1);
    if (entry === undefined) continue;
    if (line.type === 'member') entry.records.push(line.record);
    else entry.reason = line.reason;
  }
  return found;
}

/** Selections go up (E20–E22). */
function mustQualify(
  selection: readonly Selected[],
  {direction, name}: StoredProfile,
  scope: Scope,
  {withoutDatabase, withoutFiles}: PlanLimits,
): void {
  if (direction === 'download')
    throw new OperatorError(
      'USAGE',
      `A selection goes from the local site to the remote one; ${name} downloads.`,
      {
        hint: 'Use a profile that uploads or goes both ways.',
      },
    );
  for (const selected of selection) {
    if (selected.kind === 'file') {
      if (withoutFiles === true || scope.accepts(selected.path, false)) continue;
      throw new OperatorError('USAGE', `${selected.path} is not among the items of the profile ${name}.`, {
        hint: 'Use a profile whose item groups and filter include it.',
      });
    }
    if (!scope.includesDatabase && withoutDatabase !== true)
      throw new OperatorError('USAGE', `The profile ${name} leaves the database out.`, {
        hint: `${formatSelected(selected)} needs a profile with the item group database.`,
      });
  }
}

function mustBeThere(
  selected: Selected,
  ends: SiteEnds,
  local: {records: readonly ItemRecord[]; reason?: string},
  remote: {records: readonly ItemRecord[]; reason?: string},
  goesBack: boolean,
): void {
  const isKnown = (records: readonly ItemRecord[]) => records.some(isLive);
  // An empty folder is one all the same.
  if (isKnown(local.records) || (selected.kind === 'folder' && local.reason === undefined)) return;
  // What is gone here is deleted there; what only the other side has may come.
  if ((goesBack || local.records.length > 0) && isKnown(remote.records)) return;
  const reason = local.reason ?? remote.reason ?? `${formatSelected(selected)} is gone`;
  throw new OperatorError('USAGE', `${ends.local.server.name}/${ends.local.site.name}: ${reason}.`, {
    hint: 'The selection is looked for at the local site of the relationship.',
  });
}

async function pairUp(
  ends: SiteEnds,
  records: readonly ItemRecord[],
  signal: AbortSignal,
): Promise<ItemPair[]> {
  const [local, remote] = await Promise.all(bothSides.map(side => lookUp(ends[side], records, signal)));
  return records.flatMap((_, index): ItemPair[] => {
    const pair = {
      ...(local![index] === undefined ? {} : {local: local![index]}),
      ...(remote![index] === undefined ? {} : {remote: remote![index]}),
    };
    return pair.local === undefined && pair.remote === undefined ? [] : [pair];
  });
}

/**
 * The parents that selected rows refer to must exist at the destination and be as they were (E20).
 * @throws OperatorError SELECTION_REFUSED with the reason
 */
export async function checkPrerequisites(
  ends: SiteEnds,
  plan: Plan,
  scans: Scans,
  signal: AbortSignal,
): Promise<void> {
  for (const side of bothSides) {
    const rows = putsAt(plan, side);
    if (rows.length === 0) continue;
    const brought = new Set(rows.map(itemId));
    const from = ends[otherSide(side)];
    const parents = new Map<string, {child: RowRef; parent: RowRecord}>();
    const reply = await from.client.call(listParents, {
      params: {site: from.site.name},
      body: streamOf(rows),
      signal,
    });
    for await (const {child, parent} of reply)
      if (
        child.type === 'row' &&
        parent.type === 'row' &&
        brought.has(itemId(child)) &&
        !brought.has(itemId(parent))
      )
        parents.set(itemId(parent), {child, parent});
    const wanted = [...parents.values()];
    const there = await lookUp(
      ends[side],
      wanted.map(({parent}) => parent),
      signal,
    );
    for (const [index, {child, parent}] of wanted.entries()) {
      const refusal = changedSince(ends[side], child, parent, there[index]);
      if (refusal === undefined) continue;
      const table = scans[side].database?.tables.find(({table}) => table === parent.table);
      const isGone = !isLive(there[index]);
      if (isGone || !(await differsOnlyIn(table?.incidental ?? [], parent, ends, signal))) throw refusal;
    }
  }
}

function putsAt(plan: Plan, side: Side): RowRef[] {
  return plan.actions.flatMap(({operations}) =>
    operations.flatMap(({side: at, operation}): RowRef[] =>
      at === side && operation.op === 'put' && operation.record.type === 'row'
        ? [{type: 'row', table: operation.record.table, key: operation.record.key}]
        : [],
    ),
  );
}

/** Whether the row is the same at both sites but for columns that do not matter. */
async function differsOnlyIn(
  incidental: readonly string[],
  row: RowRecord,
  ends: SiteEnds,
  signal: AbortSignal,
): Promise<boolean> {
  if (incidental.length === 0) return false;
  const [local, remote] = await Promise.all(bothSides.map(side => show(ends[side], [row], signal)));
  const [here, there] = [local?.[0], remote?.[0]];
  if (here?.type !== 'row' || there?.type !== 'row') return false;
  const names = new Set([...Object.keys(here.columns), ...Object.keys(there.columns)]);
  for (const name of names) {
    const value = here.columns[name];
    // What is shown only in part (long text, bytes) may differ in the rest.
    const isWhole = value === null || (value !== undefined && !/…$|^\(\d+ bytes\)$/.test(value));
    if (!incidental.includes(name) && (!isWhole || value !== there.columns[name])) return false;
  }
  return true;
}

/** Why a parent is not what a selection needs it to be; undefined when it is. */
function changedSince(
  {server, site}: SiteEnd,
  child: RowRef,
  parent: RowRecord,
  there: ItemRecord | undefined,
): OperatorError | undefined {
  const name = (row: RowRef) => `${row.table} ${row.key.join(', ')}`;
  const place = `${server.name}/${site.name}`;
  const refuse = (what: string) =>
    new OperatorError(
      'SELECTION_REFUSED',
      `${name(child)} refers to ${name(parent)}, which ${what} ${place}.`,
      {
        hint: 'Bring the two sites into step first: run the whole profile.',
        details: {child, parent},
      },
    );
  if (!isLive(there)) return refuse('does not exist at');
  if (sameContent(parent, there)) return undefined;
  const order = compareVectors(there.vector, parent.vector);
  return order === 'newer' || order === 'concurrent' ? refuse('was changed at') : undefined;
}
