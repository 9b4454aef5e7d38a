import {randomBytes} from 'node:crypto';
import type {ItemGroups} from '../core/item-group.js';
import {OperatorError} from '../core/operator-error.js';
import type {Profile} from '../core/profile.js';
import {parseSchedule} from '../core/schedule.js';
import {createScope} from '../core/scope.js';
import type {State, StoredProfile, SyncMemory} from '../state/state.js';
import {closeSites, connectSites} from './connect-sites.js';
import type {ProfileVerbs} from './engine.js';
import {checkName, type EngineContext, findProfile, findRelationship, mustBeFree} from './engine-context.js';
import {freshMemory} from './run-steps/record-run.js';
import {checkSchedules, compareSchedules, newScheduling} from './scheduler/schedules.js';

/** Saved kinds of sync under a relationship (E7). */
export function createProfiles(context: EngineContext): ProfileVerbs {
  const {state} = context;

  /** The item groups of both sites, which only the agents know. */
  const groupsOf = async (relationship: string): Promise<Record<'local' | 'remote', ItemGroups>> => {
    const known = await state.read();
    const ends = await connectSites(context, known, findRelationship(known, relationship));
    closeSites(ends);
    return {local: ends.local.site.groups, remote: ends.remote.site.groups};
  };

  return {
    list: async relationship =>
      (await state.read()).profiles
        .filter(profile => relationship === undefined || profile.relationship === relationship)
        .map(toProfile),

    async create(profile) {
      checkName(profile.name, 'profile');
      const known = await state.read();
      findRelationship(known, profile.relationship);
      mustBeFree(siblings(known, profile.relationship), profile.name, 'profile');
      checkProfile(profile);
      createScope({groups: await groupsOf(profile.relationship), ...profile});
      await compareSchedules(known, profile.schedule);
      await state.change(draft => {
        const stored = findRelationship(draft, profile.relationship);
        mustBeFree(siblings(draft, profile.relationship), profile.name, 'profile');
        checkSchedules(draft, {relationship: profile.relationship, profile: profile.name}, profile.schedule);
        draft.profiles.push(newProfile(profile, freshMemory(stored, false)));
      });
    },

    async edit(relationship, name, changes) {
      const edited = withoutUndefined({
        ...toProfile(findProfile(await state.read(), relationship, name)),
        ...changes,
      });
      checkProfile(edited);
      if (changes.items !== undefined)
        createScope({groups: await groupsOf(relationship), items: edited.items, filter: edited.filter});
      await compareSchedules(await state.read(), edited.schedule);
      return await state.change(draft => {
        const stored = findProfile(draft, relationship, name);
        const profile = withoutUndefined({...toProfile(stored), ...changes});
        checkSchedules(draft, {relationship: profile.relationship, profile: profile.name}, profile.schedule);
        const {firstFileRunDone} = stored.memory;
        // What was seen under the old description says nothing about the new one.
        const renewed: StoredProfile = {
          ...newProfile(profile, freshMemory(findRelationship(draft, relationship), firstFileRunDone)),
          // The same schedule goes on where it was: an edit must neither lose a start nor cause a second one.
          ...(stored.scheduling === undefined || stored.schedule !== profile.schedule
            ? {}
            : {scheduling: stored.scheduling}),
        };
        draft.profiles = draft.profiles.map(entry => (entry === stored ? renewed : entry));
        return toProfile(renewed);
      });
    },

    async copy(relationship, name, to, schedule) {
      checkName(to, 'profile');
      if (schedule !== undefined) {
        parseSchedule(schedule);
        const known = await state.read();
        await compareSchedules(known, schedule);
      }
      return await state.change(draft => {
        const original = toProfile(findProfile(draft, relationship, name));
        mustBeFree(siblings(draft, relationship), to, 'profile');
        // Two schedules that start at the same moment are refused, and a copy's own would (E12).
        const {schedule: _, ...rest} = original;
        const copied: Profile = {...rest, name: to, ...(schedule === undefined ? {} : {schedule})};
        checkSchedules(draft, {relationship, profile: to}, schedule);
        draft.profiles.push(newProfile(copied, freshMemory(findRelationship(draft, relationship), false)));
        return copied;
      });
    },

    async delete(relationship, name) {
      await state.change(draft => {
        const stored = findProfile(draft, relationship, name);
        draft.profiles = draft.profiles.filter(entry => entry !== stored);
      });
    },
  };
}

/** A profile as it is stored before its first run. */
export function newProfile(profile: Profile, memory: SyncMemory = {firstFileRunDone: false}): StoredProfile {
  return {
    ...profile,
    items: [...profile.items],
    revision: randomBytes(8).toString('hex'),
    memory,
    ...(profile.schedule === undefined ? {} : {scheduling: newScheduling()}),
  };
}

/** A stored profile without what only the runs remember. */
export function toProfile({revision: _, memory: __, scheduling: ___, ...profile}: StoredProfile): Profile {
  return profile;
}

function siblings(state: State, relationship: string): readonly StoredProfile[] {
  return state.profiles.filter(profile => profile.relationship === relationship);
}

/** What can be said of a profile without asking anyone. @throws OperatorError USAGE */
function checkProfile(profile: Profile): void {
  const refuse = (message: string, hint: string) => new OperatorError('USAGE', message, {hint});
  if (profile.items.length === 0)
    throw refuse(
      'A profile needs something to synchronise.',
      'Name item groups, such as `database,templates`.',
    );
  if (new Set(profile.items).size !== profile.items.length)
    throw refuse('An item group is named twice.', 'Name each once.');
  if (profile.filter.kind !== 'none' && profile.filter.patterns.length === 0)
    throw refuse('The pattern list is empty.', "Write patterns separated by commas, such as '*.doc, *.gif'.");
  if (!(profile.maxDelete >= 0 && profile.maxDelete <= 100))
    throw refuse(`${profile.maxDelete} is no share of deletions.`, 'Between 0% and 100%.');
  if (profile.schedule !== undefined) parseSchedule(profile.schedule);
}

/** An optional value that an edit set to undefined is taken away. */
function withoutUndefined(profile: Omit<Profile, 'schedule'> & {schedule?: string | undefined}): Profile {
  return Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== undefined)) as Profile;
}
