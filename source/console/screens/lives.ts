import type {LiveEntry} from '../../engine/engine.js';
import {formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {type Block, bold, cut, dim, type Line, line, marker} from '../view/lines.js';
import {liveFormScreen} from './live-form.js';
import {livePreviewScreen} from './live-preview.js';

export type LivesScreen = {readonly kind: 'lives'; readonly id: number; readonly list: ListState};

export function livesScreen(): Omit<LivesScreen, 'id'> {
  return {kind: 'lives', list: emptyList};
}

/** Live syncs: an editorial site and the live servers it is published to, with their last sync (G). */
export const lives: ScreenDefinition<LivesScreen> = {
  title: () => 'live syncs',
  context: () => ({
    left: line(dim(' checks, rights, tenants, logs: one run, one log; a failed server is named')),
  }),
  needs: ['lives', 'servers', 'clusters'],
  list: (screen, model) => ({
    spec: liveList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (screen, model) =>
    Math.max(1, model.rows - 9 - serverLines(chosen(model, screen), model, 80).length),
  bindings: [
    {
      keys: ['r', 'enter'],
      label: 'run',
      description: 'Run the live sync under the cursor now, after a question',
      disabledBecause: noLive,
      run: (model, screen) => step(askLiveRun(model, chosen(model, screen)!)),
    },
    {
      keys: ['p'],
      label: 'preview',
      description: 'Show what each phase would change; read-only',
      disabledBecause: noLive,
      run: (model, screen) => step(push(model, livePreviewScreen(chosen(model, screen)!.name))),
    },
    {
      keys: ['n'],
      label: 'new',
      description: 'Describe a live sync and introduce its servers; starts nothing',
      disabledBecause: model =>
        model.data.servers.value?.length ? undefined : 'there is no server yet; a adds one from the overview',
      run: model => step(push(model, liveFormScreen(model))),
    },
    {
      keys: ['e'],
      label: 'edit',
      description: 'Change servers and tenants of the live sync under the cursor',
      disabledBecause: noLive,
      run: (model, screen) => step(push(model, liveFormScreen(model, chosen(model, screen)!))),
    },
    {
      keys: ['D'],
      label: 'delete',
      description: 'Forget the live sync under the cursor; nothing of any site changes',
      disabledBecause: noLive,
      run: (model, screen) => step(askDeletion(model, chosen(model, screen)!.name)),
    },
  ],
  draw: (screen, model, area): readonly Block[] => {
    const servers = serverLines(chosen(model, screen), model, area.width).slice(
      0,
      Math.max(0, area.height - 8),
    );
    return [
      ...drawList(
        liveList(model),
        screen.list,
        {
          caption: 'live syncs',
          source: model.data.lives,
          empty: ['No live syncs yet. n describes one: an editorial site and its live servers.'],
        },
        model,
        {width: area.width, height: area.height - servers.length},
      ),
      {kind: 'lines', lines: servers},
    ];
  },
};

/** Asks before a live sync is run. */
export function askLiveRun(model: Model, entry: LiveEntry): Model {
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Run the live sync ${entry.name} now?`,
      effects: [
        ['first', 'checks of versions and clocks; a failing one stops it before anything changes'],
        ['rights', 'users are pulled from every live server, then all rights are pushed to every one'],
        ['tenants', entry.tenants.join(', then ') || 'none'],
        ['logs', 'are fetched from every live server and merged by time'],
        ['deletions', `stops before more than ${entry.maxDelete} % of a side would be deleted`],
      ],
      input: textInput(),
      commands: [{type: 'run-live', name: entry.name}],
      thenBack: false,
    },
  };
}

function askDeletion(model: Model, name: string): Model {
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Delete live sync ${name}?`,
      effects: [
        ['the live sync', 'is forgotten, with the times of its last syncs'],
        ['all sites', 'are not touched'],
      ],
      typeName: name,
      input: textInput(),
      commands: [{type: 'delete-live', name}],
      thenBack: false,
    },
  };
}

const none: readonly LiveEntry[] = [];

function liveList(model: Model): ListSpec<LiveEntry> {
  return {
    rows: model.data.lives.value ?? none,
    id: row => row.name,
    columns: [
      {title: 'Live sync', min: 10, text: row => row.name},
      {title: 'Editorial site', min: 10, text: row => `${row.local.server}/${row.local.site}`},
      {
        title: 'Live servers',
        min: 10,
        grow: true,
        text: row => row.cluster ?? row.servers.map(({server}) => server).join(' '),
      },
      {title: 'Tenants', min: 8, optional: 2, text: row => row.tenants.join(' ') || '-'},
      {title: 'Schedule', min: 10, optional: 1, text: row => row.schedule ?? 'none'},
      {
        title: 'Last sync',
        min: 8,
        text: row => formatTime(oldestSync(row), model.now, model.time),
      },
    ],
  };
}

/** The time since which some server has waited; undefined when one was never synced. */
function oldestSync({servers}: LiveEntry): string | undefined {
  if (servers.some(({lastSync}) => lastSync === undefined)) return undefined;
  return servers.map(({lastSync}) => lastSync!.at).sort()[0];
}

/** Each live server with the time of its last sync (G3), and why the last one left it out. */
function serverLines(entry: LiveEntry | undefined, model: Model, width: number): Line[] {
  if (entry === undefined) return [];
  return [
    line(bold(` servers of ${entry.name}`)),
    ...entry.servers.map(({server, site, lastSync, error}) => {
      const since = `last sync ${formatTime(lastSync?.at, model.now, model.time)}`;
      return line(
        ' ',
        marker(error !== undefined ? 'warn' : lastSync === undefined ? 'wait' : 'ok'),
        cut(
          ` ${server}/${site}  ${since}${error === undefined ? '' : `  left out: ${error.message}`}`,
          width - 6,
        ),
      );
    }),
    ...(entry.logs ?? []).map(({name, file, server}) =>
      line(dim(cut(` log ${name}: ${server}:${file}`, width - 1))),
    ),
  ];
}

function chosen(model: Model, screen: LivesScreen): LiveEntry | undefined {
  return selectedRow(liveList(model), screen.list);
}

function noLive(model: Model, screen: LivesScreen): string | undefined {
  return chosen(model, screen) === undefined ? 'there is no live sync in the list' : undefined;
}
