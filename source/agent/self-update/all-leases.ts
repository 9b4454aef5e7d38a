import type {Site} from '../site/site.js';
import {checkNotLocked} from '../update/rollout-lock.js';
import type {UpdateSubject} from '../update/update-subject.js';

const work = 'agent-update' as const;

/** The leases of all sites as one: the agent is updated only while no run and no other update is at work (U13). */
export function allLeases(sites: () => readonly Site[]): UpdateSubject['lease'] {
  const release = (runId: string) => {
    for (const {lease} of sites()) lease.release(runId);
  };
  const checkNotOthers = (runId: string) => {
    for (const site of sites()) {
      site.lease.checkNotOthers(runId);
      checkNotLocked(site);
    }
  };
  return {
    get holder() {
      return sites().find(({lease}) => lease.holder !== undefined)?.lease.holder;
    },
    checkNotOthers,
    release,
    take(runId, by) {
      // An agent may host no site, or none yet.
      const holder = {runId, by, since: new Date().toISOString(), work};
      try {
        return sites().map(({lease}) => lease.take(runId, by, work))[0] ?? holder;
      } catch (error) {
        release(runId);
        throw error;
      }
    },
    begin(runId) {
      const ends = sites().map(({lease}) => lease.begin(runId));
      return () => {
        for (const end of ends) end();
      };
    },
  };
}
