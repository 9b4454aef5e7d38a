import {formatSize} from '../../core/byte-size.js';
import type {RegisteredFile} from '../../core/package.js';
import type {SiteAddress} from '../../engine/engine.js';
import {backTo} from '../form-screen.js';
import {formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {markBinding, markColumn, markedRows, tellMarked} from '../marks.js';
import {type Model, type Step, step} from '../model.js';
import {push, replaceScreen} from '../navigate.js';
import {packagesOf, readPackages} from '../packages/read-packages.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Fault} from '../shared-data.js';
import {drawFault, drawList} from '../view/draw-list.js';
import {dim, line, marker} from '../view/lines.js';
import {importFileScreen} from './import-file.js';

export type PackageAssignScreen = {
  readonly kind: 'package-assign';
  readonly id: number;
  readonly address: SiteAddress;
  readonly name: string;
  readonly list: ListState;
  /** Names of files that Space marked. */
  readonly marked: ReadonlySet<string>;
  readonly busy: boolean;
  readonly fault?: Fault;
};

export function packageAssignScreen(address: SiteAddress, name: string): Omit<PackageAssignScreen, 'id'> {
  return {kind: 'package-assign', address, name, list: emptyList, marked: new Set(), busy: false};
}

/** Picks registered files for a package, several at a time (P2, P3, P4). */
export const packageAssign: ScreenDefinition<PackageAssignScreen> = {
  title: screen => `add to ${screen.name}`,
  context: (screen, model) => {
    const sizeBytes = filesOf(screen, model)
      .filter(({name}) => screen.marked.has(name))
      .reduce((sum, file) => sum + file.sizeBytes, 0);
    return {
      left: line(dim(' Space marks registered files, ⏎ adds them; i imports a file of this machine first')),
      ...tellMarked(screen, `, ${formatSize(sizeBytes)}`),
    };
  },
  needs: [],
  refresh: (screen, model) => readPackages(model, screen.address),
  list: (screen, model) => ({
    spec: fileList(screen, model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    markBinding('the file', fileList, noFile),
    {
      keys: ['enter', 'ctrl-s'],
      label: 'add',
      description: 'Add what is marked, or the file under the cursor; the archive is written anew',
      disabledBecause: (model, screen) =>
        screen.busy ? 'the archive is being written' : noFile(model, screen),
      run: add,
    },
    {
      keys: ['i'],
      label: 'import',
      description: 'Copy a file of this machine into the download folder, so that it can be added',
      run: (model, screen) => step(push(model, importFileScreen(screen.address))),
    },
    {
      keys: ['R'],
      description: 'Read the registered files again',
      run: (model, screen) => readPackages(model, screen.address),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'saved') return backTo(model, answer.text);
    return answer.kind === 'fault'
      ? step(replaceScreen(model, {...screen, busy: false, fault: answer.fault}))
      : step(model);
  },
  draw: (screen, model, area) => {
    const below = [
      ...(screen.busy ? [line(' ', marker('run'), ' the archive is being written ...')] : []),
      ...(screen.fault === undefined ? [] : drawFault(screen.fault, area.width)),
    ];
    return [
      ...drawList(
        fileList(screen, model),
        screen.list,
        {
          caption: 'registered files that it does not have',
          source: packagesOf(model, screen.address),
          empty: [
            'No registered file is left to add. i imports one of this machine.',
            'Only files of the download folder can be added to a package.',
          ],
        },
        model,
        {width: area.width, height: area.height - below.length},
      ),
      {kind: 'lines', lines: below},
    ];
  },
};

const lists = new WeakMap<
  readonly RegisteredFile[],
  {readonly of: readonly string[] | undefined; readonly rows: readonly RegisteredFile[]}
>();
const none: readonly RegisteredFile[] = [];

/** Registered files that the package does not have; the same answers give the same rows. */
function filesOf({address, name}: PackageAssignScreen, model: Model): readonly RegisteredFile[] {
  const value = packagesOf(model, address).value;
  if (value === undefined) return none;
  const assigned = value.packages.find(entry => entry.name === name)?.files;
  const known = lists.get(value.files);
  if (known !== undefined && known.of === assigned) return known.rows;
  const has = new Set(assigned);
  const rows = value.files.filter(file => !has.has(file.name));
  lists.set(value.files, {of: assigned, rows});
  return rows;
}

function fileList(screen: PackageAssignScreen, model: Model): ListSpec<RegisteredFile> {
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
        sortBy: row => row.sizeBytes,
        text: row => formatSize(row.sizeBytes),
      },
      {
        title: 'Imported',
        min: 12,
        sortBy: row => row.importedAt,
        text: row => formatTime(row.importedAt, model.now, model.time),
      },
      {title: 'By', min: 6, optional: 2, text: row => row.by},
    ],
  };
}

function chosen(model: Model, screen: PackageAssignScreen): RegisteredFile | undefined {
  return selectedRow(fileList(screen, model), screen.list);
}

function noFile(model: Model, screen: PackageAssignScreen): string | undefined {
  return chosen(model, screen) === undefined
    ? 'there is no registered file to add; i imports one'
    : undefined;
}

function add(model: Model, screen: PackageAssignScreen): Step {
  const {address, name, id} = screen;
  const files = markedRows(fileList(screen, model), screen).map(file => file.name);
  const {fault: _gone, ...rest} = screen;
  return step(replaceScreen(model, {...rest, busy: true}), {
    type: 'add-package-files',
    screen: id,
    address,
    name,
    files,
  });
}
