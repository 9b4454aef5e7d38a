import pMap from 'p-map';
import {OperatorError} from '../core/operator-error.js';
import type {State} from '../state/state.js';
import {addressText, connectSite} from './connect-sites.js';
import type {ClusterEntry, ClusterVerbs, SiteAddress} from './engine.js';
import {checkName, type EngineContext, findCluster, findServer, mustBeFree} from './engine-context.js';
import {sourceOf} from './initial-sync.js';
import {introduceSites, withdrawAgents} from './introduce-agents.js';

/** Servers that are asked at the same time. */
const concurrency = 16;

/** Groups of sites that stand for one remote side (E23). */
export function createClusters(context: EngineContext): ClusterVerbs {
  const {state} = context;
  return {
    list: async () => {
      const known = await state.read();
      return known.clusters.map(cluster => withUsers(known, cluster));
    },

    async create({name, members, sharedDatabase}) {
      checkName(name, 'cluster');
      const known = await state.read();
      mustBeFree(known.clusters, name, 'cluster');
      await checkMembers(context, known, members);
      return await state.change(draft => {
        mustBeFree(draft.clusters, name, 'cluster');
        const cluster = {name, members: [...members], sharedDatabase, createdAt: new Date().toISOString()};
        draft.clusters.push(cluster);
        return withUsers(draft, cluster);
      });
    },

    async edit(name, {members, sharedDatabase}) {
      const known = await state.read();
      const before = findCluster(known, name);
      const users = [...known.relationships, ...(known.lives ?? [])].filter(({cluster}) => cluster === name);
      if (members !== undefined) {
        await checkMembers(context, known, members);
        const added = members.filter(member => !before.members.some(old => isSame(old, member)));
        for (const {cluster, local, initial} of known.relationships)
          if (cluster === name) await introduceSites(context, known, local, added, sourceOf({initial}));
        for (const {cluster, local} of known.lives ?? [])
          if (cluster === name) await introduceSites(context, known, local, added, 'local');
      }
      const changed = await state.change(draft => {
        const cluster = findCluster(draft, name);
        if (members !== undefined) cluster.members = [...members];
        if (sharedDatabase !== undefined) cluster.sharedDatabase = sharedDatabase;
        for (const relationship of draft.relationships)
          if (relationship.cluster === name) relationship.remote = cluster.members[0]!;
        return withUsers(draft, cluster);
      });
      // One that cannot be told now keeps what nobody uses any more; the next introduction puts it right.
      const left = await state.read();
      for (const remote of before.members.filter(old => !changed.members.some(member => isSame(member, old))))
        for (const {local} of users) await withdrawAgents(context, left, {local, remote});
      return changed;
    },

    async delete(name) {
      await state.change(draft => {
        const cluster = findCluster(draft, name);
        const {usedBy} = withUsers(draft, cluster);
        if (usedBy.length > 0)
          throw new OperatorError('USAGE', `${name} is used by ${usedBy.join(', ')}.`, {
            hint: 'Delete that first.',
          });
        draft.clusters = draft.clusters.filter(other => other !== cluster);
      });
    },
  };
}

function withUsers(state: State, cluster: State['clusters'][number]): ClusterEntry {
  return {
    ...cluster,
    usedBy: [...state.relationships, ...(state.lives ?? [])]
      .filter(entry => entry.cluster === cluster.name)
      .map(({name}) => name),
  };
}

/**
 * Members must answer and host the sites when they are named; later they may be away.
 * @throws OperatorError USAGE, NOT_FOUND, UNREACHABLE, UNKNOWN_SITE
 */
async function checkMembers(
  context: EngineContext,
  state: State,
  members: readonly SiteAddress[],
): Promise<void> {
  if (members.length === 0)
    throw new OperatorError('USAGE', 'A cluster needs a member.', {
      hint: '--members SERVER/SITE,SERVER/SITE',
    });
  for (const [index, member] of members.entries()) {
    findServer(state, member.server);
    if (members.slice(0, index).some(other => isSame(other, member)))
      throw new OperatorError('USAGE', `${addressText(member)} is named twice.`, {hint: 'Name each once.'});
  }
  await pMap(
    members,
    async member => {
      const {client} = await connectSite(context, state, 'remote', member);
      client.close();
    },
    {concurrency},
  );
}

function isSame(a: SiteAddress, b: SiteAddress): boolean {
  return a.server === b.server && a.site === b.site;
}
