import type {Profile} from '../../core/profile.js';

/** What an edit of a profile names; a schedule that is undefined is taken away. */
export type ProfileChanges = Partial<Omit<Profile, 'relationship' | 'name' | 'schedule'>> & {
  schedule?: string | undefined;
};

/** Profiles of relationships (E7). */
export type ProfileVerbs = {
  list(relationship?: string): Promise<readonly Profile[]>;
  create(profile: Profile): Promise<void>;
  edit(relationship: string, name: string, changes: ProfileChanges): Promise<Profile>;
  /** The copy has the schedule that is named, or none: its original's would start both at once (E12). */
  copy(relationship: string, name: string, to: string, schedule?: string): Promise<Profile>;
  delete(relationship: string, name: string): Promise<void>;
};
