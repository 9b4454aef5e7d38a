import {formatSize} from '../../core/byte-size.js';
import type {RegisteredFile} from '../../core/package.js';
import type {SiteAddress} from '../../engine/engine.js';
import {siteText} from '../describe.js';
import {formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import {packagesOf, readPackages} from '../packages/read-packages.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {bold, dim, line} from '../view/lines.js';
import {importFileScreen} from './import-file.js';

export type DownloadFilesScreen = {
  readonly kind: 'download-files';
  readonly id: number;
  readonly address: SiteAddress;
  readonly list: ListState;
};

export function downloadFilesScreen(address: SiteAddress): Omit<DownloadFilesScreen, 'id'> {
  return {kind: 'download-files', address, list: emptyList};
}

/** The registered files of a site's download folder: only these can be added to packages (P4). */
export const downloadFiles: ScreenDefinition<DownloadFilesScreen> = {
  title: () => 'files',
  context: ({address}) => ({
    left: line(
      bold(` ${siteText(address)}`),
      dim('   only what is registered here can be added to a package'),
    ),
  }),
  needs: [],
  refresh: (screen, model) => readPackages(model, screen.address),
  list: (screen, model) => ({
    spec: fileList(screen, model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['i'],
      label: 'import',
      description: 'Copy a file of this machine into the download folder',
      run: (model, screen) => step(push(model, importFileScreen(screen.address))),
    },
    {
      keys: ['D'],
      label: 'delete',
      description: 'Delete the file under the cursor; archives that hold it stay until they are written anew',
      disabledBecause: (model, screen) =>
        selectedRow(fileList(screen, model), screen.list) ? undefined : 'there is no registered file',
      run: (model, screen) =>
        step(askDeletion(model, screen, selectedRow(fileList(screen, model), screen.list)!)),
    },
    {
      keys: ['R'],
      label: 'read again',
      description: 'Read the registered files again',
      run: (model, screen) => readPackages(model, screen.address),
    },
  ],
  draw: (screen, model, area) =>
    drawList(
      fileList(screen, model),
      screen.list,
      {
        caption: 'registered files',
        source: packagesOf(model, screen.address),
        empty: ['No files are registered yet. i imports a file of this machine.'],
      },
      model,
      area,
    ),
};

const none: readonly RegisteredFile[] = [];

function usersOf(model: Model, address: SiteAddress, file: string): readonly string[] {
  const packages = packagesOf(model, address).value?.packages ?? [];
  return packages.filter(entry => entry.files.includes(file)).map(entry => entry.name);
}

function fileList({address}: DownloadFilesScreen, model: Model): ListSpec<RegisteredFile> {
  return {
    rows: packagesOf(model, address).value?.files ?? none,
    id: row => row.name,
    columns: [
      {title: 'File', min: 12, grow: true, text: row => row.name},
      {
        title: 'Size',
        min: 7,
        align: 'right',
        sortBy: row => row.sizeBytes,
        text: row => formatSize(row.sizeBytes),
      },
      {title: 'In packages', min: 8, text: row => usersOf(model, address, row.name).join(' ') || '-'},
      {
        title: 'Imported',
        min: 12,
        sortBy: row => row.importedAt,
        text: row => formatTime(row.importedAt, model.now, model.time),
      },
      {title: 'By', min: 6, optional: 2, text: row => row.by},
      {title: 'SHA-256', min: 12, optional: 3, text: row => row.sha256.slice(0, 16)},
    ],
  };
}

function askDeletion(model: Model, {address}: DownloadFilesScreen, {name}: RegisteredFile): Model {
  const users = usersOf(model, address, name);
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Delete ${name} from the download folder of ${siteText(address)}?`,
      effects: [
        ['the file', 'is deleted on the server'],
        ...users.map(user => [user, 'keeps it until its archive is written anew'] as const),
      ],
      typeName: name,
      input: textInput(),
      commands: [{type: 'delete-download-file', address, name}],
      thenBack: false,
    },
  };
}
