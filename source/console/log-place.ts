import type {Fault} from './shared-data.js';

/** Codes of what went wrong on this machine, before an agent had a part in it. */
const ownCodes = new Set([
  'USAGE',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'ANSWER_MISSING',
  'INVALID_STATE',
  'STATE_TOO_NEW',
  'STATE_LOCKED',
  'SCHEDULER_RUNNING',
  'STALE_PLAN',
]);

/** Codes of a connection that did not come about: the agent may know nothing of it. */
const connectionCodes = new Set([
  'UNREACHABLE',
  'CONNECTION_LOST',
  'NO_SUCH_ENDPOINT',
  'INVALID_ANSWER',
  'CERTIFICATE_MISMATCH',
]);

/** Where more about a fault can be read. @param home the console's folder */
export function logPlace(fault: Fault, home: string): string {
  if (ownCodes.has(fault.code)) return `nothing reached a server; the logs of runs are in ${home}/runs`;
  if (connectionCodes.has(fault.code))
    return 'agent.log in the data folder of the server, if the agent was reached at all; ! runs the doctor';
  if (fault.code === 'INTERNAL') return `LOCKSTEP_DEBUG=1 shows more; the logs of runs are in ${home}/runs`;
  return `agent.log in the data folder of the server; of a run also ${home}/runs`;
}
