import {OperatorError} from '../../core/operator-error.js';
import type {SiteDescription} from '../../core/site-description.js';
import {fingerprintOf} from '../../protocol/identity.js';
import {
  describeServer,
  introducePeer,
  pair,
  testPeer,
  withdrawPeer,
} from '../../protocol/server-endpoints.js';
import {connectAgent} from '../../protocol/transport/agent-connection.js';
import type {Invitations} from '../trust/invitations.js';
import {createRateLimit} from '../trust/rate-limit.js';
import type {AgentServer} from './agent-server.js';
import type {Caller} from './caller.js';
import {printableName} from './printable-name.js';
import {registerEndpoint} from './register-endpoint.js';

export type TrustRouteOptions = {
  readonly name: string;
  readonly serverId: string;
  readonly version: string;
  readonly invitations: Invitations;
  readonly describeSites: () => Promise<readonly SiteDescription[]>;
};

/** Wrong attempts at pairing: 10 a minute from one address, 60 from all together. */
const attempts = {perKey: 10, overall: 60, windowMs: 60_000};

/** Registers pairing, description and introduction (X1, E4, E5). */
export function registerTrustRoutes(server: AgentServer, options: TrustRouteOptions): void {
  const rateLimit = createRateLimit(attempts);

  const describe = async (role: 'view' | 'operate' | 'admin' | 'peer', caller: Pick<Caller, 'sites'>) => {
    const sites = await options.describeSites();
    return {
      name: options.name,
      serverId: options.serverId,
      version: options.version,
      fingerprint: server.identity.fingerprint,
      clock: Date.now(),
      role,
      // A peer is told of what it was given and of nothing else (X7).
      sites: role === 'peer' ? sites.filter(site => caller.sites.includes(site.name)) : [...sites],
    };
  };

  registerEndpoint(server, pair, async ({body, caller}) => {
    const turn = rateLimit.take(caller.address);
    if (!turn.allowed)
      throw new OperatorError('RATE_LIMITED', 'Too many attempts to pair.', {
        hint: `Try again in ${Math.ceil(turn.waitMs / 1000)} s.`,
      });
    const role = await options.invitations.redeem(body.secret);
    if (!role)
      throw new OperatorError('INVITATION_REFUSED', 'The invitation is used, expired or wrong.', {
        hint: 'Make a new one on the server: lockstep agent invite --data DIR',
      });
    rateLimit.giveBack(caller.address);
    const {fingerprint} = caller;
    await server.pins.trust({fingerprint, name: printableName(body.name), role, sites: []});
    server.log.info({fingerprint, role}, 'paired');
    return {role, server: await describe(role, caller)};
  });

  registerEndpoint(server, describeServer, async ({caller}) => {
    if (caller.role === 'nobody') throw new Error('an unpinned caller passed the gate');
    return describe(caller.role, caller);
  });

  registerEndpoint(server, introducePeer, async ({body}) => {
    const {sites, outbound = []} = body;
    for (const site of [...sites, ...outbound])
      if (!server.hasSite(site))
        throw new OperatorError('UNKNOWN_SITE', `This server hosts no site ${site}.`, {
          hint: '`lockstep server check NAME` lists the sites of a server.',
        });
    const fingerprint = fingerprintOf(body.certificate);
    await server.pins.introduce({fingerprint, name: printableName(body.name), sites, outbound});
    server.log.info({fingerprint, sites, outbound}, 'introduced to a peer');
    return {fingerprint};
  });

  registerEndpoint(server, withdrawPeer, async ({body}) => {
    await server.pins.withdraw(body);
    server.log.info(body, 'withdrew from a peer');
    return {};
  });

  registerEndpoint(server, testPeer, async ({body, signal}) => {
    const connection = connectAgent({...body, identity: server.identity, timeoutMs: 10_000});
    try {
      const found = await connection.call(describeServer, {signal});
      if (found.sites.some(site => site.name === body.site))
        return {kind: 'connected' as const, detail: found.name};
      return {
        kind: 'unknown-site' as const,
        detail: `${found.name} hosts no site ${body.site}, or has not given it to ${options.name}.`,
      };
    } catch (error) {
      return explainFailure(error);
    } finally {
      connection.close();
    }
  });
}

type TestResult = {
  kind: 'certificate-mismatch' | 'no-endpoint' | 'identity-refused' | 'unreachable';
  detail: string;
};

/** The failures of E4 that a connection can have, each told apart. */
function explainFailure(error: unknown): TestResult {
  if (!(error instanceof OperatorError)) throw error;
  const detail = error.message;
  switch (error.code) {
    case 'CERTIFICATE_MISMATCH':
      return {kind: 'certificate-mismatch', detail};
    case 'NO_SUCH_ENDPOINT':
    case 'INVALID_ANSWER':
      return {kind: 'no-endpoint', detail};
    case 'IDENTITY_REFUSED':
    case 'ROLE_REFUSED':
    case 'SITE_REFUSED':
      return {kind: 'identity-refused', detail};
    case 'UNREACHABLE':
    case 'CONNECTION_LOST':
      return {kind: 'unreachable', detail};
    default:
      throw error;
  }
}
