import {countOf} from '../core/count-of.js';
import type {CollisionRules} from '../core/find-collisions.js';
import {itemId} from '../core/item.js';
import type {ItemPair} from '../core/merge-streams.js';
import {mirrorPlan} from '../core/mirror.js';
import {OperatorError} from '../core/operator-error.js';
import type {Plan, Side} from '../core/plan.js';
import {checkPreconditions, clockOffsetMs, maxClockSkewMs, preconditionError} from '../core/preconditions.js';
import {reconcile} from '../core/reconcile.js';
import {compareTables} from '../core/reconcile-tables.js';
import type {RunPhase} from '../core/run-event.js';
import {createScope, type Scope} from '../core/scope.js';
import type {Selected} from '../core/selection.js';
import type {ScanResult, TableDescription} from '../core/site-description.js';
import {sameContent} from '../core/take-over.js';
import type {StoredProfile} from '../state/state.js';
import {collectDifferences, type Since} from './collect-differences.js';
import {checkPrerequisites, collectSelection} from './collect-selection.js';
import {resolveCollisions} from './collisions/resolve-collisions.js';
import {completePlan} from './complete-plan.js';
import {bothSides, type SiteEnd, type SiteEnds} from './connect-sites.js';
import {findHeld} from './find-held.js';
import {needsInitialSync} from './needs-initial-sync.js';
import {limitPairs, limitPlan, limitScope, type PlanLimits} from './plan-limits.js';
import type {OnProgress} from './scan-sites.js';
import {scanSites} from './scan-sites.js';
import {tableSet} from './table-set.js';

export type Scans = Readonly<Record<Side, ScanResult>>;

/** A plan with what it was made from. */
export type MadePlan = {
  readonly plan: Plan;
  readonly scope: Scope;
  readonly scans: Scans;
  /** The databases are equal but of different initial syncs: the remote one takes over the local one's lineage. */
  readonly adoptsLineage: boolean;
  /** The profile has files and has never been run: they go both ways (E10). */
  readonly firstRun: boolean;
};

export type PlanRequest = {
  readonly profile: StoredProfile;
  /** Undefined for a sync; the side whose content the other gets for an initial sync (E6). */
  readonly mirrorOf?: Side;
  /** Compares everything instead of what changed since the last run. */
  readonly everything: boolean;
  /** Has the agents compare every row with what they know of it (`run --verify`). */
  readonly verify?: boolean;
  readonly acceptRoot: boolean;
  readonly limits?: PlanLimits;
  /** Only this travels (E20–E22). */
  readonly selection?: readonly Selected[];
};

/** How a plan is being made, for whoever watches. */
export type PlanObserver = {
  readonly signal: AbortSignal;
  /** Brackets a phase; the work's answer is passed through. */
  phase<T>(phase: RunPhase, work: () => Promise<T>, describe?: (result: T) => string): Promise<T>;
  progress(phase: RunPhase): OnProgress;
};

/** @throws OperatorError of the first precondition that is not met (E26). */
export function mustMeetPreconditions(
  ends: SiteEnds,
  profile: StoredProfile,
  limits: PlanLimits = {},
): Scope {
  const scope = limitScope(scopeOf(ends, profile), limits);
  const failed = checkPreconditions(
    {local: factsOf(ends.local), remote: factsOf(ends.remote)},
    {includesDatabase: scope.includesDatabase},
  );
  if (failed[0] !== undefined) throw preconditionError(failed[0]);
  for (const side of bothSides) {
    const offsetMs = clockOffsetMs(ends[side].clock);
    if (Math.abs(offsetMs) > maxClockSkewMs)
      throw new OperatorError(
        'CLOCK_SKEW',
        `The clock of ${ends[side].server.name} and this machine's are ${Math.round(Math.abs(offsetMs) / 1000)} s apart.`,
        {hint: 'Set the clocks (NTP); up to 5 minutes are allowed.'},
      );
  }
  return scope;
}

function factsOf({server, site, clock}: SiteEnd) {
  return {
    fingerprint: server.fingerprint,
    site: site.name,
    version: site.version,
    engine: site.engine,
    clock,
  };
}

export function scopeOf(ends: SiteEnds, {items, filter}: StoredProfile): Scope {
  return createScope({
    groups: {local: ends.local.site.groups, remote: ends.remote.site.groups},
    items,
    filter,
  });
}

/**
 * Scans both sites, compares them and says what a run would do (DESIGN.md, "Life of a sync run", 2–5).
 * @throws OperatorError of an unmet precondition, NEEDS_INITIAL_SYNC
 */
export async function makePlan(
  ends: SiteEnds,
  request: PlanRequest,
  observer: PlanObserver,
): Promise<MadePlan> {
  const {profile, mirrorOf, selection, limits = {}} = request;
  const {signal} = observer;
  const scope = await observer.phase('preconditions', async () =>
    mustMeetPreconditions(ends, profile, limits),
  );
  const files = scope.includesFiles;
  const database = scope.includesDatabase && ends.local.site.engine !== null;
  const scans = await observer.phase(
    'scan',
    () =>
      scanSites(
        ends,
        {files, database, acceptRoot: request.acceptRoot, verify: request.verify ?? false},
        {signal, onProgress: observer.progress('scan')},
      ),
    describeScans,
  );
  const sameLineage = scans.local.database?.lineage === scans.remote.database?.lineage;
  const since = sinceWhen(request, scans, {files, database, sameLineage});
  const pairs = await observer.phase(
    'changes',
    async () => {
      const options = {signal, onProgress: observer.progress('changes')};
      const found =
        selection === undefined
          ? await collectDifferences(ends, scope, since, options)
          : await collectSelection(ends, scope, {selection, profile, sameLineage, limits}, signal);
      return await limitPairs(ends, scope, found, limits, signal);
    },
    found => `${countOf(found.length, 'item')} may differ`,
  );
  const held = mirrorOf === undefined ? await findHeld(ends, scope, pairs, signal) : undefined;
  const tables = tablesInQuestion(scans, scope, selection === undefined ? undefined : pairs);
  const excluded = bothSides.flatMap(side => scans[side].database?.excluded ?? []);
  const adoptsLineage = mirrorOf === undefined && selection === undefined && database && !sameLineage;
  if (adoptsLineage) mustHoldEqualRows(pairs, tables, excluded, profile);
  const firstRun =
    mirrorOf === undefined && selection === undefined && files && !profile.memory.firstFileRunDone;
  const replicas = {local: replicasOf(scans.local), remote: replicasOf(scans.remote)};
  const caseInsensitive = {local: scans.local.foldsNames, remote: scans.remote.foldsNames};
  const plan = await observer.phase(
    'reconcile',
    async () => {
      const decided = await completePlan(
        ends,
        scope,
        pairs,
        (pairs, {occupied, families}) => {
          const input = {pairs, replicas, tables, excluded, occupied, caseInsensitive};
          return mirrorOf === undefined
            ? reconcile({
                ...input,
                profile,
                firstFileRun: firstRun,
                families,
                ...(held === undefined ? {} : {held}),
              })
            : mirrorPlan({...input, source: mirrorOf});
        },
        signal,
      );
      if (selection !== undefined) await checkPrerequisites(ends, decided, scans, signal);
      if (mirrorOf !== undefined || !database) return limitPlan(decided, limits);
      const rules = collisionRules(ends, profile, replicas);
      // What is held is nothing that a run brings, so it collides with nothing.
      const free = pairs.filter(pair => !held?.has(itemId((pair.local ?? pair.remote)!)));
      const resolved = await resolveCollisions({ends, plan: decided, pairs: free, tables, rules, signal});
      return limitPlan(resolved, limits);
    },
    ({actions}) => countOf(actions.length, 'action'),
  );
  return {plan, scope, scans, adoptsLineage, firstRun};
}

function collisionRules(
  ends: SiteEnds,
  {direction}: StoredProfile,
  replicas: Readonly<Record<Side, {database?: string}>>,
): CollisionRules {
  const source = direction === 'bidirectional' ? undefined : direction === 'upload' ? 'local' : 'remote';
  const numbers: Partial<Record<Side, number>> = {};
  for (const side of bothSides) {
    const {number} = ends[side].site;
    if (number !== undefined) numbers[side] = number;
  }
  return {
    ...(source === undefined ? {} : {source}),
    replicas: {local: replicas.local.database ?? '', remote: replicas.remote.database ?? ''},
    numbers,
  };
}

/** From where the change streams are read: where the last complete run left them, if both still count so. */
function sinceWhen(
  {profile, everything, mirrorOf}: PlanRequest,
  scans: Scans,
  parts: {files: boolean; database: boolean; sameLineage: boolean},
): Since {
  const {positions} = profile.memory;
  const full = everything || mirrorOf !== undefined;
  const part = (name: 'files' | 'database', usable: boolean): NonNullable<Since['files']> => {
    const [local, remote] = [positions?.local[name], positions?.remote[name]];
    if (!usable || local === undefined || remote === undefined) return 'start';
    const known =
      local.epoch === scans.local[name]?.epoch &&
      remote.epoch === scans.remote[name]?.epoch &&
      // A position ahead of the index is one of an index that was restored from a backup.
      local.seq <= scans.local[name].seq &&
      remote.seq <= scans.remote[name].seq;
    return known ? {local, remote} : 'start';
  };
  const sameTables = bothSides.every(side => {
    const {database} = scans[side];
    return database !== null && positions?.[side].tables === tableSet(database);
  });
  return {
    ...(parts.files ? {files: part('files', !full)} : {}),
    ...(parts.database && mirrorOf === undefined
      ? {database: part('database', !full && parts.sameLineage && sameTables)}
      : {}),
  };
}

/** Without a common initial sync only databases that are equal already can be kept in step (CLI.md). */
function mustHoldEqualRows(
  pairs: readonly ItemPair[],
  tables: Readonly<Record<Side, readonly TableDescription[]>>,
  excluded: readonly string[],
  {direction, relationship}: StoredProfile,
): void {
  const {keyed, keyless} = compareTables(tables, 'remote', excluded);
  const different = pairs.find(({local, remote}) => {
    const record = local ?? remote;
    if (record === undefined || record.type === 'file') return false;
    const counts =
      record.type === 'row'
        ? keyed.has(record.table)
        : keyless.has(record.table) && direction !== 'bidirectional';
    return counts && !sameContent(local, remote);
  });
  if (different === undefined) return;
  const record = (different.local ?? different.remote)!;
  const table = record.type === 'file' ? '' : record.table;
  throw needsInitialSync(relationship, ` and differ, in ${table} for one`);
}

/** Tables of both sites; for a selection only those that it is about, so that others are not even mentioned. */
function tablesInQuestion(
  scans: Scans,
  scope: Scope,
  pairs: readonly ItemPair[] | undefined,
): Record<Side, readonly TableDescription[]> {
  const all = {local: tablesOf(scans.local, scope), remote: tablesOf(scans.remote, scope)};
  if (pairs === undefined) return all;
  const named = new Set(
    pairs.map(({local, remote}) => {
      const record = (local ?? remote)!;
      return record.type === 'file' ? undefined : record.table;
    }),
  );
  const wanted = ({table}: TableDescription) => named.has(table);
  return {local: all.local.filter(wanted), remote: all.remote.filter(wanted)};
}

function tablesOf({database}: ScanResult, {acceptsTable}: Scope): readonly TableDescription[] {
  const tables = database?.tables ?? [];
  return acceptsTable === undefined ? tables : tables.filter(({table}) => acceptsTable(table));
}

function replicasOf({fileReplica, database}: ScanResult): {files: string; database?: string} {
  return {files: fileReplica, ...(database === null ? {} : {database: database.replica})};
}

function describeScans(scans: Scans): string {
  return bothSides
    .map(side => {
      const {files, database} = scans[side];
      const rows = database?.tables.reduce((sum, table) => sum + table.rows, 0);
      return `${side}: ${countOf(files.live, 'file')}, ${files.changed} changed${rows === undefined ? '' : `, ${countOf(rows, 'row')}`}`;
    })
    .join('; ');
}
