import {OperatorError} from '../../core/operator-error.js';
import {type AgentConnection, connectAgent} from '../../protocol/transport/agent-connection.js';
import type {AgentServer} from '../server/agent-server.js';

/**
 * A connection to an agent that this one was introduced to for the site: an operator may send content to no other.
 * Nothing is opened before the first call. Errors call it by the name under which it was introduced.
 * @throws OperatorError IDENTITY_REFUSED
 */
export function connectPeer(
  server: AgentServer,
  {url, fingerprint}: {url: string; fingerprint: string},
  site: string,
): AgentConnection {
  const {identity} = server;
  if (fingerprint === identity.fingerprint) return connectAgent({url, fingerprint, identity});
  const pin = server.pins.find(fingerprint);
  if (pin?.role === 'peer' && (pin.sites.includes(site) || pin.outbound?.includes(site)))
    return connectAgent({url, fingerprint, identity, name: pin.name});
  throw new OperatorError(
    'IDENTITY_REFUSED',
    `This agent does not know the agent ${fingerprint.slice(0, 16)}… as a partner of site ${site}.`,
    {hint: 'Creating a relationship introduces the two agents: `lockstep relationship create`.'},
  );
}
