import {type Binding, showKey} from '../bindings.js';
import {type Field, type Form, type FormRules, type Option, showsProblem} from '../form.js';
import {allBindings, definitionOf} from '../key-tables.js';
import {listContent} from '../list.js';
import type {Model} from '../model.js';
import {currentScreen} from '../navigate.js';
import {drawForm} from '../view/draw-form.js';
import {type Block, textOf} from '../view/lines.js';

/** The form that the screen in sight consists of, and what is wrong with it. */
export type ShownForm = {readonly form: Form; readonly rules: FormRules};

export function formInSight(model: Model): ShownForm | undefined {
  const screen = currentScreen(model);
  return definitionOf(screen).form?.(screen, model);
}

/** Fields that apply at the moment, in their order. */
export function shownFields({form, rules}: ShownForm): readonly Field[] {
  return form.fields.filter(field => !rules.hidden.includes(field.name));
}

/** Where the operator is, from the overview down. */
export function sayPlace(model: Model): string {
  return `# ${model.stack.map(other => definitionOf(other).title(other, model)).join(' > ')}`;
}

/** The screen in sight as lines of text: where it is, what it is about, what is on it. No boxes and no colour. */
export function sayScreen(model: Model): string[] {
  const screen = currentScreen(model);
  const definition = definitionOf(screen);
  const {left, right = []} = definition.context(screen, model);
  const area = {width: model.columns, height: model.rows};
  const shown = formInSight(model);
  // A form is said field by field, so what draws it is left out.
  const drawn = shown === undefined ? [] : drawForm(shown.form, shown.rules, model.colour, area.width);
  const formLines = new Set(drawn.map(line => textOf(line).trimEnd()));
  const body = definition.draw(screen, model, area).flatMap(block => sayBlock(block, model));
  return [
    sayPlace(model),
    ...[...left, {text: '   '}, ...right]
      .map(span => span.text)
      .join('')
      .trim()
      .split('\n'),
    ...body.filter(text => !formLines.has(text.trimEnd())),
    ...(shown === undefined ? [] : sayForm(shown)),
  ]
    .map(tidy)
    .filter(text => text !== '');
}

/** Without what only a picture needs: bars, arrows, blanks, and the age of data, which would be news every second. */
function tidy(text: string): string {
  return text
    .replace(/ +as of [^,]*?(?=, stale|$)/, '')
    .replace(/[▓░]+ */g, '')
    .replaceAll('⏎', 'Enter')
    .replace(/─+/g, '--')
    .replace(/(\S) {3,}/g, '$1  ')
    .trimEnd();
}

function sayBlock(block: Block, model: Model): string[] {
  if (block.kind === 'lines') return block.lines.map(line => textOf(line).trimEnd());
  const screen = currentScreen(model);
  const list = definitionOf(screen).list?.(screen, model);
  const active = list !== undefined && block.cursor >= 0;
  const content = list === undefined ? undefined : listContent(list.spec, list.state);
  const first = active && content !== undefined ? content.cursor - block.cursor : 0;
  const rows = block.rows.map((cells, index) => {
    const words = cells.slice(1).flatMap((cell, at) => {
      const text = cell.trim();
      if (text === '' || text === '-') return [];
      const title = at === 0 ? '' : block.titles[at + 1]!.replace(/ [v^]$/, '').trim();
      return [title === '' ? text : `${title.toLowerCase()} ${text}`];
    });
    const chosen = index === block.cursor && block.rows.length > 1 ? ' (chosen)' : '';
    return `${active ? `${first + index + 1}.` : '-'} ${words.join(', ')}${chosen}`;
  });
  const total = content?.rows.length ?? 0;
  return active && total > rows.length
    ? [
        ...rows,
        `Rows ${first + 1} to ${first + rows.length} of ${total}; "more" goes on, a number goes there.`,
      ]
    : rows;
}

/** Every field with its number and value, and what is wrong with it. */
export function sayForm(shown: ShownForm): string[] {
  return shownFields(shown).flatMap((field, index) => {
    const problem = showsProblem(shown.form, field.name) ? shown.rules.problems[field.name] : undefined;
    return [
      `${index + 1}. ${field.label}: ${sayValue(field)}`,
      ...(problem === undefined ? [] : [`   fail: ${problem}`]),
    ];
  });
}

export function sayValue(field: Field): string {
  switch (field.kind) {
    case 'text':
      if (field.input.value === '') return 'empty';
      return field.secret ? 'set' : field.input.value;
    case 'choice':
      return labelOf(field.options, field.value);
    case 'several':
      return field.values.map(value => labelOf(field.options, value)).join(', ') || 'none';
  }
}

function labelOf(options: readonly Option[], value: string): string {
  return options.find(option => option.value === value)?.label ?? 'none';
}

/** What is asked when a field is to be filled in. */
export function sayQuestion(field: Field): string[] {
  if (field.kind === 'text') {
    const example = field.example === undefined ? '' : `  (${field.example})`;
    const hidden = field.secret ? '; a terminal does not show what is typed' : '';
    return [`${field.label}, now ${sayValue(field)}; empty keeps it, - empties it${hidden}${example}:`];
  }
  const options = field.options.map((option, index) => `   ${index + 1}. ${option.label}`);
  const how =
    field.kind === 'choice'
      ? 'one number; empty keeps it'
      : 'numbers with commas between; empty keeps it, - marks none';
  return [`${field.label}, now ${sayValue(field)}; ${how}:`, ...options];
}

/** The keys that work here, with the words that mean the same. */
export function sayMenu(model: Model): string {
  const screen = currentScreen(model);
  const bindings = allBindings(model, screen)
    .flatMap(table => table.bindings)
    .filter(binding => binding.disabledBecause?.(model, screen) === undefined)
    .filter(({keys}) => !keys.includes('?') && !keys.includes('f1'));
  const shown = bindings.filter(binding => binding.label !== undefined || binding.keys.includes('tab'));
  const keys = new Set<string>();
  const parts = shown.flatMap(binding => {
    const [key] = binding.keys;
    if (keys.has(key) || (binding.label === undefined && formInSight(model) !== undefined)) return [];
    keys.add(key);
    return [`${sayKey(key)} ${binding.label ?? 'other list'}`];
  });
  const list = definitionOf(screen).list?.(screen, model);
  const rows = list === undefined ? [] : ['a number opens that row, "r 2" presses r on row 2'];
  const fields = formInSight(model) === undefined ? [] : ['a number asks for that field'];
  return `Here: ${[...parts, ...rows, ...fields].join('; ')}; ? explains all keys.`;
}

/** All keys of the screen in sight. */
export function sayKeys(model: Model): string[] {
  const screen = currentScreen(model);
  return allBindings(model, screen).flatMap(({title, bindings}) => [
    `${title}:`,
    ...bindings.map(binding => {
      const reason = binding.disabledBecause?.(model, screen);
      return `   ${sayKeysOf(binding)}: ${binding.description}${reason === undefined ? '' : ` (not now: ${reason})`}`;
    }),
  ]);
}

function sayKeysOf(binding: Binding): string {
  return binding.keys.map(sayKey).join(' ');
}

/** A key as it is typed on a line: `p`, `enter`, `ctrl-s`, `esc`. */
export function sayKey(key: string): string {
  if (key.length === 1 && key !== ' ') return key;
  return key === 'enter' ? 'enter' : showKey(key).toLowerCase();
}
