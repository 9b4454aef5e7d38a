import type {Command} from './command.js';
import {type Form, type FormRules, isChanged, pasteIntoForm, typeIntoForm, visitAll} from './form.js';
import {windowStart} from './list.js';
import {explain, say} from './message.js';
import {type Model, type Step, step} from './model.js';
import {pop, replaceScreen} from './navigate.js';
import type {Screen} from './screen.js';
import type {ScreenDefinition} from './screen-definition.js';
import type {Fault} from './shared-data.js';
import {drawForm, focusMark} from './view/draw-form.js';
import {drawFault} from './view/draw-list.js';
import {type Line, line, marker} from './view/lines.js';

/** A screen that is one form, saved as a whole. */
export type FormScreen = Screen & FormState;

type FormState = {
  readonly form: Form;
  readonly busy: boolean;
  /** How far what takes long has come. */
  readonly progress?: string;
  readonly fault?: Fault;
};

export type FormParts<S extends FormScreen> = {
  rules(screen: S, model: Model): FormRules;
  /** What saves a form without problems; the screen is busy until the answer comes. */
  command(screen: S, model: Model): Command;
  /** What is done when the answer is good. */
  saved(screen: S, model: Model, text: string): Step;
  /** Field on which Enter saves; on the others it goes to the next one. */
  readonly submitOn?: string;
  /** What is being done while the screen is busy. */
  readonly doing: string;
  readonly save: {readonly label: string; readonly description: string};
  /** The screen with what came in since it was opened, for drawing. */
  current?(screen: S, model: Model): S;
  /** Lines directly under the form. */
  below?(screen: S, model: Model, width: number): readonly Line[];
};

/** Typing, pasting, leaving, saving and drawing, which are the same for every form. */
export function formParts<S extends FormScreen>(
  parts: FormParts<S>,
): Pick<ScreenDefinition<S>, 'bindings' | 'type' | 'form' | 'paste' | 'back' | 'receive' | 'draw'> {
  const save = (model: Model, screen: S) => saveForm(model, screen, parts);
  return {
    bindings: [
      {
        keys: ['ctrl-s'],
        ...parts.save,
        disabledBecause: (_model, screen) => (screen.busy ? 'it is under way' : undefined),
        run: save,
      },
    ],
    type: (screen, model, key) => {
      if (key === 'enter' && screen.form.focus === parts.submitOn)
        return screen.busy ? step(model) : save(model, screen);
      const form = typeIntoForm(screen.form, key, parts.rules(screen, model));
      return form === undefined ? undefined : step(changed(model, screen, {form}));
    },
    form: (before, model) => {
      const screen = parts.current?.(before, model) ?? before;
      return {form: screen.form, rules: parts.rules(screen, model)};
    },
    paste: (screen, model, text) => step(changed(model, screen, {form: pasteIntoForm(screen.form, text)})),
    back: (screen, model) => step(leaveForm(model, screen.form)),
    receive: (screen, model, answer) => {
      if (answer.kind === 'saved') return parts.saved(screen, model, answer.text);
      if (answer.kind === 'working') return step(changed(model, screen, {progress: answer.text}));
      return answer.kind === 'fault'
        ? step(changed(model, screen, {busy: false, fault: answer.fault}))
        : step(model);
    },
    draw: (before, model, area) => {
      const screen = parts.current?.(before, model) ?? before;
      const form = drawForm(screen.form, parts.rules(screen, model), model.colour, area.width);
      const lines = [
        ...form,
        ...(parts.below?.(screen, model, area.width) ?? []),
        ...(screen.busy ? [line(' ', marker('run'), ` ${screen.progress ?? parts.doing} ...`)] : []),
        ...(screen.fault === undefined ? [] : drawFault(screen.fault, area.width, model.home)),
      ];
      return [{kind: 'lines', lines: inSight(lines, form, area.height)}];
    },
  };
}

/** Of a form that is higher than the screen, the part around the field that has the keyboard. */
function inSight(lines: readonly Line[], form: readonly Line[], height: number): readonly Line[] {
  const at = form.findIndex(([first]) => first?.text === focusMark);
  return lines.slice(windowStart(lines.length, Math.max(0, at), height));
}

/** Back to the screen before, with a word and fresh data. */
export function backTo(model: Model, text: string, ...reload: readonly Command[]): Step {
  return step(say(pop(model), 'info', text), ...reload);
}

/** The model with the form's state changed; which screen it is stays as it was. */
function changed(model: Model, screen: FormScreen, changes: Partial<FormState>): Model {
  return replaceScreen(model, {...screen, ...changes} as Screen);
}

/** Saves a form, or goes to the first field that cannot be saved and says why. */
function saveForm<S extends FormScreen>(model: Model, screen: S, {rules, command}: FormParts<S>): Step {
  const form = visitAll(screen.form);
  const {hidden, problems} = rules(screen, model);
  const faulty = form.fields.find(({name}) => problems[name] !== undefined && !hidden.includes(name));
  if (faulty !== undefined) {
    const marked = changed(model, screen, {form: {...form, focus: faulty.name}});
    return step(explain(marked, 'warn', `Not yet: ${faulty.label}: ${problems[faulty.name]}.`));
  }
  const {fault: _gone, progress: _old, ...rest} = screen;
  return step(changed(model, rest as S, {form, busy: true}), command({...screen, form}, model));
}

/** Esc on a form: at once when nothing was changed, else after a question. */
export function leaveForm(model: Model, form: Form): Model {
  if (!isChanged(form)) return pop(model);
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: 'Leave without saving?',
      effects: [['what you typed', 'is lost']],
      input: {value: '', cursor: 0},
      commands: [],
      thenBack: true,
    },
  };
}
