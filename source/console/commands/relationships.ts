import {plural} from '../format.js';
import type {Handlers} from './context.js';

/** Relationships with what belongs to them: clusters, profiles, live syncs and collisions. */
export const relationshipHandlers: Handlers<
  | 'create-relationship'
  | 'delete-relationship'
  | 'save-cluster'
  | 'delete-cluster'
  | 'save-live'
  | 'delete-live'
  | 'save-profile'
  | 'delete-profile'
  | 'review-collisions'
> = {
  async 'create-relationship'({relationships}, {screen, entry}, {answer}) {
    await relationships.create(entry);
    answer(screen, {kind: 'saved', text: `Relationship ${entry.name} is set up.`});
  },

  async 'delete-relationship'({relationships}, {name}, {tell}) {
    const {untold} = await relationships.delete(name);
    tell({
      type: 'changed',
      text: `Relationship ${name} is deleted.${untoldText(untold)}`,
      reload: ['relationships', 'profiles'],
    });
  },

  async 'save-cluster'({clusters}, {screen, mode, name, members, sharedDatabase}, {answer}) {
    if (mode === 'create') await clusters.create({name, members, sharedDatabase});
    else await clusters.edit(name, {members, sharedDatabase});
    answer(screen, {kind: 'saved', text: `Cluster ${name} is saved.`});
  },

  async 'delete-cluster'({clusters}, {name}, {tell}) {
    await clusters.delete(name);
    tell({type: 'changed', text: `Cluster ${name} is deleted.`, reload: ['clusters']});
  },

  async 'save-live'({lives}, {screen, mode, definition}, {answer}) {
    const {name, local: _kept, ...changes} = definition;
    if (mode === 'create') await lives.create(definition);
    // A form without a schedule or extra tables takes them away.
    else await lives.edit(name, {schedule: undefined, extra: undefined, ...changes});
    answer(screen, {kind: 'saved', text: `Live sync ${name} is saved.`});
  },

  async 'delete-live'({lives}, {name}, {tell}) {
    const {untold} = await lives.delete(name);
    tell({
      type: 'changed',
      text: `Live sync ${name} is deleted.${untoldText(untold)}`,
      reload: ['lives'],
    });
  },

  async 'save-profile'({profiles}, {screen, mode, profile}, {answer}) {
    const {relationship, name, ...changes} = profile;
    if (mode === 'create') await profiles.create(profile);
    // A form without a schedule takes one away.
    else await profiles.edit(relationship, name, {schedule: undefined, ...changes});
    answer(screen, {kind: 'saved', text: `Profile ${name} is saved.`});
  },

  async 'delete-profile'({profiles}, {relationship, name}, {tell}) {
    await profiles.delete(relationship, name);
    tell({type: 'changed', text: `Profile ${name} is deleted.`, reload: ['profiles']});
  },

  async 'review-collisions'({collisions}, {ids, email}, {tell}) {
    const reviews = await collisions.review(ids, {email});
    const waiting = reviews.filter(({waits}) => waits !== undefined).length;
    const mails = waiting === 0 ? '' : ` ${plural(waiting, 'mail')} could not be sent yet; agents try again.`;
    tell({
      type: 'changed',
      text: `${plural(reviews.length, 'collision')} reviewed.${mails}`,
      reload: ['collisions'],
    });
    const [failed] = reviews.flatMap(({error}) => error ?? []);
    const count = reviews.filter(({error}) => error !== undefined).length;
    if (failed !== undefined) tell({type: 'failed', doing: `${count} of them not reviewed`, fault: failed});
  },
};

/** Agents that could not be told that a trust ends. */
function untoldText(untold: readonly {server: string}[]): string {
  return untold.map(({server}) => ` ${server} could not be told; it still trusts the other server.`).join('');
}
