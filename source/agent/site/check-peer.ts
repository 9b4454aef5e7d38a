import {OperatorError} from '../../core/operator-error.js';
import type {AgentServer} from '../server/agent-server.js';

/**
 * An operator may send content only to agents that this one was introduced to for the site.
 * @throws OperatorError IDENTITY_REFUSED
 */
export function checkPeer(server: AgentServer, fingerprint: string, site: string): void {
  if (fingerprint === server.identity.fingerprint) return;
  const pin = server.pins.find(fingerprint);
  if (pin?.role === 'peer' && (pin.sites.includes(site) || pin.outbound?.includes(site))) return;
  throw new OperatorError(
    'IDENTITY_REFUSED',
    `This agent does not know the agent ${fingerprint.slice(0, 16)}… as a partner of site ${site}.`,
    {hint: 'Creating a relationship introduces the two agents: `lockstep relationship create`.'},
  );
}
