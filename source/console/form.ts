import type {Key} from './key-splitter.js';
import {editText, insertText, type TextInput, textInput} from './text-input.js';

export type Option = {readonly value: string; readonly label: string};

/** One line of a form. */
export type Field =
  | {
      readonly kind: 'text';
      readonly name: string;
      readonly label: string;
      readonly input: TextInput;
      readonly example?: string;
      /** A password: drawn as asterisks. */
      readonly secret?: true;
    }
  | {
      readonly kind: 'choice';
      readonly name: string;
      readonly label: string;
      readonly options: readonly Option[];
      readonly value: string;
    }
  | {
      readonly kind: 'several';
      readonly name: string;
      readonly label: string;
      readonly options: readonly Option[];
      readonly values: readonly string[];
      /** Index of the option that Space marks. */
      readonly at: number;
    };

/** A form being filled in. */
export type Form = {
  readonly fields: readonly Field[];
  /** Name of the field that has the keyboard. */
  readonly focus: string;
  /** Fields that were left once; their faults are shown even while empty. */
  readonly visited: readonly string[];
  /** The values as they were when the form was opened. */
  readonly original: string;
};

/** What a form's screen knows about its fields. */
export type FormRules = {
  /** Fields that do not apply at the moment. */
  readonly hidden: readonly string[];
  /** Why a field's value cannot be saved, by name. */
  readonly problems: Readonly<Record<string, string>>;
};

export function createForm(fields: readonly Field[], focus = fields[0]!.name): Form {
  return {fields, focus, visited: [], original: fingerprint(fields)};
}

export function textField(name: string, label: string, value = '', example?: string): Field {
  return {
    kind: 'text',
    name,
    label,
    input: textInput(value),
    ...(example === undefined ? {} : {example}),
  };
}

/** A text that is not to be read on the screen. */
export function secretField(name: string, label: string, example: string): Field {
  return {kind: 'text', name, label, input: textInput(), example, secret: true};
}

export function choiceField(name: string, label: string, options: readonly Option[], value: string): Field {
  return {kind: 'choice', name, label, options, value};
}

/** Options by value, in the order given; a union of values that has a label for each. */
export function labelled<V extends string>(labels: Readonly<Record<V, string>>): readonly Option[] {
  return Object.entries<string>(labels).map(([value, label]) => ({value, label}));
}

export function severalField(
  name: string,
  label: string,
  options: readonly Option[],
  values: readonly string[],
): Field {
  return {kind: 'several', name, label, options, values, at: 0};
}

/** The text of a text field, or the value of a choice; trimmed. */
export function textOfField(form: Form, name: string): string {
  const field = fieldOf(form, name);
  if (field === undefined || field.kind === 'several') return '';
  return field.kind === 'text' ? field.input.value.trim() : field.value;
}

export function chosenIn(form: Form, name: string): readonly string[] {
  const field = fieldOf(form, name);
  return field?.kind === 'several' ? field.values : [];
}

export function fieldOf(form: Form, name: string): Field | undefined {
  return form.fields.find(field => field.name === name);
}

export function replaceField(form: Form, field: Field): Form {
  return {...form, fields: form.fields.map(other => (other.name === field.name ? field : other))};
}

export function isChanged(form: Form): boolean {
  return fingerprint(form.fields) !== form.original;
}

/** Whether a field's fault is to be shown: not before the operator had a chance to fill it in. */
export function showsProblem(form: Form, name: string): boolean {
  const field = fieldOf(form, name);
  if (field === undefined) return false;
  const empty =
    field.kind === 'text' ? field.input.value === '' : field.kind === 'several' && field.values.length === 0;
  return !empty || form.visited.includes(name);
}

/** Marks every field as visited, after an attempt to save. */
export function visitAll(form: Form): Form {
  return {...form, visited: form.fields.map(field => field.name)};
}

export function moveFocus(form: Form, rules: FormRules, steps: number): Form {
  const shown = form.fields.filter(field => !rules.hidden.includes(field.name));
  const at = shown.findIndex(field => field.name === form.focus);
  const next = shown[Math.max(0, Math.min(at + steps, shown.length - 1))];
  if (next === undefined) return form;
  return {...form, focus: next.name, visited: [...new Set([...form.visited, form.focus])]};
}

/** The form after a key, or undefined when the key means nothing to it. */
export function typeIntoForm(form: Form, key: Key, rules: FormRules): Form | undefined {
  switch (key) {
    case 'up':
    case 'shift-tab':
      return moveFocus(form, rules, -1);
    case 'down':
    case 'tab':
    case 'enter':
      return moveFocus(form, rules, 1);
    default: {
      const field = fieldOf(form, form.focus);
      const changed = field === undefined ? undefined : typeIntoField(field, key);
      return changed === undefined ? undefined : replaceField(form, changed);
    }
  }
}

/** Pasted text goes into the text field that has the keyboard. */
export function pasteIntoForm(form: Form, text: string): Form {
  const field = fieldOf(form, form.focus);
  return field?.kind === 'text'
    ? replaceField(form, {...field, input: insertText(field.input, text.trim())})
    : form;
}

function typeIntoField(field: Field, key: Key): Field | undefined {
  switch (field.kind) {
    case 'text': {
      const input = editText(field.input, key);
      return input === undefined ? undefined : {...field, input};
    }
    case 'choice': {
      const count = field.options.length;
      const at = field.options.findIndex(option => option.value === field.value);
      const step = key === 'right' || key === ' ' || key === 'l' ? 1 : key === 'left' || key === 'h' ? -1 : 0;
      const next = step === 0 || count === 0 ? undefined : field.options[(at + step + count) % count];
      return next === undefined ? undefined : {...field, value: next.value};
    }
    case 'several': {
      const count = field.options.length;
      if (count === 0) return undefined;
      if (key === 'right' || key === 'l') return {...field, at: (field.at + 1) % count};
      if (key === 'left' || key === 'h') return {...field, at: (field.at + count - 1) % count};
      const option = field.options[field.at];
      if (key !== ' ' || option === undefined) return undefined;
      const values = field.values.includes(option.value)
        ? field.values.filter(value => value !== option.value)
        : [...field.values, option.value];
      return {...field, values};
    }
  }
}

function fingerprint(fields: readonly Field[]): string {
  return JSON.stringify(
    fields.map(field =>
      field.kind === 'text'
        ? field.input.value
        : field.kind === 'choice'
          ? field.value
          : [...field.values].sort(),
    ),
  );
}
