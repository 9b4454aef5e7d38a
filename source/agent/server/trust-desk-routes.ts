import {fingerprintOf} from '../../protocol/identity.js';
import {formatInvitation} from '../../protocol/invitation.js';
import {
  auditPage,
  listPeers,
  makeInvitation,
  type PinnedPeer,
  pinConsole,
  readAudit,
  revokePeer,
} from '../../protocol/trust-endpoints.js';
import {verifyAuditLog} from '../trust/audit-log.js';
import type {Invitations} from '../trust/invitations.js';
import type {Pin} from '../trust/pins.js';
import {readAuditLog} from '../trust/read-audit-log.js';
import type {AgentServer} from './agent-server.js';
import type {Caller} from './caller.js';
import {printableName} from './printable-name.js';
import {registerEndpoint} from './register-endpoint.js';

export type TrustDeskOptions = {
  readonly dataFolder: string;
  readonly invitations: Invitations;
  /** Where the agent can be reached, as invitations name it. */
  readonly url: () => string;
};

/** Registers what operators see and administrators decide of an agent's trust from their console (E4, X7). */
export function registerTrustDesk(server: AgentServer, options: TrustDeskOptions): void {
  const {dataFolder} = options;

  registerEndpoint(server, listPeers, () => ({peers: server.pins.list().map(describePin)}));

  /** The call itself is in the log by now; this is what came of it, in the words of the command line. */
  const note = (what: string, detail: string, {fingerprint, name, role}: Caller) =>
    server.audit.append({kind: 'command', what, detail, caller: {fingerprint, name, role}});

  registerEndpoint(server, pinConsole, async ({body, caller}) => {
    const fingerprint = fingerprintOf(body.certificate);
    const pin = await server.pins.trust({
      fingerprint,
      name: printableName(body.name),
      role: body.role,
      sites: [],
    });
    await note('cert trust', `${fingerprint} ${pin.role} ${pin.name}`, caller);
    server.log.info({fingerprint, role: pin.role}, 'pinned by hand');
    return {peer: describePin(pin)};
  });

  registerEndpoint(server, revokePeer, async ({body, caller}) => {
    const pin = await server.pins.revoke(body.fingerprint);
    await note('agent revoke', `${pin.fingerprint} ${pin.name}`, caller);
    server.log.info({fingerprint: pin.fingerprint, role: pin.role}, 'revoked');
    return {peer: describePin(pin)};
  });

  registerEndpoint(server, makeInvitation, async ({body, caller}) => {
    const {secret, expiresAt} = await options.invitations.create(body.role, body.ttlMs);
    await note('agent invite', `${body.role} until ${expiresAt}`, caller);
    const {fingerprint} = server.identity;
    return {invitation: formatInvitation({url: options.url(), fingerprint, secret, expiresAt}), expiresAt};
  });

  registerEndpoint(server, readAudit, async ({query}) => {
    const limit = Math.min(Number(query.limit ?? auditPage), auditPage);
    const before = query.before === undefined ? {} : {before: Number(query.before)};
    return {
      ...(await readAuditLog(dataFolder, {limit, ...before})),
      ...(query.verify === undefined ? {} : {verdict: await verifyAuditLog(dataFolder)}),
    };
  });
}

function describePin({fingerprint, name, role, sites, outbound, addedAt}: Pin): PinnedPeer {
  return {
    fingerprint,
    name,
    role,
    sites: [...sites],
    ...(outbound === undefined ? {} : {outbound: [...outbound]}),
    addedAt,
  };
}
