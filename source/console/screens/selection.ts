import type {Profile} from '../../core/profile.js';
import {formatSelected, parseSelected} from '../../core/selection.js';
import {
  createForm,
  type Form,
  type FormRules,
  pasteIntoForm,
  textField,
  textOfField,
  typeIntoForm,
  visitAll,
} from '../form.js';
import {leaveForm} from '../form-screen.js';
import {explain} from '../message.js';
import {type Model, type Step, step} from '../model.js';
import {pop, push, replaceScreen} from '../navigate.js';
import {previewScreen} from '../preview/preview-screen.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawForm} from '../view/draw-form.js';
import {blank, dim, line, wrap} from '../view/lines.js';

export type SelectionScreen = {
  readonly kind: 'selection';
  readonly id: number;
  readonly relationship: string;
  readonly profile: string;
  readonly form: Form;
};

/** @param picked what is filled in already: the item that the cursor was on */
export function selectionScreen(
  relationship: string,
  profile: string,
  picked: {readonly content?: string; readonly folder?: string; readonly file?: string} = {},
): Omit<SelectionScreen, 'id'> {
  return {
    kind: 'selection',
    relationship,
    profile,
    form: createForm(
      [
        textField('content', 'Content', picked.content ?? '', 'ids of content rows, such as 1042, 1043'),
        textField('folder', 'Folders', picked.folder ?? '', 'ids of folders: the content directly in them'),
        textField('file', 'Files', picked.file ?? '', 'paths, such as uploadedimages/hero.jpg'),
      ],
      picked.folder !== undefined ? 'folder' : picked.file !== undefined ? 'file' : 'content',
    ),
  };
}

/** Why a profile cannot sync a selection (E20, E21). */
export function selectionProblem(profile: Profile | undefined): string | undefined {
  return profile?.direction === 'download'
    ? 'this profile downloads; what is picked goes with one that uploads or goes both ways'
    : undefined;
}

/** Picks single content rows, folders or files, and previews what goes with them (E20–E22). */
export const selection: ScreenDefinition<SelectionScreen> = {
  title: screen => `select for ${screen.profile}`,
  context: () => ({
    left: line(dim(' only what is named here goes, with the rows and files that belong to it')),
  }),
  needs: ['relationships'],
  bindings: [
    {
      keys: ['ctrl-s'],
      label: 'preview',
      description: 'Check what the selection needs, and show what a run of it would change; read-only',
      run: show,
    },
  ],
  type: (screen, model, key) => {
    if (key === 'enter' && screen.form.focus === 'file') return show(model, screen);
    const form = typeIntoForm(screen.form, key, rulesOf(screen));
    return form === undefined ? undefined : step(replaceScreen(model, {...screen, form}));
  },
  form: screen => ({form: screen.form, rules: rulesOf(screen)}),
  paste: (screen, model, text) =>
    step(replaceScreen(model, {...screen, form: pasteIntoForm(screen.form, text)})),
  back: (screen, model) => step(leaveForm(model, screen.form)),
  draw: (screen, model, area) => [
    {
      kind: 'lines',
      lines: [
        blank,
        ...drawForm(screen.form, rulesOf(screen), model.colour, area.width),
        blank,
        ...wrap(
          'Several are separated by commas. The parents of what is picked must be at the destination, unchanged; ' +
            'the preview says so when they are not.',
          area.width - 2,
        ).map(text => line(' ', dim(text))),
      ],
    },
  ],
};

function show(model: Model, screen: SelectionScreen): Step {
  const form = visitAll(screen.form);
  const {problems} = rulesOf(screen);
  const [problem] = Object.values(problems);
  if (problem !== undefined)
    return step(explain(replaceScreen(model, {...screen, form}), 'warn', `Not yet: ${problem}.`));
  const select = selectedIn(screen.form);
  return step(push(pop(model), previewScreen(screen.relationship, screen.profile, {select})));
}

/** What the fields name, as `--select` takes it. */
function selectedIn(form: Form): readonly string[] {
  return (['content', 'folder', 'file'] as const).flatMap(kind =>
    textOfField(form, kind)
      .split(',')
      .map(text => text.trim())
      .filter(text => text !== '')
      .map(text => formatSelected(parseSelected(`${kind}:${text}`))),
  );
}

function rulesOf(screen: SelectionScreen): FormRules {
  try {
    return {hidden: [], problems: selectedIn(screen.form).length > 0 ? {} : {file: 'nothing is picked'}};
  } catch (error) {
    return {hidden: [], problems: {file: (error as Error).message}};
  }
}
