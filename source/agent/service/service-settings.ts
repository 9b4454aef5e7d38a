/** A command of agent.json, ready to run. */
export type ServiceCommand = {readonly argv: readonly string[]; readonly timeoutMs: number};

/** What a service may be asked for by a command. */
export type ServiceVerb =
  | 'start'
  | 'stop'
  | 'status'
  | 'sessions'
  | 'warn'
  | 'closeLogins'
  | 'openLogins'
  | 'logoff'
  | 'kill'
  | 'health'
  | 'migrate'
  | 'structureVersion';

/** Where an HTTP answer says the version of the service. */
export type VersionPlace =
  | {readonly kind: 'body'}
  | {readonly kind: 'header'; readonly name: string}
  | {readonly kind: 'pointer'; readonly pointer: string};

export type HealthSettings = {
  readonly url: string | undefined;
  readonly status: number;
  readonly version: VersionPlace | undefined;
  readonly timeoutMs: number;
};

/** How the service of a site is handled; everything from agent.json, nothing from a release. */
export type ServiceSettings = {
  readonly commands: Readonly<Partial<Record<ServiceVerb, ServiceCommand>>>;
  /** The unit of systemd; undefined where commands start and stop the service. */
  readonly unit: string | undefined;
  readonly killUnit: boolean;
  /** Whether a command that ignores TERM is killed. */
  readonly killCommands: boolean;
  readonly health: HealthSettings;
};
