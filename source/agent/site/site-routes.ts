import {registerBackupRoutes} from '../backup/backup-routes.js';
import {registerLogRoutes} from '../logs/log-routes.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerContentRoutes} from './content-routes.js';
import {registerHistoryRoutes} from './history-routes.js';
import {registerRecordRoutes} from './record-routes.js';
import {registerRowRoutes} from './row-routes.js';
import {registerRunRoutes} from './run-routes.js';
import type {SiteOf} from './site.js';

/** Adds every endpoint of a site to the server: what agents do, told to the console that decides. */
export function registerSiteRoutes(server: AgentServer, siteOf: SiteOf): void {
  registerRunRoutes(server, siteOf);
  registerRecordRoutes(server, siteOf);
  registerRowRoutes(server, siteOf);
  registerContentRoutes(server, siteOf);
  registerHistoryRoutes(server, siteOf);
  registerBackupRoutes(server, siteOf);
  registerLogRoutes(server, siteOf);
}
