import {type Binding, showKey} from './bindings.js';
import type {Key} from './key-splitter.js';
import {moveInList, sortNext} from './list.js';
import {explain, say} from './message.js';
import {type Model, type Step, step} from './model.js';
import {pop, push, replaceScreen} from './navigate.js';
import type {Screen} from './screen.js';
import {doctorScreen} from './screens/doctor.js';
import {definitionOf} from './screens/index.js';
import {noticesScreen} from './screens/notices.js';
import {settingsScreen} from './screens/settings.js';
import {textInput} from './text-input.js';
import {goBack, goForward} from './travel.js';

export {definitionOf};

function movement(keys: Binding['keys'], description: string): Binding {
  return {
    keys,
    description,
    run: (model, screen) => {
      const list = definitionOf(screen).list?.(screen, model);
      if (list === undefined) return step(model);
      const page = definitionOf(screen).pageRows?.(screen, model) ?? Math.max(1, model.rows - 9);
      // All keys of one movement mean the same, so the first stands for them.
      const state = moveInList(list.spec, list.state, keys[0], page);
      return step(state === undefined ? model : replaceScreen(model, list.put(screen, state)));
    },
  };
}

/** Keys of every list. */
export const listBindings: readonly Binding[] = [
  movement(['up', 'k'], 'One row up'),
  movement(['down', 'j'], 'One row down'),
  movement(['page-up', 'ctrl-b'], 'A page up'),
  movement(['page-down', 'ctrl-f'], 'A page down'),
  movement(['home', 'g'], 'To the first row'),
  movement(['end', 'G'], 'To the last row'),
  {
    keys: ['/'],
    label: 'filter',
    description: 'Show only rows that contain all words typed; Esc clears',
    run: (model, screen) => onList(model, screen, state => ({...state, filtering: true})),
  },
  {
    keys: ['o'],
    description: 'Sort by the next column; after the last, the original order',
    run: (model, screen) => {
      const list = definitionOf(screen).list?.(screen, model);
      const count = list?.spec.columns.length ?? 0;
      return onList(model, screen, state => sortNext(state, count));
    },
  },
  {
    keys: ['O'],
    description: 'Reverse the order',
    disabledBecause: (model, screen) =>
      definitionOf(screen).list?.(screen, model)?.state.sort === undefined
        ? 'nothing is sorted; o sorts'
        : undefined,
    run: (model, screen) => onList(model, screen, state => ({...state, descending: !state.descending})),
  },
];

type ListState = Parameters<typeof moveInList>[1];

function onList(model: Model, screen: Screen, change: (state: ListState) => ListState): Step {
  const list = definitionOf(screen).list?.(screen, model);
  return step(list === undefined ? model : replaceScreen(model, list.put(screen, change(list.state))));
}

/** Keys that work on every screen. */
export const globalBindings: readonly Binding[] = [
  {
    keys: ['escape', 'backspace', 'left', 'h'],
    label: 'back',
    description: 'Clear the filter, or go back one level; never cancels a run',
    disabledBecause: (model, screen) =>
      model.stack.length > 1 || filtered(model, screen) ? undefined : 'this is the first screen; q leaves',
    run: back,
  },
  {
    keys: [':'],
    description: 'Go anywhere by name, with completion',
    run: model => step({...model, overlay: {kind: 'palette', input: textInput(), at: 0}}),
  },
  {
    keys: ['['],
    description: 'Go where you were before',
    run: goBack,
  },
  {
    keys: [']'],
    description: 'After [, go forward again',
    run: goForward,
  },
  {
    keys: ['!'],
    description: 'The doctor: look at everything that a run needs, and say what to do',
    run: (model, screen) =>
      screen.kind === 'doctor'
        ? step(say(model, 'info', 'This is the doctor; R looks again.'))
        : step(push(model, doctorScreen())),
  },
  {
    keys: ['M'],
    description: 'What the line above the keys has said; errors with code, remedy and log',
    run: (model, screen) =>
      screen.kind === 'notices' ? step(pop(model)) : step(push(model, noticesScreen())),
  },
  {
    keys: [','],
    description: 'Settings of this console, and what it keeps where',
    run: (model, screen) =>
      screen.kind === 'settings' ? step(pop(model)) : step(push(model, settingsScreen())),
  },
  {
    keys: ['z'],
    description: 'Show times in the local zone, with the zone named, or in UTC',
    run: model => {
      const order = ['local', 'local-named', 'utc'] as const;
      const show = order[(order.indexOf(model.time.show) + 1) % order.length]!;
      return step({...model, time: {...model.time, show}});
    },
  },
  {
    keys: ['?'],
    label: 'keys',
    description: 'All keys of this screen',
    run: model => step({...model, overlay: {kind: 'help', top: 0}}),
  },
  {
    keys: ['ctrl-z'],
    description: 'Back to the shell for a while; fg there brings the console back',
    run: model => step(model, {type: 'suspend'}),
  },
  {
    keys: ['q', 'ctrl-c'],
    label: 'quit',
    description: 'Leave the console; runs continue',
    run: model => step({...model, leaving: true}),
  },
];

/** Keys that keep their meaning while a form takes all characters. */
export const formBindings: readonly Binding[] = [
  {keys: ['tab', 'down', 'enter'], description: 'To the next field', run: model => step(model)},
  {keys: ['shift-tab', 'up'], description: 'To the field before', run: model => step(model)},
  {
    keys: ['left', 'right'],
    description: 'Choose in a list, or move within a text',
    run: model => step(model),
  },
  {keys: [' '], description: 'Mark or unmark where several can be chosen', run: model => step(model)},
  {keys: ['escape'], label: 'back', description: 'Leave; asks when something was changed', run: back},
  {
    keys: ['f1'],
    label: 'keys',
    description: 'All keys of this screen',
    run: model => step({...model, overlay: {kind: 'help', top: 0}}),
  },
  {
    keys: ['ctrl-z'],
    description: 'Back to the shell for a while; fg there brings the console back',
    run: model => step(model, {type: 'suspend'}),
  },
  {
    keys: ['ctrl-c'],
    label: 'quit',
    description: 'Leave the console; runs continue',
    run: model => step({...model, leaving: true}),
  },
];

function filtered(model: Model, screen: Screen): boolean {
  const state = definitionOf(screen).list?.(screen, model)?.state;
  return state !== undefined && state.filter.value !== '';
}

function back(model: Model, screen: Screen): Step {
  if (filtered(model, screen)) return onList(model, screen, state => ({...state, filter: textInput()}));
  const definition = definitionOf(screen);
  return definition.back === undefined ? step(pop(model)) : definition.back(screen, model);
}

export type KeyTable = {readonly title: string; readonly bindings: readonly Binding[]};

/** The tables that apply on a screen, the first that knows a key decides. */
export function allBindings(model: Model, screen: Screen): readonly KeyTable[] {
  const definition = definitionOf(screen);
  if (definition.type !== undefined) {
    return [
      {title: 'This form', bindings: definition.bindings},
      {title: 'Forms', bindings: formBindings},
    ];
  }
  const list =
    definition.list?.(screen, model) === undefined ? [] : [{title: 'Lists', bindings: listBindings}];
  return [
    {title: 'This screen', bindings: definition.bindings},
    ...list,
    {title: 'Everywhere', bindings: globalBindings},
  ];
}

/** Carries out a key by the tables; one that is disabled or means nothing says so in the message line. */
export function pressKey(model: Model, screen: Screen, key: Key): Step {
  let reason: string | undefined;
  for (const {bindings} of allBindings(model, screen)) {
    for (const binding of bindings) {
      if (!binding.keys.includes(key)) continue;
      const disabled = binding.disabledBecause?.(model, screen);
      // A key may have another meaning further down, such as an arrow in a pane that has no list.
      if (disabled === undefined) return binding.run(model, screen);
      reason ??= `${binding.label ?? showKey(binding.keys[0])}: ${disabled}.`;
    }
  }
  const help = definitionOf(screen).type === undefined ? '?' : 'F1';
  return step(
    reason === undefined
      ? explain(model, 'info', `${showKey(key)} does nothing here; ${help} shows the keys that do.`)
      : explain(model, 'warn', reason),
  );
}
