import {formatSize} from '../../core/byte-size.js';
import type {SiteAddress} from '../../engine/engine.js';
import type {PackageEntry} from '../../engine/packages.js';
import {siteText} from '../describe.js';
import {formatTime, plural} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {markBinding, markColumn, markedRows, tellMarked} from '../marks.js';
import {type Model, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import {actionBindings, expiryText} from '../packages/package-actions.js';
import {packagesOf, readPackages} from '../packages/read-packages.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {bold, dim, type Line, line} from '../view/lines.js';
import {stateText} from './packages.js';

export type PackageScreen = {
  readonly kind: 'package';
  readonly id: number;
  readonly address: SiteAddress;
  readonly name: string;
  readonly list: ListState;
  /** Names of files that Space marked. */
  readonly marked: ReadonlySet<string>;
};

export function packageScreen(address: SiteAddress, name: string): Omit<PackageScreen, 'id'> {
  return {kind: 'package', address, name, list: emptyList, marked: new Set()};
}

/** A file of a package, as its archive and the download folder have it. */
type PackedFile = {
  readonly name: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
  /** It can still be packed anew; else it goes with the next rewriting (P5). */
  readonly registered: boolean;
};

/** Attributes and files of one package (P3, P5, P6). */
export const packageDefinition: ScreenDefinition<PackageScreen> = {
  title: screen => screen.name,
  context: (screen, model) => {
    const title = entryOf(screen, model)?.attributes.title ?? '';
    return {
      left: line(bold(` ${screen.name}`), dim(title === '' ? '' : `   ${title}`)),
      ...tellMarked(screen),
    };
  },
  needs: [],
  refresh: (screen, model) => readPackages(model, screen.address),
  list: (screen, model) => ({
    spec: fileList(screen, model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (screen, model) => Math.max(1, model.rows - 9 - factsOf(screen, model).length),
  bindings: [
    markBinding('the file', fileList, noFile),
    {
      keys: ['x'],
      label: 'remove',
      description:
        'Remove from the package what is marked, or the file under the cursor; the archive is written anew',
      disabledBecause: noFile,
      run: (model, screen) => step(askRemoval(model, screen)),
    },
    ...actionBindings<PackageScreen>((model, screen) => entryOf(screen, model), true),
    {
      keys: ['R'],
      description: 'Read the package again',
      run: (model, screen) => readPackages(model, screen.address),
    },
  ],
  draw: (screen, model, area) => {
    const facts = factsOf(screen, model);
    const source = packagesOf(model, screen.address);
    const gone = source.value !== undefined && entryOf(screen, model) === undefined;
    return [
      {kind: 'lines', lines: facts},
      ...drawList(
        fileList(screen, model),
        screen.list,
        {
          caption: 'files',
          source,
          empty: gone
            ? [`There is no package ${screen.name} any more; it expired or was deleted. Esc goes back.`]
            : ['No files yet, so there is no archive. a adds registered files, several at a time.'],
          tone: row => (row.registered ? undefined : 'warn'),
        },
        model,
        {width: area.width, height: area.height - facts.length},
      ),
    ];
  },
};

function entryOf({address, name}: PackageScreen, model: Model): PackageEntry | undefined {
  return packagesOf(model, address).value?.packages.find(entry => entry.name === name);
}

function factsOf(screen: PackageScreen, model: Model): Line[] {
  const entry = entryOf(screen, model);
  if (entry === undefined) return [];
  const {attributes, archive} = entry;
  const fact = (label: string, text: string): Line => line(dim(` ${label.padEnd(13)}`), text);
  const made = formatTime(entry.createdAt, model.now, model.time);
  return [
    fact('State', `${stateText(entry)}${entry.state === 'damaged' ? '; b writes the archive anew' : ''}`),
    fact('Made', `${made} by ${entry.by} at ${siteText(screen.address)}`),
    fact('Expires', expiryText(entry, model)),
    fact('Managers', attributes.managers.join(', ') || 'every operator'),
    fact(
      'Downloaders',
      attributes.downloaders.join(', ') || 'every console, and the servers that work with the site',
    ),
    fact('Links', attributes.links ? 'allowed; K makes one' : 'not allowed'),
    fact(
      'Archive',
      archive === undefined
        ? 'none yet'
        : `${formatSize(archive.sizeBytes)}, written ${formatTime(archive.writtenAt, model.now, model.time)}`,
    ),
    ...(archive === undefined ? [] : [fact('SHA-256', archive.sha256)]),
  ];
}

const lists = new WeakMap<PackageEntry, {readonly files: unknown; readonly rows: readonly PackedFile[]}>();
const none: readonly PackedFile[] = [];

/** The files of the package; the same answers give the same rows, because lists remember what they sorted. */
function filesOf(screen: PackageScreen, model: Model): readonly PackedFile[] {
  const entry = entryOf(screen, model);
  const registered = packagesOf(model, screen.address).value?.files ?? [];
  if (entry === undefined) return none;
  const known = lists.get(entry);
  if (known?.files === registered) return known.rows;
  const names = new Set(registered.map(({name}) => name));
  const packed = new Map(entry.archive?.entries.map(file => [file.name, file]));
  const rows = entry.files.map(name => ({...packed.get(name), name, registered: names.has(name)}));
  lists.set(entry, {files: registered, rows});
  return rows;
}

function fileList(screen: PackageScreen, model: Model): ListSpec<PackedFile> {
  return {
    rows: filesOf(screen, model),
    id: row => row.name,
    columns: [
      markColumn(screen, row => row.name),
      {title: 'File', min: 12, grow: true, text: row => row.name},
      {
        title: 'Size',
        min: 7,
        align: 'right',
        sortBy: row => row.sizeBytes ?? 0,
        text: row => (row.sizeBytes === undefined ? '-' : formatSize(row.sizeBytes)),
      },
      {
        title: 'Registered',
        min: 10,
        text: row => (row.registered ? 'yes' : 'no: goes when the archive is written'),
      },
      {title: 'SHA-256', min: 12, optional: 2, text: row => row.sha256?.slice(0, 16) ?? '-'},
    ],
  };
}

function chosen(model: Model, screen: PackageScreen): PackedFile | undefined {
  return selectedRow(fileList(screen, model), screen.list);
}

function noFile(model: Model, screen: PackageScreen): string | undefined {
  return chosen(model, screen) === undefined ? 'the package has no files' : undefined;
}

function askRemoval(model: Model, screen: PackageScreen): Model {
  const {address, name} = screen;
  const rows = filesOf(screen, model);
  const meant = markedRows(fileList(screen, model), screen).map(row => row.name);
  const lost = rows.filter(row => !row.registered && !meant.includes(row.name));
  return {
    ...replaceScreen(model, {...screen, marked: new Set()}),
    overlay: {
      kind: 'confirm',
      question: `Remove ${plural(meant.length, 'file')} from ${name}?`,
      effects: [
        ...meant.slice(0, 6).map(file => [file, 'leaves the package'] as const),
        ...(meant.length > 6 ? [['...', `and ${meant.length - 6} more`] as const] : []),
        ...lost.slice(0, 3).map(({name: file}) => [file, 'leaves too: it is no longer registered'] as const),
        ['the archive', 'is written anew'],
        ['the download folder', 'keeps its files'],
      ],
      input: textInput(),
      commands: [{type: 'remove-package-files', address, name, files: meant}],
      thenBack: false,
    },
  };
}
