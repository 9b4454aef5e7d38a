import type {Service} from '../service/service.js';
import type {Lease} from '../site/leases.js';
import type {Site} from '../site/site.js';
import type {UpdateSettings} from './update-settings.js';

/** What is updated: a site's server, or the agent itself (U13). */
export type UpdateSubject = Pick<Site, 'name' | 'folder' | 'version' | 'releases' | 'backups' | 'restore'> & {
  readonly configuration: {
    readonly update?: UpdateSettings;
    /** Only whether there is a mail server matters here. */
    readonly mail?: unknown;
    readonly database?: {readonly url: string};
  };
  readonly lease: Pick<Lease, 'holder' | 'take' | 'release' | 'begin' | 'checkNotOthers'>;
  /** How the agent is started anew; undefined for sites, whose service and version stand in agent.json. */
  readonly own?: Service;
};
