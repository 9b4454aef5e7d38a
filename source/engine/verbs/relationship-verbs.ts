import type {SiteAddress} from './site-address.js';

export type RelationshipEntry = {
  name: string;
  local: SiteAddress;
  /** Of a cluster its first member. */
  remote: SiteAddress;
  /** Name of the cluster that is the remote side, if it is one (E23). */
  cluster?: string;
  /** Its members, the first one first. */
  members?: readonly SiteAddress[];
  initial: 'upload' | 'download';
  createdAt: string;
  /** `pending` names the members of a cluster that were out of reach then. */
  initialSync?: {at: string; runId: string; pending?: readonly string[]};
};

/** One connection that was tried, from the console or a server, to `SERVER/SITE`. */
export type ConnectionTest = {
  from: string;
  to: string;
  detail: string;
  error?: {code: string; message: string; hint?: string};
};

/** Relationships between two sites, or a site and a cluster (E5). */
export type RelationshipVerbs = {
  list(): Promise<readonly RelationshipEntry[]>;
  create(entry: {
    name: string;
    local: SiteAddress;
    /** A site, or the name of a cluster. */
    remote: SiteAddress | string;
    initial: 'upload' | 'download';
  }): Promise<RelationshipEntry>;
  /** Tries every connection that it lives by (E4); read-only. */
  test(name: string): Promise<readonly ConnectionTest[]>;
  /**
   * Forgets it with its profiles, and takes back what its agents were allowed for it.
   * @returns the agents that could not be told so, with the reason.
   */
  delete(name: string): Promise<{untold: readonly {server: string; reason: string}[]}>;
};
