import type {AgentClient} from '../client/agent-client.js';
import {OperatorError} from '../core/operator-error.js';
import type {Side} from '../core/plan.js';
import type {ClockReading} from '../core/preconditions.js';
import type {SiteDescription} from '../core/site-description.js';
import {describeServer} from '../protocol/server-endpoints.js';
import type {State, StoredServer} from '../state/state.js';
import type {SiteAddress} from './engine.js';
import {type EngineContext, findServer} from './engine-context.js';

/** One end of a relationship with an open connection. */
export type SiteEnd = {
  readonly side: Side;
  readonly server: StoredServer;
  readonly site: SiteDescription;
  /** Number of sites that the agent hosts. */
  readonly sitesAtServer: number;
  readonly clock: ClockReading;
  readonly client: AgentClient;
};

/** `SERVER/SITE`, as operators write it. */
export function addressText({server, site}: SiteAddress): string {
  return `${server}/${site}`;
}

export type SiteEnds = Readonly<Record<Side, SiteEnd>>;

export const bothSides = ['local', 'remote'] as const satisfies readonly Side[];

/**
 * Connects to both ends and asks who they are.
 * @throws OperatorError UNREACHABLE and the other failures of E4, UNKNOWN_SITE, NOT_FOUND for a server that the
 *   console does not know.
 */
export async function connectSites(
  context: EngineContext,
  state: State,
  addresses: Readonly<Record<Side, SiteAddress>>,
  signal?: AbortSignal,
): Promise<SiteEnds> {
  const connections = [
    connectSite(context, state, 'local', addresses.local, signal),
    connectSite(context, state, 'remote', addresses.remote, signal),
  ] as const;
  try {
    const [local, remote] = await settleBoth(...connections);
    return {local, remote};
  } catch (error) {
    for (const connection of connections) connection.then(({client}) => client.close()).catch(() => {});
    throw error;
  }
}

/**
 * Connects to one end and asks who it is.
 * @throws OperatorError as `connectSites`
 */
export async function connectSite(
  context: EngineContext,
  state: State,
  side: Side,
  {server: name, site}: SiteAddress,
  signal?: AbortSignal,
): Promise<SiteEnd> {
  const server = findServer(state, name);
  const client = await context.connect(server);
  try {
    const askedMs = Date.now();
    const found = await client.call(describeServer, signal === undefined ? {} : {signal});
    const description = found.sites.find(candidate => candidate.name === site);
    if (description === undefined)
      throw new OperatorError('UNKNOWN_SITE', `${name} hosts no site ${site}.`, {
        hint: `It hosts: ${found.sites.map(candidate => candidate.name).join(', ') || 'none'}.`,
      });
    return {
      side,
      server,
      site: description,
      sitesAtServer: found.sites.length,
      clock: {agentMs: found.clock, askedMs, answeredMs: Date.now()},
      client,
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

export function closeSites(ends: SiteEnds | undefined): void {
  ends?.local.client.close();
  ends?.remote.client.close();
}

/** Waits for both, also when one fails, so that nothing is still going on when the failure is dealt with. */
export async function settleBoth<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
