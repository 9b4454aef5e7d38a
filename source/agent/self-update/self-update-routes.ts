import * as endpoints from '../../protocol/agent-update-endpoints.js';
import {digestIn, signatureIn} from '../releases/release-routes.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import type {Updates} from '../update/updates.js';
import {type SelfUpdate, selfName} from './self-update.js';

/** The update of the agent itself (U13), told to the console that decides. */
export function registerSelfUpdateRoutes(server: AgentServer, self: SelfUpdate, updates: Updates): void {
  const {subject} = self;
  server.fastify.addHook('onResponse', async (request, reply) => {
    const caller = server.callers.get(request);
    const isConsole = caller !== undefined && caller.role !== 'peer' && caller.role !== 'nobody';
    if (isConsole && reply.statusCode < 400) self.reached(caller.name);
  });
  registerEndpoint(server, endpoints.showAgentUpdate, async () => {
    const {update} = updates.current(selfName);
    return {version: subject.version, allowed: await self.isAllowed(), ...(update && {update})};
  });
  registerEndpoint(server, endpoints.startAgentUpdate, ({body}) => self.start(updates, body));
  registerEndpoint(server, endpoints.findAgentUpdate, ({params}) => updates.show(selfName, params.update));
  registerEndpoint(server, endpoints.describeAgentRelease, async ({params}) => {
    const archiveBytes = await subject.releases.archiveBytes(digestIn(params.release));
    return {known: archiveBytes !== undefined, archiveBytes: archiveBytes ?? 0};
  });
  registerEndpoint(server, endpoints.putAgentManifest, async ({params, query, body}) => {
    await self.mustBeAllowed();
    return subject.releases.putManifest(digestIn(params.release), body, signatureIn(query));
  });
  registerEndpoint(server, endpoints.putAgentArchive, async ({params, query, body}) => {
    await self.mustBeAllowed();
    return subject.releases.putArchive(digestIn(params.release), Number(query.from), body);
  });
}
