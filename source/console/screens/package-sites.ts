import type {SiteAddress} from '../../engine/engine.js';
import {siteText} from '../describe.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, type Step, step} from '../model.js';
import {push} from '../navigate.js';
import {packagesOf} from '../packages/read-packages.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList} from '../view/draw-list.js';
import {dim, line} from '../view/lines.js';
import {packagesScreen} from './packages.js';

export type PackageSitesScreen = {
  readonly kind: 'package-sites';
  readonly id: number;
  readonly list: ListState;
};

/** Opens the packages of the only site there is, or asks of which site. */
export function openPackages(model: Model): Step {
  const [only, ...more] = sitesOf(model);
  return step(
    push(
      model,
      only !== undefined && more.length === 0
        ? packagesScreen(only)
        : {kind: 'package-sites', list: emptyList},
    ),
  );
}

/** Every site has its own download folder and packages. */
export const packageSites: ScreenDefinition<PackageSitesScreen> = {
  title: () => 'sites',
  context: () => ({left: line(dim(' every site has its own packages; ⏎ opens them'))}),
  needs: ['servers'],
  list: (screen, model) => ({
    spec: siteList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Open the packages of the site under the cursor',
      disabledBecause: (model, screen) =>
        selectedRow(siteList(model), screen.list) ? undefined : 'there is no site in the list',
      run: (model, screen) => step(push(model, packagesScreen(selectedRow(siteList(model), screen.list)!))),
    },
  ],
  draw: (screen, model, area) =>
    drawList(
      siteList(model),
      screen.list,
      {
        caption: 'sites',
        source: model.data.servers,
        empty: ['No sites are known yet. a on the overview pairs a server; : servers lists them.'],
      },
      model,
      area,
    ),
};

const remembered = new WeakMap<object, readonly SiteAddress[]>();

/** The sites of all servers, as far as they are known. */
export function sitesOf(model: Model): readonly SiteAddress[] {
  const servers = model.data.servers.value ?? [];
  const known = remembered.get(servers);
  const sites =
    known ?? servers.flatMap(({name, sites}) => sites.map((site): SiteAddress => ({server: name, site})));
  remembered.set(servers, sites);
  return sites;
}

function siteList(model: Model): ListSpec<SiteAddress> {
  return {
    rows: sitesOf(model),
    id: siteText,
    columns: [
      {title: 'Server', min: 10, text: row => row.server},
      {title: 'Site', min: 10, grow: true, text: row => row.site},
      {
        title: 'Packages',
        min: 8,
        align: 'right',
        text: row => {
          const known = packagesOf(model, row).value;
          return known === undefined ? 'not read' : String(known.packages.length);
        },
      },
    ],
  };
}
