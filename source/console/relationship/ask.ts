import type {Profile} from '../../core/profile.js';
import type {Model} from '../model.js';
import {textInput} from '../text-input.js';

/** Asks before a run is started without having been seen in a preview. */
export function askRun(model: Model, name: string, profile: Profile): Model {
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Run ${name}/${profile.name} now?`,
      effects: [
        ['items', profile.items.join(' ')],
        ['direction', profile.direction],
        ['deletions', `stops before more than ${profile.maxDelete} % of a side would be deleted`],
        ['backup', profile.backup],
        ['to see first', 'Esc, then p previews what it would change'],
      ],
      input: textInput(),
      commands: [{type: 'start-run', request: {relationship: name, profile: profile.name, kind: 'sync'}}],
      thenBack: false,
    },
  };
}

/** A profile goes only when its name was typed. */
export function askProfileDeletion(model: Model, name: string, profile: string): Model {
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Delete profile ${name}/${profile}?`,
      effects: [
        ['the profile', 'is deleted; its schedule ends'],
        ['logs of its runs', 'stay'],
        ['both sites', 'are not touched'],
      ],
      typeName: profile,
      input: textInput(),
      commands: [{type: 'delete-profile', relationship: name, name: profile}],
      thenBack: false,
    },
  };
}

/** A relationship goes only when its name was typed. */
export function askDeletion(model: Model, name: string): Model {
  const count = (model.data.profiles.value ?? []).filter(row => row.relationship === name).length;
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Delete relationship ${name}?`,
      effects: [
        ['the relationship', `is deleted with ${count === 1 ? 'its profile' : `its ${count} profiles`}`],
        ['logs of its runs', 'stay'],
        ['both sites', 'are not touched'],
      ],
      typeName: name,
      input: textInput(),
      commands: [{type: 'delete-relationship', name: name}],
      thenBack: true,
    },
  };
}
