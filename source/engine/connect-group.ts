import {asOperatorError, type OperatorError} from '../core/operator-error.js';
import type {State} from '../state/state.js';
import {addressText, connectSite, type SiteEnd, type SiteEnds} from './connect-sites.js';
import type {SiteAddress} from './engine.js';
import type {EngineContext} from './engine-context.js';

/** A remote site of a run over several, with an open connection. */
export type Member = {
  /** `SERVER/SITE` */
  readonly name: string;
  readonly ends: SiteEnds;
};

/** One local and several remote sites: a cluster (E23) or the servers of a live sync (G). */
export type Group = {
  readonly local: SiteEnd;
  /** Those that answer, in order. */
  readonly members: readonly Member[];
  readonly missing: readonly MissingMember[];
  /** All that were asked, in order. */
  readonly names: readonly string[];
};

/** A member that cannot take part, and why. */
export type MissingMember = {readonly name: string; readonly error: OperatorError};

/**
 * Connects to all ends. Remote ones that do not answer are named and left out.
 * @throws OperatorError of the local end, or of the first remote one when none can be reached
 */
export async function connectGroup(
  context: EngineContext,
  state: State,
  addresses: {readonly local: SiteAddress; readonly members: readonly SiteAddress[]},
  signal?: AbortSignal,
): Promise<Group> {
  const [local, ...remotes] = await Promise.allSettled([
    connectSite(context, state, 'local', addresses.local, signal),
    ...addresses.members.map(member => connectSite(context, state, 'remote', member, signal)),
  ]);
  const found = remotes.map((result, index) => ({name: addressText(addresses.members[index]!), result}));
  const missing = found.flatMap(({name, result}) =>
    result.status === 'rejected' ? [{name, error: asOperatorError(result.reason)}] : [],
  );
  const answering = found.flatMap(({name, result}) =>
    result.status === 'fulfilled' ? [{name, remote: result.value}] : [],
  );
  if (local!.status === 'rejected' || answering.length === 0) {
    for (const {remote} of answering) remote.client.close();
    if (local!.status === 'rejected') throw local!.reason;
    local!.value.client.close();
    throw missing[0]!.error;
  }
  const end = local!.value;
  return {
    local: end,
    members: answering.map(({name, remote}) => ({name, ends: {local: end, remote}})),
    missing,
    names: found.map(({name}) => name),
  };
}

/** All ends of a group, the local one first. */
export function endsOf({local, members}: Group): readonly SiteEnd[] {
  return [local, ...members.map(({ends}) => ends.remote)];
}

export function closeGroup(group: Group | undefined): void {
  if (group !== undefined) for (const {client} of endsOf(group)) client.close();
}

/**
 * Names of the members whose database another one before them works on too, so that it is written once (E23).
 * @param declared all members share one database, whatever their agents see
 */
export function sharingDatabase(members: readonly Member[], declared: boolean): ReadonlySet<string> {
  const known = new Set<string>();
  const sharing = new Set<string>();
  for (const {name, ends} of members) {
    const {engine, databaseId} = ends.remote.site;
    if (engine === null) continue;
    const id = declared ? 'declared' : (databaseId ?? name);
    if (known.has(id)) sharing.add(name);
    known.add(id);
  }
  return sharing;
}
