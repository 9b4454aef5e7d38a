import type {RelationshipEntry, RelationshipVerbs} from './engine.js';
import {checkName, type EngineContext, findCluster, findRelationship, mustBeFree} from './engine-context.js';
import {sourceOf} from './initial-sync.js';
import {introduceSites, withdrawAgents} from './introduce-agents.js';
import {membersOf} from './members.js';
import {testConnections} from './test-connections.js';

/** Pairs of sites that are kept in step (E5). */
export function createRelationships(context: EngineContext): RelationshipVerbs {
  const {state} = context;
  return {
    async list() {
      const known = await state.read();
      return known.relationships.map(entry =>
        entry.cluster === undefined ? entry : {...entry, members: membersOf(known, entry)},
      );
    },

    async create({name, local, remote, initial}) {
      checkName(name, 'relationship');
      const known = await state.read();
      mustBeFree(known.relationships, name, 'relationship');
      const members = typeof remote === 'string' ? findCluster(known, remote).members : [remote];
      await introduceSites(context, known, local, members, sourceOf({initial}));
      return await state.change((draft): RelationshipEntry => {
        mustBeFree(draft.relationships, name, 'relationship');
        const cluster = typeof remote === 'string' ? findCluster(draft, remote) : undefined;
        const entry = {
          name,
          local,
          remote: cluster?.members[0] ?? members[0]!,
          ...(cluster === undefined ? {} : {cluster: cluster.name}),
          initial,
          createdAt: new Date().toISOString(),
        };
        draft.relationships.push(entry);
        return entry;
      });
    },

    test: name => testConnections(context, name),

    async delete(name) {
      const members = membersOf(await state.read(), findRelationship(await state.read(), name));
      const deleted = await state.change(draft => {
        const entry = findRelationship(draft, name);
        draft.relationships = draft.relationships.filter(other => other.name !== name);
        draft.profiles = draft.profiles.filter(profile => profile.relationship !== name);
        return entry;
      });
      const left = await state.read();
      const untold = [];
      for (const remote of members)
        untold.push(...(await withdrawAgents(context, left, {local: deleted.local, remote})));
      return {untold};
    },
  };
}
