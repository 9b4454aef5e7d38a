import type {ItemRef} from '../core/item.js';
import type {PlanCounts, Side} from '../core/plan.js';
import type {Direction} from '../core/profile.js';
import type {RelationshipEntry, RunEntry, ServerCheck, SiteAddress} from '../engine/engine.js';
import {formatCount, formatDuration, plural} from './format.js';
import type {Model} from './model.js';
import {rolloutsInNeed} from './rollouts/describe-rollout.js';
import type {Marker} from './view/lines.js';

/** Short texts that several screens use for the same thing. */

export function siteText(address: SiteAddress): string {
  return `${address.server}/${address.site}`;
}

export function itemText(item: ItemRef): string {
  switch (item.type) {
    case 'file':
      return item.path;
    case 'row':
      return `${item.table} ${item.key.join(', ')}`;
    case 'table':
      return item.table;
  }
}

export function arrowOf(direction: Direction): string {
  switch (direction) {
    case 'upload':
      return '───upload──>';
    case 'download':
      return '<─download───';
    case 'bidirectional':
      return '<───both───>';
  }
}

/** What a run belongs to: its relationship, its live sync, or the site of a restore. */
export function ownerOf(run: Pick<RunEntry, 'relationship' | 'live' | 'site'>): string {
  return run.live ?? (run.relationship === '' ? (run.site ?? '-') : run.relationship);
}

/** A run's owner and profile, as far as it has one. */
export function subjectOf(run: Pick<RunEntry, 'relationship' | 'live' | 'site' | 'profile'>): string {
  return run.profile === '' ? ownerOf(run) : `${ownerOf(run)}/${run.profile}`;
}

export function isRunning(run: RunEntry): boolean {
  return run.status === 'running';
}

export function markerOfRun(run: RunEntry): Marker {
  switch (run.status) {
    case 'success':
      return 'ok';
    case 'warning':
    case 'cancelled':
      return 'warn';
    case 'failed':
    case 'restored':
    case 'refused':
      return 'fail';
    case 'running':
      return 'run';
  }
}

/** `ok   65 applied`, `warn 45 applied, 20 skipped`, `fail SITE_BUSY`. */
export function resultText(run: RunEntry): string {
  const start = markerOfRun(run).padEnd(5);
  if (isRunning(run)) return `${start}in progress`;
  const counts = `${formatCount(run.applied)} applied${run.skipped > 0 ? `, ${formatCount(run.skipped)} skipped` : ''}`;
  if (run.status === 'success' || run.status === 'warning') return `${start}${counts}`;
  return `${start}${run.status}${run.error === undefined ? '' : ` ${run.error.code}`}`;
}

/** The newest run of a relationship, or of one of its profiles; the engine lists them in no promised order. */
export function lastRun(model: Model, relationship: string, profile?: string): RunEntry | undefined {
  const {last, lastOfRelationship} = factsOf(model.data.runs.value ?? noRuns);
  return profile === undefined
    ? lastOfRelationship.get(relationship)
    : last.get(`${relationship}/${profile}`);
}

export function runningRuns(model: Model): readonly RunEntry[] {
  return factsOf(model.data.runs.value ?? noRuns).running;
}

const noRuns: readonly RunEntry[] = [];
type RunFacts = {
  readonly running: readonly RunEntry[];
  /** The newest run of every profile, by `relationship/profile`. */
  readonly last: ReadonlyMap<string, RunEntry>;
  readonly lastOfRelationship: ReadonlyMap<string, RunEntry>;
};
const facts = new WeakMap<readonly RunEntry[], RunFacts>();

/** What every frame asks of the runs, found once for the same runs: there may be tens of thousands. */
function factsOf(runs: readonly RunEntry[]): RunFacts {
  const known = facts.get(runs);
  if (known !== undefined) return known;
  const newestBy = (keyOf: (run: RunEntry) => string) => {
    const newest = new Map<string, RunEntry>();
    for (const run of runs) {
      const known = newest.get(keyOf(run));
      if (known === undefined || run.startedAt > known.startedAt) newest.set(keyOf(run), run);
    }
    return newest;
  };
  const found = {
    running: runs.filter(isRunning),
    last: newestBy(run => `${run.relationship}/${run.profile}`),
    lastOfRelationship: newestBy(run => run.relationship),
  };
  facts.set(runs, found);
  return found;
}

/**
 * What needs a person: profiles whose last run did not end well, rollouts that wait for somebody, and servers whose
 * check failed. One line each.
 */
export function attention(model: Model): readonly string[] {
  const bad = [...factsOf(model.data.runs.value ?? noRuns).last].filter(
    ([, run]) => !isRunning(run) && run.status !== 'success' && run.status !== 'cancelled',
  );
  const servers = Object.entries(model.checks).filter(
    ([, check]) => check.fault !== undefined || (check.value !== undefined && check.value.kind !== 'ok'),
  );
  return [
    ...bad.map(([name, run]) => `${name}: ${resultText(run)}`),
    ...rolloutsInNeed(model),
    ...servers.map(([name, check]) => `${name}: ${check.value?.kind ?? check.fault?.code ?? ''}`),
  ];
}

export function sideName(side: Side, relationship: RelationshipEntry | undefined): string {
  if (relationship === undefined) return side;
  const {local, remote} = relationship;
  return local.server === remote.server ? siteText(relationship[side]) : relationship[side].server;
}

/** `3 create  41 update  1 delete` */
export function sideCountsText(counts: PlanCounts['local']): string {
  const parts = (['create', 'update', 'delete'] as const)
    .filter(kind => counts[kind] > 0)
    .map(kind => `${formatCount(counts[kind])} ${kind}`);
  return parts.length === 0 ? 'nothing' : parts.join('  ');
}

export function skewText(skewMs: number): string {
  const size = Math.abs(skewMs);
  return size < 1000 ? 'in step' : `${formatDuration(size)} ${skewMs > 0 ? 'ahead' : 'behind'}`;
}

/** The error that a check amounts to: those of E4 are four different ones, each with its own remedy. */
export function codeOfCheck(kind: Exclude<ServerCheck['kind'], 'ok'>): string {
  switch (kind) {
    case 'unreachable':
      return 'UNREACHABLE';
    case 'certificate-mismatch':
      return 'CERTIFICATE_MISMATCH';
    case 'no-endpoint':
      return 'NO_SUCH_ENDPOINT';
    case 'identity-refused':
      return 'IDENTITY_REFUSED';
    case 'identity-moved':
      return 'IDENTITY_MOVED';
  }
}

/** What a check's kind means, in a few words. */
export function checkText(check: ServerCheck): string {
  switch (check.kind) {
    case 'ok':
      return `ok   ${plural(check.sites?.length ?? 0, 'site')}`;
    case 'unreachable':
      return 'fail unreachable';
    case 'certificate-mismatch':
      return 'fail other certificate';
    case 'no-endpoint':
      return 'fail not a Lockstep agent';
    case 'identity-refused':
      return 'fail does not know us';
    case 'identity-moved':
      return 'fail identity moved';
  }
}

export function relationshipOf(model: Model, name: string): RelationshipEntry | undefined {
  return model.data.relationships.value?.find(entry => entry.name === name);
}
