import type {AgentClient} from '../client/agent-client.js';
import {OperatorError} from '../core/operator-error.js';
import type {Side} from '../core/plan.js';
import {preconditionError} from '../core/preconditions.js';
import {introducePeer, testPeer, withdrawPeer} from '../protocol/server-endpoints.js';
import type {State, StoredRelationship, StoredServer} from '../state/state.js';
import {closeSites, connectSites} from './connect-sites.js';
import type {SiteAddress} from './engine.js';
import {type EngineContext, findServer} from './engine-context.js';
import {partnersOf} from './members.js';
import {numberSites} from './number-sites.js';

type Ends = Record<'local' | 'remote', {client: AgentClient; server: StoredServer; site: string}>;

/**
 * Makes two agents know each other as partners for the two sites (X1, E5): the remote one lets the local one push to
 * and pull from its site; the local one exchanges its site's content with that partner and no other, but gives it no
 * right, because an outside server can do nothing to an inside one (X7). Then the local agent, which opens every
 * connection (E26), tries it.
 * @throws OperatorError the failures of E4, each with its own code.
 */
export async function introduceAgents({local, remote}: Ends): Promise<void> {
  await remote.client.call(introducePeer, {
    body: {name: local.server.name, certificate: await local.client.certificate(), sites: [remote.site]},
  });
  await local.client.call(introducePeer, {
    body: {
      name: remote.server.name,
      certificate: await remote.client.certificate(),
      sites: [],
      outbound: [local.site],
    },
  });
  const test = await local.client.call(testPeer, {
    body: {url: remote.server.url, fingerprint: remote.server.fingerprint, site: remote.site},
  });
  const refusal = refusalOf(test, local.server.name, remote.server.name);
  if (refusal !== undefined) throw refusal;
}

/** What an agent's attempt at a connection amounts to: nothing, or one of the failures of E4. */
export function refusalOf(
  test: {kind: 'connected' | keyof typeof failures; detail: string},
  local: string,
  remote: string,
): OperatorError | undefined {
  if (test.kind === 'connected') return undefined;
  const {code, hint} = failures[test.kind];
  return new OperatorError(code, `${local} cannot work with ${remote}: ${test.detail}`, {hint});
}

/**
 * Introduces the agent of a local site to those of remote sites (E5), after a look whether they can work together.
 * @param origin the side whose content the other one gets first
 * @throws OperatorError USAGE, ENGINE_DIFFERS, and as `introduceAgents`
 */
export async function introduceSites(
  context: EngineContext,
  state: State,
  local: SiteAddress,
  remotes: readonly SiteAddress[],
  origin: Side,
): Promise<void> {
  const databases = new Set<string>();
  for (const remote of remotes) {
    const ends = await connectSites(context, state, {local, remote});
    try {
      if (ends.local.server.fingerprint === ends.remote.server.fingerprint && local.site === remote.site)
        throw new OperatorError('USAGE', `Both ends are the same site (${local.server}/${local.site}).`, {
          hint: 'A relationship needs two sites.',
        });
      const engines = {local: ends.local.site.engine, remote: ends.remote.site.engine};
      // A site without a database can still take part with its files (E27).
      if (engines.local !== null && engines.remote !== null && engines.local !== engines.remote)
        throw preconditionError({kind: 'engine-differs', ...engines});
      await introduceAgents({
        local: {client: ends.local.client, server: ends.local.server, site: local.site},
        remote: {client: ends.remote.client, server: ends.remote.server, site: remote.site},
      });
      // A database that several members share has the number of the first.
      const {databaseId} = ends.remote.site;
      if (databaseId === undefined || !databases.has(databaseId)) await numberSites(context, ends, origin);
      if (databaseId !== undefined) databases.add(databaseId);
    } finally {
      closeSites(ends);
    }
  }
}

const failures = {
  'certificate-mismatch': {
    code: 'CERTIFICATE_MISMATCH',
    hint: 'Somebody else answers there, or the server made new keys: `lockstep server check` tells.',
  },
  'no-endpoint': {
    code: 'NO_SUCH_ENDPOINT',
    hint: 'The address leads elsewhere when seen from the local server.',
  },
  'unknown-site': {code: 'UNKNOWN_SITE', hint: 'See `lockstep server check` for the sites of the server.'},
  'identity-refused': {code: 'IDENTITY_REFUSED', hint: 'See `lockstep agent peers` on the remote server.'},
  unreachable: {
    code: 'PEER_UNREACHABLE',
    hint: 'The local server must be able to reach the remote one at the address by which the console knows it.',
  },
} as const;

/**
 * Introduces a server that was paired again, perhaps under a new certificate, to those it has relationships
 * with. One that does not answer now is told by `lockstep doctor`; it does not stop the pairing.
 */
export async function introduceAgain(context: EngineContext, name: string): Promise<void> {
  const state = await context.state.read();
  for (const pair of partnersOf(state)) {
    if (pair.local.server !== name && pair.remote.server !== name) continue;
    const end = async ({server, site}: SiteAddress) => {
      const entry = findServer(state, server);
      return {client: await context.connect(entry), server: entry, site};
    };
    const [local, remote] = [await end(pair.local), await end(pair.remote)];
    try {
      await introduceAgents({local, remote});
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
    } finally {
      local.client.close();
      remote.client.close();
    }
  }
}

/**
 * Takes back what an introduction gave for a relationship that was deleted, as far as none of the relationships that
 * `state` still has needs it (X7).
 * @returns for each agent that could not be told, why.
 */
export async function withdrawAgents(
  context: EngineContext,
  state: State,
  {local, remote}: Pick<StoredRelationship, 'local' | 'remote'>,
): Promise<readonly {server: string; reason: string}[]> {
  const others = partnersOf(state).filter(
    other => other.local.server === local.server && other.remote.server === remote.server,
  );
  const outbound = others.some(other => other.local.site === local.site) ? [] : [local.site];
  const sites = others.some(other => other.remote.site === remote.site) ? [] : [remote.site];
  const withdraw = async (at: string, from: string, given: {sites: string[]; outbound: string[]}) => {
    if (given.sites.length === 0 && given.outbound.length === 0) return;
    const client = await context.connect(findServer(state, at));
    try {
      const {fingerprint} = findServer(state, from);
      await client.call(withdrawPeer, {body: {fingerprint, ...given}});
    } finally {
      client.close();
    }
  };
  const attempts = await Promise.allSettled([
    withdraw(remote.server, local.server, {sites, outbound: []}),
    withdraw(local.server, remote.server, {sites: [], outbound}),
  ]);
  return attempts.flatMap((attempt, index) =>
    attempt.status === 'fulfilled'
      ? []
      : [
          {
            server: index === 0 ? remote.server : local.server,
            reason: attempt.reason instanceof Error ? attempt.reason.message : String(attempt.reason),
          },
        ],
  );
}
