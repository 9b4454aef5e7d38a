import type {PreviewResult, RelationshipEntry} from '../../engine/engine.js';
import type {Command} from '../command.js';
import {relationshipOf, sideCountsText, sideName, siteText} from '../describe.js';
import type {Model} from '../model.js';
import {textInput} from '../text-input.js';
import {withoutLeftOut} from './leave-out.js';
import type {PreviewScreen} from './preview-screen.js';

/** Guards that a person may overrule after having seen the plan (E34). */
const overrulable = ['MASS_DELETION', 'ROOT_EMPTIED'];

/** Why a plan cannot be run as it is shown, unless a person may overrule that. */
export function runProblem(screen: PreviewScreen): string | undefined {
  const value = screen.taken.value;
  if (value === undefined) return 'there is no preview yet';
  if (value.refusal !== undefined && !overrulable.includes(value.refusal.code)) {
    const force = canBeForced(screen) ? ' F looks whether it can be forced.' : '';
    return `it would be refused: ${value.refusal.message}${force}`;
  }
  return value.plan.actions.length === 0 && !screen.initial ? 'there is nothing to do' : undefined;
}

/** A refused initial sync may be forced, where the site's configuration allows it (E15). */
export function canBeForced(screen: PreviewScreen): boolean {
  return screen.initial && !screen.force && screen.taken.value?.refusal?.code === 'INITIAL_SYNC_REFUSED';
}

/** Shows what will happen in a table; what overwrites a side or overrules a guard also wants the name typed. */
export function askRun(model: Model, screen: PreviewScreen): Model {
  const taken = withoutLeftOut(screen.taken.value!, screen.leftOut);
  const {counts} = taken.plan;
  const entry = relationshipOf(model, screen.relationship);
  const overruled = taken.refusal !== undefined;
  const severe = screen.initial || overruled;
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: screen.initial
        ? initialQuestion(entry)
        : `Run exactly this plan of ${screen.relationship}/${screen.profile}?`,
      effects: [
        [`to ${sideName('remote', entry)}`, sideCountsText(counts.remote)],
        [`to ${sideName('local', entry)}`, sideCountsText(counts.local)],
        ['conflicts', `${counts.conflicts}; what loses is kept in history`],
        ...(taken.refusal === undefined ? [] : [['overruled', taken.refusal.message] as const]),
        ...(screen.initial
          ? [['lost there', 'every row and file that the source does not have'] as const]
          : []),
        ...(screen.force ? [['forced', 'the destination has been initialised before'] as const] : []),
      ],
      ...(severe ? {typeName: screen.relationship} : {}),
      input: textInput(),
      commands: [commandOf(screen, taken, overruled)],
      thenBack: true,
    },
  };
}

function commandOf(screen: PreviewScreen, taken: PreviewResult, overruled: boolean): Command {
  const guard = overruled ? {maxDelete: 100} : {};
  const {relationship, profile, saved} = screen;
  // The file itself, so that it is run once.
  if (saved !== undefined && screen.leftOut.size === 0)
    return {type: 'start-run', request: {relationship, profile, kind: 'sync', planFile: saved, ...guard}};
  if (!screen.initial) return {type: 'run-plan', preview: taken, ...guard};
  return {
    type: 'start-run',
    request: {
      relationship,
      profile,
      kind: 'initial-sync',
      ...(screen.force ? {force: true} : {}),
      ...guard,
    },
  };
}

function initialQuestion(entry: RelationshipEntry | undefined): string {
  if (entry === undefined) return 'Overwrite the destination with the source?';
  const [source, destination] =
    entry.initial === 'upload' ? [entry.local, entry.remote] : [entry.remote, entry.local];
  return `Overwrite ${siteText(destination)} with ${siteText(source)}?`;
}
