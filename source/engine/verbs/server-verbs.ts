import type {SiteDescription} from '../../core/site-description.js';
import type {UpdateStatus} from '../../core/update-status.js';
import type {AgentUpdateOptions, AgentVersion} from '../update-agent.js';

/** A server as the console knows it. */
export type ServerEntry = {
  name: string;
  url: string;
  fingerprint: string;
  role: string;
  addedAt: string;
  sites: readonly string[];
  /** The server's number (E25); absent until it is part of a relationship. */
  number?: number;
  /** Numbers of sites that have one of their own. */
  siteNumbers?: Readonly<Record<string, number>>;
};

/** What a check of one server found; `kind` is exhaustive (E4, E26). */
export type ServerCheck = {
  server: string;
  kind: 'ok' | 'unreachable' | 'certificate-mismatch' | 'no-endpoint' | 'identity-refused' | 'identity-moved';
  detail: string;
  hint?: string;
  clockSkewMs?: number;
  /** Of its agent. */
  version?: string;
  /** Version of this console, where the agent's is older (U13). */
  olderThan?: string;
  role?: string;
  sites?: readonly SiteDescription[];
  /** What works but will not for ever: columns that are too narrow for the server's ids (E25). */
  warnings?: readonly string[];
  /** Sites whose databases cannot be used: no run that is about rows goes through. */
  databaseFailures?: readonly {site: string; detail: string; hint?: string}[];
};

/** Servers and their agents (E1–E4, U13). */
export type ServerVerbs = {
  list(): Promise<readonly ServerEntry[]>;
  add(invitation: string, name?: string): Promise<ServerEntry & {sites: readonly string[]}>;
  /** With `quick` only whether the server answers as it should, within some seconds; its databases are not asked. */
  check(name?: string, options?: {quick?: boolean}): Promise<readonly ServerCheck[]>;
  /** How the agent's version stands to the console's, and its last update (U13). */
  agent(name: string): Promise<AgentVersion>;
  /**
   * Updates the agent to the version of this console, or to a release of Lockstep, and looks on until that has ended (U13).
   * @throws OperatorError RELEASE_REFUSED for an agent that is not older, UPDATE_NOT_CONFIGURED, SIGNATURE_REFUSED,
   *   SITE_BUSY while a run or an update is at work there, ROLE_REFUSED
   */
  updateAgent(name: string, options?: AgentUpdateOptions): Promise<UpdateStatus>;
  rename(name: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /**
   * Pins an agent's certificate by hand (E4): replaces the pin of the server `name`, or adds a server of that
   * name when `url` is given.
   */
  trust(certificate: string, options: {name: string; url?: string}): Promise<ServerEntry>;
};
