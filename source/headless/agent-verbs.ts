/*
 * What `lockstep agent …` and `lockstep cert …` ask of the agent's side of the program. The headless layer may
 * not import the agent, so main.ts hands the implementation (agent/verbs.ts) in. All throw OperatorError.
 */

/** Roles that an operator gives to a console (X7). */
export type ConsoleRole = 'admin' | 'operate' | 'view';

/** Whose identity a certificate verb is about: an agent's data folder or a console's home. */
export type IdentityPlace = {readonly data: string} | {readonly home: string};

/** A pinned certificate. Times are ISO 8601 in UTC. */
export type PeerListing = {
  readonly name: string;
  readonly fingerprint: string;
  readonly role: string;
  /** Empty for consoles, which reach every site. */
  readonly sites: readonly string[];
  readonly addedAt: string;
};

export type CertificateListing = {
  readonly fingerprint: string;
  readonly notAfter: string;
  /** Path of the certificate's PEM file. */
  readonly path: string;
};

export type AgentStatus = {
  readonly name: string;
  readonly fingerprint: string;
  readonly running: boolean;
  readonly pid?: number;
  /** Address under which the agent answers, as far as its configuration tells. */
  readonly url?: string;
  readonly sites: readonly {
    readonly name: string;
    readonly root: string;
    readonly version: string;
    readonly database?: string;
  }[];
  /** Number of certificates that are pinned. */
  readonly peers: number;
};

/** A mistake in agent.json, with its place and the remedy. */
export type ConfigurationProblem = {
  readonly file: string;
  readonly place: string;
  readonly message: string;
  readonly remedy: string;
  /** Something that is only missing when it is asked for; agent.json is valid all the same. */
  readonly warning?: true;
};

export type AuditVerdict =
  | {readonly kind: 'whole'; readonly entries: number}
  | {readonly kind: 'tampered'; readonly entries: number; readonly line: number; readonly detail: string};

export type AgentVerbs = {
  /** Makes identity and agent.json. `listen` with port 0 is given a free port, chosen now and kept. */
  init(request: {data: string; name: string; listen?: string; dryRun?: boolean}): Promise<{
    name: string;
    listen: string;
    fingerprint: string;
  }>;
  addSite(request: {
    data: string;
    site: string;
    root: string;
    database?: string;
    siteVersion?: string;
    staging: boolean;
    allowForceInitial: boolean;
    dryRun?: boolean;
    /** `served`: a running agent serves it already. */
  }): Promise<{served: boolean}>;
  /** Serves until `signal` is aborted, then stops cleanly and resolves. */
  run(request: {
    data: string;
    signal: AbortSignal;
    onListening: (event: {url: string; fingerprint: string}) => void;
  }): Promise<void>;
  invite(request: {data: string; role: ConsoleRole; ttlMs: number}): Promise<{
    invitation: string;
    expiresAt: string;
  }>;
  status(data: string): Promise<AgentStatus>;
  peers(data: string): Promise<readonly PeerListing[]>;
  /** Acts at once on a running agent. NOT_FOUND when no such certificate is pinned. */
  revoke(request: {data: string; fingerprint: string; dryRun?: boolean}): Promise<PeerListing>;
  /** Reads agent.json and says what is wrong with it; an empty list is a valid one. */
  check(data: string): Promise<readonly ConfigurationProblem[]>;
  verifyAudit(data: string): Promise<AuditVerdict>;
  /** Says that this machine is the server now, although its identity was made on another one (IDENTITY_MOVED). */
  adopt(data: string): Promise<{serverId: string}>;
  certificate: {
    show(place: IdentityPlace): Promise<CertificateListing>;
    /** Makes new keys and discards the old ones: everyone who trusted them has to be told (E4). */
    regenerate(place: IdentityPlace): Promise<CertificateListing>;
    /** Writes the certificate, never the key, to `file`; `-` is not special here. */
    export(place: IdentityPlace, file: string): Promise<CertificateListing>;
    /** Pins the certificate in `file` at an agent; trusting again replaces the role. */
    trust(request: {
      data: string;
      file: string;
      role: ConsoleRole | 'peer';
      name?: string;
      sites?: readonly string[];
      dryRun?: boolean;
    }): Promise<PeerListing>;
  };
};
