import type {SiteAddress} from '../../engine/engine.js';
import type {Command} from '../command.js';
import {relationshipOf, siteText} from '../describe.js';
import {plural} from '../format.js';
import {emptyList, type ListState} from '../list.js';
import {say} from '../message.js';
import {type Model, type Step, step} from '../model.js';
import {pop, push, replaceScreen} from '../navigate.js';
import {chosenEntry, entryList} from '../picker/entry-list.js';
import type {PickerEntry} from '../picker/picker-entries.js';
import {previewScreen} from '../preview/preview-screen.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {bold, dim, type Line, line, wrap} from '../view/lines.js';
import {selectionScreen} from './selection.js';

/** A folder that was opened, from the outermost one down. */
type Opened = {readonly label: string; readonly at: string | readonly string[]};

type Tree = 'content' | 'files';

export type PickerScreen = {
  readonly kind: 'picker';
  readonly id: number;
  readonly relationship: string;
  readonly profile: string;
  readonly address: SiteAddress;
  readonly tree: Tree;
  /** Where each tree is open; the deepest folder last. */
  readonly path: Readonly<Record<Tree, readonly Opened[]>>;
  readonly list: ListState;
  readonly entries: Loadable<readonly PickerEntry[]>;
  /** An answer holds only so many. */
  readonly more: boolean;
  /** What was picked, with what it is called, by its text for `--select`. */
  readonly picked: ReadonlyMap<string, string>;
};

/** @param address the local site, whose content goes up */
export function pickerScreen(
  relationship: string,
  profile: string,
  address: SiteAddress,
): Omit<PickerScreen, 'id'> {
  return {
    kind: 'picker',
    relationship,
    profile,
    address,
    tree: 'content',
    path: {content: [], files: []},
    list: emptyList,
    entries: {loading: true},
    more: false,
    picked: new Map(),
  };
}

const detailHeight = 3;

/** Picks content, folders of content and files in a tree, and previews what goes with them (E20–E22). */
export const picker: ScreenDefinition<PickerScreen> = {
  title: screen => `pick for ${screen.profile}`,
  context: screen => ({
    left: line(
      ' ',
      screen.tree === 'content' ? bold('content') : dim('content'),
      '  ',
      screen.tree === 'files' ? bold('files') : dim('files'),
      dim(`   ${siteText(screen.address)} › ${screen.path[screen.tree].map(({label}) => label).join(' › ')}`),
    ),
    right: line(`${screen.picked.size} picked `),
  }),
  needs: ['relationships'],
  opened: screen => [read(screen)],
  list: screen => ({spec: entryList(screen), state: screen.list, put: (before, list) => ({...before, list})}),
  pageRows: (_screen, model) => Math.max(1, model.rows - 9 - detailHeight),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Open the folder under the cursor; on anything else pick it or take the pick back',
      disabledBecause: (_model, screen) =>
        chosenEntry(screen) === undefined ? 'there is nothing here' : undefined,
      run: (model, screen) => {
        const {opens, label} = chosenEntry(screen)!;
        return opens === undefined
          ? pick(model, screen)
          : goTo(model, screen, [...here(screen), {label, at: opens}]);
      },
    },
    {
      keys: [' '],
      label: 'pick',
      description:
        'Pick what is under the cursor, or take the pick back; of a folder its content, without subfolders',
      disabledBecause: (_model, screen) => {
        const entry = chosenEntry(screen);
        if (entry === undefined) return 'there is nothing here';
        return entry.select === undefined ? 'files are picked one by one; ⏎ opens the folder' : undefined;
      },
      run: pick,
    },
    {
      keys: ['tab', 'shift-tab'],
      label: 'content or files',
      description: 'Switch between the content in the database and the files',
      run: (model, screen) => {
        const tree = screen.tree === 'content' ? 'files' : 'content';
        const next = {...screen, tree, list: emptyList, entries: {loading: true}} as const;
        return step(replaceScreen(model, next), read(next));
      },
    },
    {
      keys: ['p', 'ctrl-s'],
      label: 'preview',
      description: 'Check what the picks need, and show what a run of them would change; read-only',
      disabledBecause: (_model, screen) =>
        screen.picked.size === 0 ? 'nothing is picked; Space picks' : undefined,
      run: (model, screen) =>
        step(
          push(
            model,
            previewScreen(screen.relationship, screen.profile, {select: [...screen.picked.keys()]}),
          ),
        ),
    },
    {
      keys: ['e'],
      label: 'by id',
      description: 'Type ids and paths instead, beginning with what is picked',
      disabledBecause: (_model, screen) =>
        [...screen.picked.keys()].some(select => select.includes(','))
          ? 'a pick has a comma in it, which would be taken for two there'
          : undefined,
      run: (model, screen) =>
        step(push(model, selectionScreen(screen.relationship, screen.profile, typed(screen)))),
    },
    {
      keys: ['R'],
      description: 'Read this level again',
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, entries: {...screen.entries, loading: true}}), read(screen)),
    },
  ],
  back: (screen, model) => {
    if (here(screen).length > 0) return goTo(model, screen, here(screen).slice(0, -1));
    return step(screen.picked.size === 0 ? pop(model) : askToLeave(model, screen));
  },
  receive: (screen, model, answer) => {
    if (answer.kind === 'fault')
      return step(
        replaceScreen(model, {
          ...screen,
          entries: {...screen.entries, loading: false, fault: answer.fault},
        }),
      );
    // The answer to an earlier question, when the operator has gone on meanwhile.
    if (answer.kind !== 'level' || answer.tree !== screen.tree || !isHere(screen, answer.at))
      return step(model);
    return step(
      replaceScreen(model, {
        ...screen,
        entries: {loading: false, value: answer.entries, at: answer.taken},
        more: answer.more,
      }),
    );
  },
  draw: (screen, model, area) => [
    ...drawList(
      entryList(screen, model),
      screen.list,
      {
        caption: screen.more ? 'entries (only the first ones; open a folder)' : 'entries',
        source: screen.entries,
        empty: [
          screen.tree === 'content'
            ? 'Nothing here. Which tables hold content and folders stands in agent.json ("kind"); Tab shows files.'
            : 'This folder is empty. Tab shows the content in the database.',
        ],
      },
      model,
      {width: area.width, height: area.height - detailHeight},
    ),
    {kind: 'lines', lines: pickedLines(screen, model, area.width)},
  ],
};

function pickedLines(screen: PickerScreen, model: Model, width: number): Line[] {
  const to = relationshipOf(model, screen.relationship)?.remote;
  const names = [...screen.picked].map(([select, label]) => `${label} (${select})`);
  if (names.length === 0)
    return [line(dim(` Space picks; what is picked goes to ${to === undefined ? '...' : siteText(to)}`))];
  return [
    line(dim(` ${plural(names.length, 'pick')}:`)),
    ...wrap(names.join(', '), width - 3).map(text => line('  ', text)),
  ].slice(0, detailHeight);
}

function pick(model: Model, screen: PickerScreen): Step {
  const {select, label} = chosenEntry(screen)!;
  if (select === undefined)
    return step(say(model, 'warn', 'pick: files are picked one by one; special files never travel.'));
  const picked = new Map(screen.picked);
  if (!picked.delete(select)) picked.set(select, label);
  return step(replaceScreen(model, {...screen, picked}));
}

function goTo(model: Model, screen: PickerScreen, opened: readonly Opened[]): Step {
  const next: PickerScreen = {
    ...screen,
    path: {...screen.path, [screen.tree]: opened},
    list: emptyList,
    entries: {loading: true},
  };
  return step(replaceScreen(model, next), read(next));
}

function here(screen: PickerScreen): readonly Opened[] {
  return screen.path[screen.tree];
}

function isHere(screen: PickerScreen, at: Opened['at'] | undefined): boolean {
  return JSON.stringify(here(screen).at(-1)?.at) === JSON.stringify(at);
}

function read(screen: PickerScreen): Command {
  const at = here(screen).at(-1)?.at;
  const {id, address, tree} = screen;
  return {type: 'browse', screen: id, address, tree, ...(at === undefined ? {} : {at})};
}

/** The picks as the fields of the form that takes ids and paths. */
function typed(screen: PickerScreen): {content?: string; folder?: string; file?: string} {
  const of = (kind: string) =>
    [...screen.picked.keys()]
      .filter(select => select.startsWith(`${kind}:`))
      .map(select => select.slice(kind.length + 1))
      .join(', ');
  return Object.fromEntries(
    (['content', 'folder', 'file'] as const).flatMap(kind => (of(kind) === '' ? [] : [[kind, of(kind)]])),
  );
}

function askToLeave(model: Model, screen: PickerScreen): Model {
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: 'Leave without a preview of what is picked?',
      effects: [[plural(screen.picked.size, 'pick'), 'forgotten; nothing was changed anywhere']],
      input: textInput(),
      commands: [],
      thenBack: true,
    },
  };
}
