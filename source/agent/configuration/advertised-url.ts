import {networkInterfaces} from 'node:os';
import type {AgentConfiguration} from './agent-configuration.js';

/**
 * The address that an invitation gives to others: what agent.json says (`advertise`), else where the agent listens,
 * else, for an agent that listens everywhere, the machine's first address that is not its own loop.
 */
export function advertisedUrl(
  configuration: Pick<AgentConfiguration, 'host' | 'advertise'>,
  port: number,
): string {
  const host = configuration.advertise ?? reachableHost(configuration.host);
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function reachableHost(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host;
  const addresses = Object.values(networkInterfaces()).flatMap(found => found ?? []);
  return addresses.find(address => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}
