import {formatSize} from '../../core/byte-size.js';
import type {SiteAddress} from '../../engine/engine.js';
import type {PackageEntry} from '../../engine/packages.js';
import {siteText} from '../describe.js';
import {formatTime, plural} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import {actionBindings, actionsText, expiryText} from '../packages/package-actions.js';
import {packagesOf, readPackages} from '../packages/read-packages.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList} from '../view/draw-list.js';
import {bold, cut, dim, type Line, line, marker} from '../view/lines.js';
import {downloadFilesScreen} from './download-files.js';
import {packageScreen} from './package.js';
import {packageFormScreen} from './package-form.js';

export type PackagesScreen = {
  readonly kind: 'packages';
  readonly id: number;
  readonly address: SiteAddress;
  readonly list: ListState;
};

export function packagesScreen(address: SiteAddress): Omit<PackagesScreen, 'id'> {
  return {kind: 'packages', address, list: emptyList};
}

/** The package manager of a site: every package with its state and what can be done with it (P1). */
export const packages: ScreenDefinition<PackagesScreen> = {
  title: screen => `packages of ${siteText(screen.address)}`,
  context: ({address}, model) => {
    const known = packagesOf(model, address).value;
    return {
      left: line(bold(` ${siteText(address)}`), dim('   what has expired is deleted now')),
      right: line(dim(known === undefined ? '' : `${plural(known.files.length, 'file')} registered `)),
    };
  },
  needs: [],
  refresh: (screen, model) => readPackages(model, screen.address),
  list: (screen, model) => ({
    spec: packageList(screen, model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (screen, model) => Math.max(1, model.rows - 9 - expiredLines(screen, model, 80).length),
  bindings: [
    {
      keys: ['enter', 'right', 'l', 'x'],
      label: 'open',
      description: 'Attributes and files of the package under the cursor; files are removed there',
      disabledBecause: (model, screen) =>
        chosen(model, screen) === undefined ? 'there is no package in the list' : undefined,
      run: (model, screen) => step(push(model, packageScreen(screen.address, chosen(model, screen)!.name))),
    },
    {
      keys: ['n'],
      label: 'new',
      description: 'Make a package in two steps: define it, then add files',
      run: (model, screen) => step(push(model, packageFormScreen(screen.address))),
    },
    {
      keys: ['F'],
      label: 'files',
      description: 'The registered files of the site: import, delete',
      run: (model, screen) => step(push(model, downloadFilesScreen(screen.address))),
    },
    ...actionBindings(chosen, false),
    {
      keys: ['R'],
      description: 'Read the packages again',
      run: (model, screen) => readPackages(model, screen.address),
    },
  ],
  draw: (screen, model, area) => {
    const expired = expiredLines(screen, model, area.width);
    return [
      ...drawList(
        packageList(screen, model),
        screen.list,
        {
          caption: 'packages',
          source: packagesOf(model, screen.address),
          empty: [
            'No packages yet. n makes one: define it, then add files.',
            'Files must be registered first: F lists them, i there imports one of this machine.',
          ],
          tone: row => (row.state === 'damaged' ? 'fail' : row.state === 'empty' ? 'dim' : undefined),
        },
        model,
        {width: area.width, height: area.height - expired.length},
      ),
      {kind: 'lines', lines: expired},
    ];
  },
};

const none: readonly PackageEntry[] = [];

/** From this width on there is room for what the keys in a row mean. */
const wordyColumns = 110;

function packageList({address}: PackagesScreen, model: Model): ListSpec<PackageEntry> {
  return {
    rows: packagesOf(model, address).value?.packages ?? none,
    id: row => row.name,
    columns: [
      {title: 'Package', min: 10, grow: true, text: row => row.name},
      {title: 'State', min: 7, text: stateText},
      {
        title: 'Files',
        min: 5,
        align: 'right',
        sortBy: row => row.files.length,
        text: row => String(row.files.length),
      },
      {
        title: 'Size',
        min: 7,
        align: 'right',
        sortBy: row => row.archive?.sizeBytes ?? 0,
        text: row => (row.archive === undefined ? '-' : formatSize(row.archive.sizeBytes)),
      },
      {
        title: 'Expires',
        min: 12,
        sortBy: row => row.expires ?? '9',
        text: row => expiryText(row, model),
      },
      {title: 'Links', min: 5, optional: 3, text: row => (row.attributes.links ? 'allowed' : 'no')},
      {title: 'Actions', min: 11, text: row => actionsText(row, model.columns >= wordyColumns)},
    ],
  };
}

export function stateText({state}: PackageEntry): string {
  switch (state) {
    case 'ready':
      return 'ok ready';
    case 'empty':
      return 'wait empty';
    case 'damaged':
      return 'fail damaged';
  }
}

/** What had expired and is gone, since the console was opened (P7). */
function expiredLines({address}: PackagesScreen, model: Model, width: number): Line[] {
  const expired = packagesOf(model, address).value?.expired ?? [];
  const shown = expired.slice(0, 3);
  return [
    ...shown.map(({name, at}) => {
      const when = formatTime(new Date(at).toISOString(), model.now, model.time);
      return line(
        ' ',
        marker('warn'),
        cut(` ${name} had expired and was deleted ${when}; its registered files stay`, width - 6),
      );
    }),
    ...(expired.length > shown.length
      ? [line(dim(`      and ${plural(expired.length - shown.length, 'other')} before`))]
      : []),
  ];
}

function chosen(model: Model, screen: PackagesScreen): PackageEntry | undefined {
  return selectedRow(packageList(screen, model), screen.list);
}
