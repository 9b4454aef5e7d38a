import type {ServiceVerb} from './service-settings.js';

/** What every command of a service is told, as environment. */
export type ServiceContext = {
  /** Working folder: the server folder. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Told the process of each command that may change something, so that a restarted agent can find it. */
  readonly onCommand?: (pid: number, verb: ServiceVerb) => void;
};

/** Whether the service runs; `unknown` where nothing is configured that could tell. */
export type ServiceState = 'running' | 'stopped' | 'unknown';

export type Health =
  | {readonly kind: 'well'; readonly detail: string}
  | {readonly kind: 'unwell'; readonly detail: string};

/**
 * The service of a site as an update handles it. Two adapters, one contract suite: `command` runs what agent.json names,
 * `systemd` a unit. Every verb may be repeated: it makes something so, and does nothing where it is so already.
 */
export type Service = {
  /** Which optional verbs are configured. */
  can(verb: ServiceVerb): boolean;
  /** @throws OperatorError SERVICE_FAILED */
  start(context: ServiceContext): Promise<void>;
  /**
   * Stops the service and waits until it has ended. One that ignores that is killed only where it is configured.
   * @returns a sentence about how it ended, where that is worth telling
   * @throws OperatorError SERVICE_FAILED when it still runs
   */
  stop(context: ServiceContext): Promise<string | undefined>;
  state(context: ServiceContext): Promise<ServiceState>;
  /** Users on the service; undefined where that is not configured. @throws OperatorError SERVICE_FAILED */
  sessions(context: ServiceContext): Promise<number | undefined>;
  /** Carries out a command that is only there to be carried out; nothing where it is not configured. */
  tell(verb: 'warn' | 'closeLogins' | 'openLogins' | 'logoff', context: ServiceContext): Promise<void>;
  /** @throws OperatorError MIGRATION_FAILED */
  migrate(context: ServiceContext): Promise<string>;
  /** What the structure command prints; undefined where there is none. */
  structureVersion(context: ServiceContext): Promise<string | undefined>;
  /**
   * Looks once whether the service is well.
   * @param version the version that should answer; '' when it is not known
   */
  health(version: string, context: ServiceContext): Promise<Health>;
};
