import {defaultItemGroups} from '../../core/default-groups.js';
import type {
  BackupRule,
  ConflictPolicy,
  Direction,
  FileFilter,
  MissedRule,
  Profile,
  ReplaceRule,
  VerifyRule,
} from '../../core/profile.js';
import {
  choiceField,
  chosenIn,
  createForm,
  type Field,
  type Form,
  type FormRules,
  fieldOf,
  labelled,
  replaceField,
  severalField,
  textField,
  textOfField,
} from '../form.js';
import {backTo, formParts} from '../form-screen.js';
import type {Model} from '../model.js';
import {profileProblems, splitNames} from '../profile-rules.js';
import {isScheduled, scheduleFields} from '../schedule-fields.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {bold, dim, type Line, line, wrap} from '../view/lines.js';

export type ProfileFormScreen = {
  readonly kind: 'profile-form';
  readonly id: number;
  readonly mode: 'create' | 'edit';
  readonly relationship: string;
  readonly form: Form;
  readonly busy: boolean;
  readonly fault?: Fault;
};

/** A new profile where the form is opened without one. */
type Draft = Partial<Profile> & {readonly relationship: string};

export function profileFormScreen(
  model: Model,
  draft: Draft,
  mode: 'create' | 'edit',
): Omit<ProfileFormScreen, 'id'> {
  const filter = draft.filter ?? {kind: 'none'};
  const fields: Field[] = [
    textField('name', 'Name', draft.name ?? '', 'what operators call it'),
    severalField('items', 'Items', itemOptions(model, draft), draft.items ?? []),
    choiceField(
      'direction',
      'Direction',
      labelled<Direction>({upload: 'upload', download: 'download', bidirectional: 'bidirectional'}),
      draft.direction ?? 'upload',
    ),
    choiceField(
      'policy',
      'Conflicts',
      labelled<ConflictPolicy>({'local-wins': 'local wins', 'remote-wins': 'remote wins'}),
      draft.policy ?? 'local-wins',
    ),
    choiceField(
      'filter',
      'File filter',
      labelled<FileFilter['kind']>({none: 'none', only: 'only these', exclude: 'all but these'}),
      filter.kind,
    ),
    textField(
      'patterns',
      'Patterns',
      filter.kind === 'none' ? '' : filter.patterns.join(', '),
      '*.doc, images/**',
    ),
    choiceField(
      'replace',
      'Replace files',
      labelled<ReplaceRule>({newer: 'by newer ones', always: 'always'}),
      draft.replace ?? 'newer',
    ),
    choiceField(
      'backup',
      'Backup',
      labelled<BackupRule>({off: 'off', initial: 'initial sync only', 'every-run': 'every run'}),
      draft.backup ?? 'off',
    ),
    textField('maxDelete', 'Delete at most', `${draft.maxDelete ?? 50}%`),
    ...scheduleFields(draft),
    choiceField(
      'verify',
      'Compare all',
      labelled<VerifyRule>({
        off: 'never',
        daily: 'daily',
        weekly: 'weekly',
        monthly: 'monthly',
        'every-run': 'every scheduled run',
      }),
      draft.verify ?? 'off',
    ),
  ];
  return {
    kind: 'profile-form',
    mode,
    relationship: draft.relationship,
    form: createForm(fields, mode === 'create' ? 'name' : 'items'),
    busy: false,
  };
}

/** A copy of a profile under a name that is still free to be chosen. */
export function copyOf(profile: Profile): Draft {
  return {...profile, name: `${profile.name} copy`};
}

/** Add or edit a profile (E7). */
export const profileForm: ScreenDefinition<ProfileFormScreen> = {
  title: screen => (screen.mode === 'create' ? 'new profile' : `edit ${textOfField(screen.form, 'name')}`),
  context: screen => ({
    left: line(bold(` ${screen.relationship}`)),
    right: line(dim('Ctrl-S saves, Esc leaves ')),
  }),
  needs: ['relationships', 'profiles'],
  opened: (screen, model) => {
    const entry = model.data.relationships.value?.find(other => other.name === screen.relationship);
    if (entry === undefined) return [];
    return [...new Set([entry.local.server, entry.remote.server])].map(
      name => ({type: 'check', server: name}) as const,
    );
  },
  ...formParts<ProfileFormScreen>({
    rules: rulesOf,
    save: {label: 'save', description: 'Save the profile; that starts nothing'},
    doing: 'saving',
    command: screen => ({
      type: 'save-profile',
      screen: screen.id,
      mode: screen.mode,
      profile: profileOf(screen),
    }),
    saved: (_screen, model, text) => backTo(model, text, {type: 'load', what: 'profiles'}),
    current: replaceItems,
    below: (screen, _model, width) => [line(dim(' will be saved as')), ...drawSaved(screen, width)],
  }),
};

// The sites' own groups may arrive after the form was opened.
function replaceItems(screen: ProfileFormScreen, model: Model): ProfileFormScreen {
  const field = fieldOf(screen.form, 'items');
  if (field?.kind !== 'several') return screen;
  const options = itemOptions(model, {relationship: screen.relationship, items: field.values});
  return {
    ...screen,
    form: replaceField(screen.form, {...field, options, at: Math.min(field.at, options.length - 1)}),
  };
}

function itemOptions(model: Model, draft: Draft) {
  const entry = model.data.relationships.value?.find(other => other.name === draft.relationship);
  const groups = [entry?.local, entry?.remote].flatMap(address => {
    const site = model.checks[address?.server ?? '']?.value?.sites?.find(
      other => other.name === address?.site,
    );
    return site === undefined ? [] : [site.groups];
  });
  const known = groups.length === 0 ? [defaultItemGroups] : groups;
  const names = [...new Set([...known.flatMap(group => Object.keys(group)), ...(draft.items ?? [])])];
  return names.map(name => ({value: name, label: name}));
}

function rulesOf(screen: ProfileFormScreen, model: Model): FormRules {
  const {form} = screen;
  const taken = (model.data.profiles.value ?? []).flatMap(profile =>
    profile.relationship === screen.relationship ? [profile.name] : [],
  );
  return {
    hidden: [
      ...(screen.mode === 'edit' ? ['name'] : []),
      ...(textOfField(form, 'direction') === 'bidirectional' ? ['replace'] : ['policy']),
      ...(textOfField(form, 'filter') === 'none' ? ['patterns'] : []),
      ...(isScheduled(form) ? [] : ['missed', 'verify']),
    ],
    problems: profileProblems(
      {
        name: textOfField(form, 'name'),
        items: chosenIn(form, 'items'),
        filter: textOfField(form, 'filter') as FileFilter['kind'],
        patterns: textOfField(form, 'patterns'),
        maxDelete: textOfField(form, 'maxDelete'),
        schedule: textOfField(form, 'schedule'),
      },
      screen.mode === 'create' ? taken : [],
    ),
  };
}

function profileOf(screen: ProfileFormScreen): Profile {
  const {form} = screen;
  const filter = textOfField(form, 'filter') as FileFilter['kind'];
  const patterns = splitNames(textOfField(form, 'patterns'));
  const schedule = textOfField(form, 'schedule');
  return {
    relationship: screen.relationship,
    name: textOfField(form, 'name'),
    items: chosenIn(form, 'items'),
    direction: textOfField(form, 'direction') as Direction,
    policy: textOfField(form, 'policy') as ConflictPolicy,
    filter: filter === 'none' ? {kind: 'none'} : {kind: filter, patterns},
    replace: textOfField(form, 'replace') as ReplaceRule,
    backup: textOfField(form, 'backup') as BackupRule,
    maxDelete: Number.parseFloat(textOfField(form, 'maxDelete')),
    ...(isScheduled(form)
      ? {
          schedule,
          missed: textOfField(form, 'missed') as MissedRule,
          verify: textOfField(form, 'verify') as VerifyRule,
        }
      : {}),
  };
}

/** What will be saved, as the command that a script would use for it. */
function drawSaved(screen: ProfileFormScreen, width: number): Line[] {
  const profile = profileOf(screen);
  const quote = (text: string) => (/^[\w./,%*-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const parts = [
    `lockstep profile ${screen.mode}`,
    quote(`${profile.relationship}/${profile.name}`),
    `--items ${quote(profile.items.join(','))}`,
    `--direction ${profile.direction}`,
    profile.direction === 'bidirectional' ? `--policy ${profile.policy}` : `--replace ${profile.replace}`,
    profile.filter.kind === 'none'
      ? ''
      : `--${profile.filter.kind} ${quote(profile.filter.patterns.join(', '))}`,
    `--backup ${profile.backup}`,
    `--max-delete ${textOfField(screen.form, 'maxDelete')}`,
    profile.schedule === undefined
      ? ''
      : `--schedule ${quote(profile.schedule)} --missed ${profile.missed} --verify ${profile.verify}`,
  ];
  return wrap(parts.filter(part => part !== '').join(' '), width - 5).map(text => line(dim('   '), text));
}
