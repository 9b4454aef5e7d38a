import type {SiteAddress} from './site-address.js';

export type ClusterEntry = {
  name: string;
  members: readonly SiteAddress[];
  /** Declared: all members work on one database. What agents can see they say themselves. */
  sharedDatabase: boolean;
  createdAt: string;
  /** Names of the relationships and live syncs whose remote side it is. */
  usedBy: readonly string[];
};

/** Clusters (E23). */
export type ClusterVerbs = {
  list(): Promise<readonly ClusterEntry[]>;
  create(entry: {
    name: string;
    members: readonly SiteAddress[];
    sharedDatabase: boolean;
  }): Promise<ClusterEntry>;
  edit(
    name: string,
    changes: {members?: readonly SiteAddress[]; sharedDatabase?: boolean},
  ): Promise<ClusterEntry>;
  delete(name: string): Promise<void>;
};
