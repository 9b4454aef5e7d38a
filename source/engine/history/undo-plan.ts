import type {Change} from '../../core/change.js';
import {countOf} from '../../core/count-of.js';
import {finishPlan} from '../../core/finish-plan.js';
import {type ItemRecord, type ItemRef, itemId} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import type {Plan, Side} from '../../core/plan.js';
import type {RunItem} from '../../core/run-event.js';
import {planUndo, type UndoPlan} from '../../core/undo.js';
import {listRunChanges} from '../../protocol/history-endpoints.js';
import type {Group} from '../connect-group.js';
import type {SiteEnd} from '../connect-sites.js';
import {lookUp} from '../look-up.js';
import type {PlanObserver} from '../make-plan.js';
import {scanSiteAt} from '../scan-sites.js';

/** An undo or a redo of a run at one of its sites, ready to be carried out. */
export type MadeUndo = UndoPlan & {
  readonly end: SiteEnd;
  readonly member: string | undefined;
  /** Whether it is undone or redone here; false where that was done before. */
  readonly isOpen: boolean;
  /** What the run changed here and of which history knows nothing any more. */
  readonly lost: readonly ItemRef[];
};

type RunAtSite = {readonly undoneBy: string | undefined; readonly changes: readonly Change[]};

/**
 * What `runs undo` or `runs redo` of a run would do (X2), at each of the group's sites, the local one first.
 * @param items of the run, as its log tells them
 * @throws OperatorError UNDO_REFUSED when there is nothing that it could do, with the reason
 */
export async function makeUndoPlan(
  group: Group,
  {runId, kind, items}: {runId: string; kind: 'undo' | 'redo'; items: readonly RunItem[]},
  observer: PlanObserver,
): Promise<readonly MadeUndo[]> {
  const {signal} = observer;
  const several = group.names.length > 1;
  const sites = [
    {end: group.local, member: undefined},
    ...group.members.map(({name, ends}) => ({end: ends.remote, member: several ? name : undefined})),
  ];
  const everything = {files: true, database: true, acceptRoot: false};
  const scans = await observer.phase('scan', () =>
    Promise.all(
      sites.map(({end}) => scanSiteAt(end, everything, {signal, onProgress: observer.progress('scan')})),
    ),
  );
  const runs = await observer.phase(
    'changes',
    () => Promise.all(sites.map(({end}) => changesOf(end, runId, kind, signal))),
    found =>
      found.map(({changes}, index) => `${changes.length} at ${sites[index]!.end.server.name}`).join(', '),
  );
  const open = runs.map(run => isOpen(run, kind));
  if (!open.includes(true)) throw nothingOpen(runs, runId, kind);
  const changes = runs.map((run, index) => (open[index] ? run.changes : []));
  for (const [index, list] of changes.entries()) refuseCopies(list, runId, sites[index]!.end);
  const lost = sites.map(({end, member}, index) =>
    kind === 'undo' && open[index] ? findLost(items, changes[index]!, end.side, member) : [],
  );
  if (changes.every(list => list.length === 0) && lost.some(list => list.length > 0))
    throw new OperatorError(
      'UNDO_REFUSED',
      `What ${runId} changed is not in the history of its sites any more.`,
      {hint: 'History is kept as long as `history` of the site in agent.json says.'},
    );
  return await observer.phase(
    'reconcile',
    async () => {
      const refs = itemsOf(changes);
      const now = await Promise.all(
        sites.map(async ({end}) => recordsById(refs, await lookUp(end, refs, signal))),
      );
      const plans = planUndo(
        kind === 'undo' ? runId : undefined,
        sites.map(({end, member}, index) => ({
          side: end.side,
          ...(member === undefined ? {} : {member}),
          changes: changes[index]!,
          now: now[index]!,
          replicas: {files: scans[index]!.fileReplica, rows: scans[index]!.database?.replica ?? ''},
        })),
      );
      const nothing = plans.every(({sources}) => sources.size === 0);
      if (nothing && runs.some((run, index) => !open[index] && run.changes.length > 0))
        throw nothingOpen(runs, runId, kind);
      return plans.map((plan, index) => ({
        ...plan,
        ...sites[index]!,
        isOpen: open[index]!,
        lost: lost[index]!,
      }));
    },
    made =>
      countOf(
        made.reduce((sum, {plan}) => sum + plan.actions.length, 0),
        'action',
      ),
  );
}

/** The plans of all sites as one, to be looked at. */
export function joinPlans(made: readonly MadeUndo[]): Plan {
  return finishPlan(
    made.flatMap(({plan}) => plan.actions),
    [],
  );
}

/** Whether something is left to do at a site: an undo where the run is not undone, a redo where it is. */
function isOpen({undoneBy}: RunAtSite, kind: 'undo' | 'redo'): boolean {
  return kind === 'undo' ? undoneBy === undefined : undoneBy !== undefined;
}

function nothingOpen(runs: readonly RunAtSite[], runId: string, kind: 'undo' | 'redo'): OperatorError {
  const by = runs.find(({undoneBy}) => undoneBy !== undefined)?.undoneBy;
  return kind === 'undo'
    ? new OperatorError(
        'UNDO_REFUSED',
        `${runId} is undone already${by === undefined ? '' : `, by ${by}`}.`,
        {
          hint: `\`lockstep runs redo ${runId}\` brings back what it did.`,
        },
      )
    : new OperatorError('UNDO_REFUSED', `${runId} is not undone, so there is nothing to do again.`, {
        hint: '`lockstep runs list` shows which runs are.',
      });
}

/** Reads what the run (for a redo, its undo) changed at a site. */
async function changesOf(
  end: SiteEnd,
  runId: string,
  kind: 'undo' | 'redo',
  signal: AbortSignal,
): Promise<RunAtSite> {
  const run = await readChanges(end, runId, signal);
  if (kind === 'undo' || run.undoneBy === undefined) return run;
  return {...(await readChanges(end, run.undoneBy, signal)), undoneBy: run.undoneBy};
}

async function readChanges({client, site}: SiteEnd, runId: string, signal: AbortSignal): Promise<RunAtSite> {
  const changes: Change[] = [];
  let undoneBy: string | undefined;
  for await (const line of await client.call(listRunChanges, {params: {site: site.name, runId}, signal}))
    if (line.type === 'run') undoneBy = line.undoneBy ?? undefined;
    else changes.push(line.change);
  return {undoneBy, changes};
}

/** A table with a key that an initial sync copied has no list of the rows that came. */
function refuseCopies(changes: readonly Change[], runId: string, end: SiteEnd): void {
  const copied = changes.find(({item, after}) => item.type === 'table' && after === undefined);
  if (copied?.item.type !== 'table') return;
  throw new OperatorError(
    'UNDO_REFUSED',
    `${runId} copied whole tables to ${end.server.name}, ${copied.item.table} for one; history knows what it replaced, but not every row that came.`,
    {hint: 'Restore a backup of the database, or single rows with `lockstep history restore`.'},
  );
}

function findLost(
  items: readonly RunItem[],
  changes: readonly Change[],
  side: Side,
  member: string | undefined,
): readonly ItemRef[] {
  const known = new Set(changes.map(({item}) => itemId(item)));
  return items
    .filter(
      item =>
        item.outcome === 'applied' &&
        item.side === side &&
        (member === undefined || item.member === member) &&
        !known.has(itemId(item.item)),
    )
    .map(({item}) => item);
}

/** Everything that was changed at any of the sites. */
function itemsOf(changes: readonly (readonly Change[])[]): readonly ItemRef[] {
  const items = new Map<string, ItemRef>();
  for (const {item} of changes.flat()) items.set(itemId(item), item);
  return [...items.values()];
}

export function recordsById(
  refs: readonly ItemRef[],
  found: readonly (ItemRecord | undefined)[],
): Map<string, ItemRecord> {
  return new Map(
    refs.flatMap((ref, index) => {
      const record = found[index];
      return record === undefined ? [] : [[itemId(ref), record] as const];
    }),
  );
}
