import {OperatorError} from './operator-error.js';
import type {Side} from './plan.js';
import type {DatabaseEngine} from './site-description.js';

/** How far two servers' clocks may be apart (E26, G2), milliseconds. */
export const maxClockSkewMs = 5 * 60 * 1000;

/** Why a run must not start (E26). */
export type Precondition =
  | {readonly kind: 'same-site'; readonly site: string}
  | {readonly kind: 'version-differs'; readonly local: string; readonly remote: string}
  | {readonly kind: 'clock-skew'; readonly skewMs: number}
  | {
      readonly kind: 'engine-differs';
      readonly local: DatabaseEngine | null;
      readonly remote: DatabaseEngine | null;
    };

/** What an agent's clock said, and between which two moments of our own clock it said so; epoch milliseconds. */
export type ClockReading = {readonly agentMs: number; readonly askedMs: number; readonly answeredMs: number};

/** One end of a relationship as the preconditions see it. */
export type SideFacts = {
  /** Fingerprint of the agent's certificate. */
  readonly fingerprint: string;
  readonly site: string;
  /** Version of the site, not of the agent. */
  readonly version: string;
  readonly engine: DatabaseEngine | null;
  readonly clock: ClockReading;
};

/** Every precondition that is not met; an empty list lets the run go on. */
export function checkPreconditions(
  sides: Readonly<Record<Side, SideFacts>>,
  options: {readonly includesDatabase: boolean},
): Precondition[] {
  const {local, remote} = sides;
  const failed: Precondition[] = [];
  if (local.fingerprint === remote.fingerprint && local.site === remote.site)
    failed.push({kind: 'same-site', site: local.site});
  if (local.version !== remote.version)
    failed.push({kind: 'version-differs', local: local.version, remote: remote.version});
  const skewMs = clockSkewMs(local.clock, remote.clock);
  if (Math.abs(skewMs) > maxClockSkewMs) failed.push({kind: 'clock-skew', skewMs});
  if (options.includesDatabase && local.engine !== remote.engine)
    failed.push({kind: 'engine-differs', local: local.engine, remote: remote.engine});
  return failed;
}

/** How much later the first clock is than the second; a positive number of milliseconds when it runs ahead. */
export function clockSkewMs(a: ClockReading, b: ClockReading): number {
  return clockOffsetMs(a) - clockOffsetMs(b);
}

/** How much an agent's clock is ahead of ours, taking the answer for given half-way through the call (NTP). */
export function clockOffsetMs({agentMs, askedMs, answeredMs}: ClockReading): number {
  return Math.round(agentMs - (askedMs + answeredMs) / 2);
}

export function preconditionError(failed: Precondition): OperatorError {
  switch (failed.kind) {
    case 'same-site':
      return new OperatorError('TOPOLOGY', `Both ends are the same site (${failed.site}).`, {
        hint: 'A relationship needs two sites.',
        details: failed,
      });
    case 'version-differs':
      return new OperatorError(
        'VERSION_DIFFERS',
        `The sites are of different versions: local ${versionText(failed.local)}, remote ${versionText(failed.remote)}.`,
        {hint: 'Update one of them, or correct `version` in agent.json.', details: failed},
      );
    case 'clock-skew':
      return new OperatorError(
        'CLOCK_SKEW',
        `The servers' clocks are ${Math.round(Math.abs(failed.skewMs) / 1000)} s apart; the ${failed.skewMs > 0 ? 'local' : 'remote'} one is ahead.`,
        {hint: 'Set the clocks (NTP); up to 5 minutes are allowed.', details: failed},
      );
    case 'engine-differs':
      return new OperatorError(
        'ENGINE_DIFFERS',
        `The databases are of different kinds: local ${failed.local ?? 'none'}, remote ${failed.remote ?? 'none'}.`,
        {
          hint: 'Both sites need the same database engine, or the profile must leave the database out.',
          details: failed,
        },
      );
  }
}

/** Why an initial sync must not start (E6, E15). */
export type InitialSyncRefusal =
  | {readonly kind: 'staged-before'; readonly at: string; readonly from: string}
  | {
      readonly kind: 'source-smaller';
      readonly what: 'files' | 'rows';
      readonly source: number;
      readonly destination: number;
    }
  | {readonly kind: 'force-not-allowed'}
  | {readonly kind: 'several-sites'; readonly sites: number}
  | {readonly kind: 'several-relationships'; readonly relationships: readonly string[]};

export type InitialSyncFacts = {
  readonly force: boolean;
  /** The destination's earlier initial sync, if it had one. */
  readonly initialSync?: {readonly at: string; readonly from: string} | undefined;
  readonly source: {readonly files: number; readonly rows: number};
  readonly destination: {readonly files: number; readonly rows: number};
  /** `allowForceInitial` of the destination's configuration. */
  readonly allowForce: boolean;
  /** Number of sites the destination's agent hosts. */
  readonly sitesAtDestination: number;
  /** Relationships that the destination site takes part in, this one included. */
  readonly relationshipsOfDestination: readonly string[];
};

/**
 * Without force: refused when the destination was staged before or the source is smaller (E6). With force: only
 * where E15 allows it.
 */
export function checkInitialSync(facts: InitialSyncFacts): InitialSyncRefusal[] {
  const {source, destination} = facts;
  const refusals: InitialSyncRefusal[] = [];
  if (facts.force) {
    if (!facts.allowForce) refusals.push({kind: 'force-not-allowed'});
    if (facts.sitesAtDestination > 1) refusals.push({kind: 'several-sites', sites: facts.sitesAtDestination});
    if (facts.relationshipsOfDestination.length > 1)
      refusals.push({kind: 'several-relationships', relationships: facts.relationshipsOfDestination});
    return refusals;
  }
  if (facts.initialSync !== undefined) refusals.push({kind: 'staged-before', ...facts.initialSync});
  for (const what of ['files', 'rows'] as const)
    if (source[what] < destination[what])
      refusals.push({
        kind: 'source-smaller',
        what,
        source: source[what],
        destination: destination[what],
      });
  return refusals;
}

export function initialSyncError(refusal: InitialSyncRefusal): OperatorError {
  const forceHint = 'If the destination may really be overwritten, use --force --confirm NAME (E15).';
  const refuse = (message: string, hint: string) =>
    new OperatorError('INITIAL_SYNC_REFUSED', message, {hint, details: refusal});
  switch (refusal.kind) {
    case 'staged-before':
      return refuse(`The destination had its initial sync on ${refusal.at} from ${refusal.from}.`, forceHint);
    case 'source-smaller':
      return refuse(
        `The source has fewer ${refusal.what} (${refusal.source}) than the destination (${refusal.destination}).`,
        `Is the direction right? ${forceHint}`,
      );
    case 'force-not-allowed':
      return refuse(
        'The destination site does not allow a forced initial sync.',
        'Set `allowForceInitial` in its agent.json.',
      );
    case 'several-sites':
      return refuse(
        `The destination's agent hosts ${refusal.sites} sites; a forced initial sync is for an agent with one.`,
        'Move the site to an agent of its own.',
      );
    case 'several-relationships':
      return refuse(
        `The destination takes part in several relationships: ${refusal.relationships.join(', ')}.`,
        'Delete the others first.',
      );
  }
}

/** A site's version as people read it; agent.json may name none. */
export function versionText(version: string): string {
  return version === '' ? 'none' : version;
}
