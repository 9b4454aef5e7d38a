import * as endpoints from '../../protocol/update-endpoints.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import type {Updates} from './updates.js';

/** Updates of the sites' services (U1–U15), told to the console that decides. */
export function registerUpdateRoutes(server: AgentServer, updates: Updates): void {
  registerEndpoint(server, endpoints.checkUpdate, ({params, body, signal}) =>
    updates.check(params.site, body, signal),
  );
  registerEndpoint(server, endpoints.startUpdate, ({params, body}) => updates.start(params.site, body));
  registerEndpoint(server, endpoints.currentUpdate, ({params}) => updates.current(params.site));
  registerEndpoint(server, endpoints.listUpdates, ({params}) => ({updates: updates.list(params.site)}));
  registerEndpoint(server, endpoints.showUpdate, ({params}) => updates.show(params.site, params.update));
  registerEndpoint(server, endpoints.readUpdateJournal, ({params, query}) => ({
    events: updates.journal(params.site, params.update, Number(query.after)),
  }));
  registerEndpoint(server, endpoints.abortUpdate, ({params, body}) =>
    updates.abort(params.site, params.update, body.by),
  );
  registerEndpoint(server, endpoints.rollBackUpdate, ({params, body}) =>
    updates.rollBack(params.site, params.update, body),
  );
  registerEndpoint(server, endpoints.showNotice, ({params}) => updates.notice(params.site));
  registerEndpoint(server, endpoints.lockForRollout, ({params, body}) => updates.lock(params.site, body));
  registerEndpoint(server, endpoints.unlockAfterRollout, async ({params}) => {
    await updates.unlock(params.site, params.lock);
    return {};
  });
}
