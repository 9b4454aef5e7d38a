import type {Logger} from 'pino';
import type {UpdateFault} from '../../core/fault-point.js';
import type {ErrorDocument} from '../../core/operator-error.js';
import type {UpdateProgress} from '../../core/update-journal.js';
import type {UpdateNotice} from '../../core/update-status.js';
import type {Service} from '../service/service.js';
import type {ReleaseTools, UpdateRequest} from './update-request.js';
import type {UpdateSettings} from './update-settings.js';
import type {UpdateSubject} from './update-subject.js';

/** What an update needs of the agent that carries it out. */
export type UpdateHost = {
  readonly dataFolder: string;
  readonly serverName: string;
  readonly tools: ReleaseTools;
  readonly log: Logger;
  /** The site as it is served now. */
  site(): UpdateSubject;
  /** From agent.json as it is now. @throws OperatorError UPDATE_NOT_CONFIGURED */
  settings(): UpdateSettings;
  service(settings: UpdateSettings): Service;
  publish(notice: Omit<UpdateNotice, 'site' | 'at'>): void;
  setVersion(version: string): Promise<void>;
  /** Keeps runs away from the site. @throws OperatorError SITE_BUSY */
  takeSite(request: UpdateRequest): void;
  mail(
    update: {readonly request: UpdateRequest; readonly progress: UpdateProgress},
    error: ErrorDocument | undefined,
  ): Promise<readonly string[]>;
  /** A place at which a test may end the agent or let the update wait. */
  pass(place: UpdateFault): Promise<void>;
  readonly now: () => number;
};
