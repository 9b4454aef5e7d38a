import type {UpdateFacts, UpdateProgress} from '../../core/update-journal.js';
import type {UpdateNotice} from '../../core/update-status.js';
import type {Service, ServiceContext} from '../service/service.js';
import type {ReleaseTools, UpdateRequest} from './update-request.js';
import type {UpdateSettings} from './update-settings.js';
import type {UpdateSubject} from './update-subject.js';

/** What a step is given. */
export type StepContext = {
  readonly request: UpdateRequest;
  readonly site: UpdateSubject;
  readonly settings: UpdateSettings;
  readonly service: Service;
  /** For commands of the service; its signal is aborted when the agent stops, and by an abort of the operator. */
  readonly command: ServiceContext;
  /** As `command`, for what must not be broken off half way: start, stop and migrate. */
  readonly firm: ServiceContext;
  readonly tools: ReleaseTools;
  readonly dataFolder: string;
  /** The folder of the update in the agent's data. */
  readonly folder: string;
  /** The folder beside the server folder in which the update works. */
  readonly workFolder: string;
  readonly progress: UpdateProgress;
  readonly signal: AbortSignal;
  readonly now: () => number;
  report(done: number, total: number): void;
  usersLeft(count: number | undefined): void;
  notice(state: UpdateNotice['state'], message: string, sessionsEndAt?: string): void;
  /** Remembers in the journal what went wrong without stopping the update. */
  warn(message: string): void;
  /** Keeps runs away from the site. @throws OperatorError SITE_BUSY */
  takeSite(): void;
  /** Makes a version the one that the site says it runs. */
  setVersion(version: string): Promise<void>;
};

/** How a step went, when it did not fail. */
export type StepResult =
  | {readonly kind: 'done'; readonly detail?: string; readonly facts?: UpdateFacts}
  | {readonly kind: 'skipped'; readonly detail: string};

/** A step that has had its effect, with what is worth remembering of it. */
export const done = (detail?: string, facts?: UpdateFacts): StepResult => ({
  kind: 'done',
  ...(detail === undefined ? {} : {detail}),
  ...(facts === undefined ? {} : {facts}),
});
/** A step that had nothing to do here, and why. */
export const skipped = (detail: string): StepResult => ({kind: 'skipped', detail});
