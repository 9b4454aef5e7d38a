import type {Command} from '../command.js';
import {type Field, fieldOf, type Option} from '../form.js';
import {allBindings, definitionOf} from '../key-tables.js';
import {listContent} from '../list.js';
import type {Model} from '../model.js';
import {currentScreen, replaceScreen} from '../navigate.js';
import {update} from '../update.js';
import {formInSight, sayKey, sayKeys, sayQuestion, shownFields} from './say-screen.js';

/** The console as a conversation: the model of all screens, and what was asked last. */
export type Talk = {
  readonly model: Model;
  /** The field that the next line answers; after it comes the next one when `on`. */
  readonly asking?: {readonly field: string; readonly on: boolean};
  /** Forms that were gone through once, by their screen. */
  readonly gone: readonly string[];
};

/** What a line brought about; `say` is for the operator, commands are for the world outside. */
export type Reply = {
  readonly talk: Talk;
  readonly commands: readonly Command[];
  readonly say: readonly string[];
};

/** A line that was typed, carried out with the keys of the screens: nothing can be done here that they cannot. */
export function takeLine(talk: Talk, line: string): Reply {
  const turn = new Turn(talk.model);
  const text = line.trim();
  const {overlay} = talk.model;
  if (overlay?.kind === 'confirm') {
    if (overlay.typeName === undefined) turn.press(/^y(es)?$/i.test(text) ? 'enter' : 'escape');
    else if (text === '') turn.press('escape');
    else {
      turn.press('end', 'ctrl-u', ...text, 'enter');
      const again = turn.model.overlay?.kind === 'confirm';
      if (again) return turn.reply(talk, [`That is not ${overlay.typeName}.`]);
    }
    return turn.reply(talk);
  }
  if (overlay !== undefined) {
    turn.press(...(text === '' ? ['escape'] : [...text, 'enter']));
    return turn.reply(talk);
  }
  if (talk.asking !== undefined) return answerField(talk, turn, text);
  if (text === '?') return turn.reply(talk, sayKeys(talk.model));
  if (text.startsWith(':') && text.length > 1) {
    turn.press(':', ...text.slice(1).trim(), 'enter');
    return turn.reply(talk);
  }
  const form = formInSight(talk.model);
  if (form !== undefined && /^\d+$/.test(text)) {
    const field = shownFields(form)[Number(text) - 1];
    if (field === undefined) return turn.reply(talk, [`There is no field ${text}.`]);
    return turn.reply({...talk, asking: {field: field.name, on: false}});
  }
  if (text.startsWith('/') && currentList(talk.model) !== undefined) {
    turn.press('/', 'end', 'ctrl-u', ...text.slice(1), 'enter');
    return turn.reply(talk);
  }
  return pressNamed(talk, turn, text);
}

/** A key or its word, on the row of a number where one follows or stands alone. */
function pressNamed(talk: Talk, turn: Turn, text: string): Reply {
  const [, word = '', number] = /^(.*?)\s*(?:\b(\d+))?$/.exec(text) ?? [];
  const key = word === '' ? 'enter' : word === 'more' ? 'page-down' : keyNamed(talk.model, word);
  if (key === undefined)
    return turn.reply(talk, [
      `"${text}" means nothing here; ? explains all keys, an empty line says the screen again.`,
    ]);
  if (number !== undefined) {
    const list = currentList(talk.model);
    const rows = list === undefined ? [] : listContent(list.spec, list.state).rows;
    const row = rows[Number(number) - 1];
    if (list === undefined || row === undefined)
      return turn.reply(talk, [`There is no row ${number}; there are ${rows.length}.`]);
    const state = {...list.state, position: Number(number) - 1, selected: list.spec.id(row)};
    turn.model = replaceScreen(turn.model, list.put(currentScreen(turn.model), state));
  }
  turn.press(key);
  return turn.reply(talk);
}

/** What is to be asked now that everything has been answered: the first field of a form that is new. */
export function nextQuestion(talk: Talk): Talk {
  const form = formInSight(talk.model);
  if (form === undefined || talk.model.overlay !== undefined) {
    const {asking: _over, ...rest} = talk;
    return rest;
  }
  const screen = currentScreen(talk.model);
  const name = `${screen.id} ${definitionOf(screen).title(screen, talk.model)}`;
  if (talk.gone.includes(name)) return talk;
  const [first] = shownFields(form);
  return {
    ...talk,
    gone: [...talk.gone, name],
    ...(first === undefined ? {} : {asking: {field: first.name, on: true}}),
  };
}

function answerField(talk: Talk, turn: Turn, text: string): Reply {
  const {asking, ...rest} = talk;
  const shown = formInSight(talk.model);
  const field = shown === undefined ? undefined : fieldOf(shown.form, asking!.field);
  if (shown === undefined || field === undefined) return turn.reply(rest);
  if (text === '.') return turn.reply(rest);
  turn.focus(field.name);
  const complaint = text === '' ? undefined : fill(turn, field, text);
  if (complaint !== undefined) return turn.reply(talk, [complaint]);
  const after = formInSight(turn.model);
  const fields = after === undefined ? [] : shownFields(after);
  const at = fields.findIndex(({name}) => name === field.name);
  const next = asking!.on && at !== -1 ? fields[at + 1] : undefined;
  return turn.reply(next === undefined ? rest : {...rest, asking: {field: next.name, on: true}});
}

/** Types or chooses a value; answers why that is not possible. */
function fill(turn: Turn, field: Field, text: string): string | undefined {
  switch (field.kind) {
    case 'text':
      turn.press('end', 'ctrl-u', ...(text === '-' ? '' : text));
      return undefined;
    case 'choice': {
      const option = optionNamed(field.options, text);
      if (option === undefined) return `There is no choice "${text}".`;
      const steps =
        field.options.indexOf(option) - field.options.findIndex(({value}) => value === field.value);
      turn.press(...Array<string>(Math.abs(steps)).fill(steps > 0 ? 'right' : 'left'));
      return undefined;
    }
    case 'several': {
      const wanted = text === '-' ? [] : text.split(/[\s,]+/).map(part => optionNamed(field.options, part));
      if (wanted.includes(undefined)) return `Not all of "${text}" are choices.`;
      for (const [index, option] of field.options.entries()) {
        if (wanted.includes(option) === field.values.includes(option.value)) continue;
        turn.moveMark(field.name, index);
        turn.press(' ');
      }
      return undefined;
    }
  }
}

function optionNamed(options: readonly Option[], text: string): Option | undefined {
  const words = text.toLowerCase();
  return /^\d+$/.test(text)
    ? options[Number(text) - 1]
    : options.find(({value, label}) => [value.toLowerCase(), label.toLowerCase()].includes(words));
}

/** The key that a word stands for: itself, its name, or the first words of the label that footers show. */
function keyNamed(model: Model, word: string): string | undefined {
  const screen = currentScreen(model);
  const bindings = allBindings(model, screen).flatMap(table => table.bindings);
  const words = word.toLowerCase();
  const byKey = bindings.flatMap(({keys}) => keys).find(key => key === word || sayKey(key) === words);
  if (byKey !== undefined) return byKey;
  const labelled = (matches: (label: string) => boolean) =>
    bindings.filter(({label}) => label !== undefined && matches(label.toLowerCase()));
  const exact = labelled(label => label === words);
  const named = exact.length > 0 ? exact : labelled(label => label.startsWith(`${words} `));
  const enabled = named.find(binding => binding.disabledBecause?.(model, screen) === undefined);
  return (enabled ?? named[0])?.keys[0];
}

function currentList(model: Model) {
  const screen = currentScreen(model);
  return definitionOf(screen).list?.(screen, model);
}

/** Keys that are pressed one after the other, and what they ask of the world. */
class Turn {
  readonly #commands: Command[] = [];
  model: Model;

  constructor(model: Model) {
    this.model = model;
  }

  press(...keys: readonly string[]): void {
    for (const key of keys) {
      const step = update(this.model, {type: 'key', key});
      this.model = step.model;
      this.#commands.push(...step.commands);
    }
  }

  /** Goes to a field as the arrows do. */
  focus(name: string): void {
    const fields = formInSight(this.model)?.form.fields ?? [];
    const steps = fields.map(() => 'up').concat(fields.map(() => 'down'));
    for (const key of steps) {
      if (formInSight(this.model)?.form.focus === name) return;
      this.press(key);
    }
  }

  /** Goes to an option of a field of which several can be marked. */
  moveMark(name: string, index: number): void {
    const options = (form = formInSight(this.model)?.form) => form && fieldOf(form, name);
    for (let field = options(); field?.kind === 'several' && field.at !== index; field = options())
      this.press('right');
  }

  reply(talk: Talk, say: readonly string[] = []): Reply {
    return {talk: {...talk, model: this.model}, commands: this.#commands, say};
  }
}

/** What the operator is asked now, in words; nothing when the next line is a command. */
export function sayAsked(talk: Talk): readonly string[] {
  const {overlay} = talk.model;
  if (overlay?.kind === 'confirm') {
    const width = Math.max(0, ...overlay.effects.map(([what]) => what.length));
    return [
      `warn: ${overlay.question}`,
      ...overlay.effects.map(([what, effect]) => `   ${what.padEnd(width)}  ${effect}`),
      overlay.typeName === undefined
        ? 'y for yes; anything else leaves it:'
        : `Type ${overlay.typeName} to confirm; an empty line leaves it:`,
    ];
  }
  const field = askedField(talk);
  return field === undefined ? [] : sayQuestion(field);
}

/** Whether the next line is a password, which nobody is to read on the terminal. */
export function asksSecret(talk: Talk): boolean {
  const field = askedField(talk);
  return talk.model.overlay === undefined && field?.kind === 'text' && field.secret === true;
}

function askedField({model, asking}: Talk): Field | undefined {
  const form = formInSight(model);
  return form === undefined || asking === undefined ? undefined : fieldOf(form.form, asking.field);
}
