import {
  type AgentConnection,
  type ConnectionOptions,
  certificateOf,
  connectAgent,
} from '../protocol/transport/agent-connection.js';
import {openWithGot} from './open-with-got.js';

/** The console's end of a connection to an agent. */
export type AgentClient = AgentConnection;

/** What a console needs to call an agent: always with an identity, since only pairing is done without a pin. */
export type AgentClientOptions = ConnectionOptions & {
  readonly identity: NonNullable<ConnectionOptions['identity']>;
};

/** Makes the client for one agent. Agents use the same transport among themselves (protocol/transport/). */
export function createAgentClient(options: AgentClientOptions): AgentClient {
  return connectAgent({...options, open: openWithGot});
}

export {certificateOf};
