import {asOperatorError} from '../../core/operator-error.js';
import {notifyUser as endpoint} from '../../protocol/row-endpoints.js';
import type {Outbox} from '../mail/outbox.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import {notifyUser} from './notify-user.js';
import type {Site} from './site.js';

/** Adds the call that tells a user of a new name (E18). */
export function registerNotifyRoute(
  server: AgentServer,
  siteOf: (name: string) => Site,
  outbox: Outbox,
): void {
  registerEndpoint(server, endpoint, async ({params, body: {table, key, ...about}}) => {
    const site = siteOf(params.site);
    try {
      const told = await notifyUser({type: 'row', table, key}, about, {
        ...site,
        ...site.notification,
        outbox,
      });
      server.log.info({site: site.name, table, key, ...told}, 'told a user of a new name');
      return told;
    } catch (error) {
      const {message} = asOperatorError(error);
      server.log.warn({site: site.name, table, key, error: message}, 'could not tell a user');
      throw error;
    }
  });
}
