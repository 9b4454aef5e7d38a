import type {SiteAddress} from '../../engine/engine.js';
import type {PackageEntry} from '../../engine/packages.js';
import type {Binding} from '../bindings.js';
import {formatTime, plural} from '../format.js';
import {type Model, type Step, step} from '../model.js';
import {push} from '../navigate.js';
import type {Screen} from '../screen.js';
import {packageAssignScreen} from '../screens/package-assign.js';
import {packageFetchScreen} from '../screens/package-fetch.js';
import {packageFormScreen} from '../screens/package-form.js';
import {packageLinkScreen} from '../screens/package-link.js';
import {textInput} from '../text-input.js';

/** Something that can be done with a package: a key, a column of the list and a line of help in one. */
type PackageAction = {
  readonly key: string;
  readonly word: string;
  readonly description: string;
  /** Why it cannot be done with this package now. */
  whyNot(entry: PackageEntry): string | undefined;
  run(model: Model, address: SiteAddress, entry: PackageEntry, thenBack: boolean): Step;
};

const noArchive = 'it has no archive yet; a adds files';

/** Everything that can be done with one package, in the order in which it is wanted (P1). */
const packageActions: readonly PackageAction[] = [
  {
    key: 'a',
    word: 'add',
    description: 'Add registered files to the package, several at a time; its archive is written anew',
    whyNot: () => undefined,
    run: (model, address, entry) => step(push(model, packageAssignScreen(address, entry.name))),
  },
  {
    key: 'e',
    word: 'edit',
    description: 'Edit expiry, lifetime, access and links of the package',
    whyNot: () => undefined,
    run: (model, address, entry) => step(push(model, packageFormScreen(address, entry))),
  },
  {
    key: 'b',
    word: 'rebuild',
    description: 'Write the archive of the package anew from the registered files',
    whyNot: entry => (entry.files.length === 0 ? 'it has no files yet; a adds some' : undefined),
    run: (model, address, entry) => step(askRebuild(model, address, entry)),
  },
  {
    key: 'f',
    word: 'fetch',
    description: 'Download the archive of the package to this machine, checked',
    whyNot: entry =>
      entry.state === 'damaged'
        ? 'its archive is damaged; b writes it anew'
        : entry.archive === undefined
          ? noArchive
          : undefined,
    run: (model, address, entry) => step(push(model, packageFetchScreen(address, entry.name))),
  },
  {
    key: 'K',
    word: 'link',
    description: 'Make a signed link with which anybody can download the package until it expires',
    whyNot: entry =>
      !entry.attributes.links
        ? 'it allows no links; e changes that'
        : entry.archive === undefined
          ? noArchive
          : undefined,
    run: (model, address, entry) => step(push(model, packageLinkScreen(address, entry.name))),
  },
  {
    key: 'D',
    word: 'delete',
    description: 'Delete the package and its archive; the registered files stay',
    whyNot: () => undefined,
    run: (model, address, entry, thenBack) => step(askDeletion(model, address, entry, thenBack)),
  },
];

/** The keys of what can be done with a package, for its row: with words where there is room for them. */
export function actionsText(entry: PackageEntry, words: boolean): string {
  const possible = packageActions.filter(action => action.whyNot(entry) === undefined);
  return words
    ? possible.map(({key, word}) => `${key} ${word}`).join('  ')
    : possible.map(({key}) => key).join(' ');
}

/** The bindings of all actions. @param chosen the package that a screen means */
export function actionBindings<S extends Screen & {readonly address: SiteAddress}>(
  chosen: (model: Model, screen: S) => PackageEntry | undefined,
  thenBack: boolean,
): readonly Binding<S>[] {
  return packageActions.map(({key, word, description, whyNot, run}) => ({
    keys: [key],
    label: word,
    description,
    disabledBecause: (model, screen) => {
      const entry = chosen(model, screen);
      return entry === undefined ? 'there is no package' : whyNot(entry);
    },
    run: (model, screen) => run(model, screen.address, chosen(model, screen)!, thenBack),
  }));
}

function askRebuild(model: Model, address: SiteAddress, {name, files}: PackageEntry): Model {
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Write the archive of ${name} anew?`,
      effects: [
        ['the archive', `is made of ${plural(files.length, 'file')} as they are registered now`],
        ['deleted files', 'that are no longer registered leave the package'],
      ],
      input: textInput(),
      commands: [{type: 'rebuild-package', address, name}],
      thenBack: false,
    },
  };
}

function askDeletion(model: Model, address: SiteAddress, entry: PackageEntry, thenBack: boolean): Model {
  const {name, archive} = entry;
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Delete package ${name}?`,
      effects: [
        [
          'the package',
          archive === undefined ? 'is deleted' : 'is deleted with its archive; links to it end',
        ],
        ['registered files', 'stay in the download folder'],
      ],
      typeName: name,
      input: textInput(),
      commands: [{type: 'delete-package', address, name}],
      thenBack,
    },
  };
}

/** `never`, or when the package is deleted. */
export function expiryText(entry: PackageEntry, model: Model): string {
  return entry.expires === undefined ? 'never' : formatTime(entry.expires, model.now, model.time);
}
