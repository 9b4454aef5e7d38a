import type {RelationshipEntry, RunEntry} from '../../engine/engine.js';
import {attention, markerOfRun, runningRuns} from '../describe.js';
import {plural} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList, listOverhead} from '../view/draw-list.js';
import {type Area, type Block, cut, dim, type Line, line, marker, toneOfMarker} from '../view/lines.js';
import {splitPanes} from '../view/split-panes.js';
import {addServerScreen} from './add-server.js';
import {clustersScreen} from './clusters.js';
import {collisionsScreen} from './collisions.js';
import {doctorScreen} from './doctor.js';
import {livesScreen} from './lives.js';
import {openPackages} from './package-sites.js';
import {relationshipScreen} from './relationship.js';
import {emptyRelationships, relationshipList, relationshipsScreen} from './relationships.js';
import {releasesScreen} from './releases.js';
import {rolloutsScreen} from './rollouts.js';
import {openRun, runList, runsScreen} from './runs.js';
import {scheduleScreen} from './schedule.js';
import {serversScreen} from './servers.js';
import {wizardScreen} from './wizard.js';

export type OverviewScreen = {
  readonly kind: 'overview';
  readonly id: number;
  readonly pane: 'relationships' | 'runs';
  readonly relationships: ListState;
  readonly runs: ListState;
};

export function overviewScreen(): Omit<OverviewScreen, 'id'> {
  return {kind: 'overview', pane: 'relationships', relationships: emptyList, runs: emptyList};
}

/** Where the console starts: what is kept in step, what ran last, what needs a person. */
export const overview: ScreenDefinition<OverviewScreen> = {
  title: () => 'overview',
  context: (_screen, model) => ({left: line(...stateSpans(model))}),
  needs: ['servers', 'relationships', 'profiles', 'rollouts', 'runs'],
  list: (screen, model) =>
    screen.pane === 'relationships'
      ? {
          spec: relationshipList(model),
          state: screen.relationships,
          put: (before, relationships) => ({...before, relationships}),
        }
      : {spec: lastRuns(model), state: screen.runs, put: (before, runs) => ({...before, runs})},
  pageRows: (screen, model) => {
    const panes = panesOf(screen, model, model.rows - frameHeight);
    return Math.max(1, (screen.pane === 'relationships' ? panes.upper : panes.lower) - listOverhead);
  },
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Open the relationship or the run under the cursor',
      disabledBecause: (model, screen) =>
        (screen.pane === 'relationships' ? chosenRelationship(model, screen) : chosenRun(model, screen)) ===
        undefined
          ? 'there is nothing in the list'
          : undefined,
      run: (model, screen) =>
        screen.pane === 'relationships'
          ? step(push(model, relationshipScreen(chosenRelationship(model, screen)!.name)))
          : openRun(model, chosenRun(model, screen)!),
    },
    {
      keys: ['n'],
      label: 'new relationship',
      description: 'Set up a new relationship in three steps; that starts nothing',
      run: model => step(push(model, wizardScreen(model))),
    },
    {
      keys: ['S'],
      label: 'servers',
      description: 'All servers',
      run: model => step(push(model, serversScreen())),
    },
    {
      keys: ['R'],
      label: 'runs',
      description: 'Everything that ran',
      run: model => step(push(model, runsScreen())),
    },
    {
      keys: ['s'],
      label: 'schedule',
      description: 'What starts by itself, and when',
      run: model => step(push(model, scheduleScreen())),
    },
    {
      keys: ['c'],
      label: 'collisions',
      description: 'Rows that were renamed because two had one name',
      run: model => step(push(model, collisionsScreen())),
    },
    {
      keys: ['!'],
      label: 'doctor',
      description: 'Look at console, state, servers, clocks, versions and certificates, and say what to do',
      run: model => step(push(model, doctorScreen())),
    },
    {
      keys: ['V'],
      label: 'live',
      description: 'Live syncs: an editorial site and its live servers',
      run: model => step(push(model, livesScreen())),
    },
    {
      keys: ['P'],
      label: 'packages',
      description: 'Download packages of a site',
      run: openPackages,
    },
    {
      keys: ['L'],
      label: 'releases',
      description: 'Releases that servers can be updated to',
      run: model => step(push(model, releasesScreen())),
    },
    {
      keys: ['U'],
      label: 'rollouts',
      description: 'Updates of servers to a release, in waves',
      run: model => step(push(model, rolloutsScreen())),
    },
    {
      keys: ['C'],
      description: 'All clusters',
      run: model => step(push(model, clustersScreen())),
    },
    {
      keys: ['E'],
      description: 'All relationships',
      run: model => step(push(model, relationshipsScreen())),
    },
    {
      keys: ['a'],
      label: 'add server',
      description: 'Add a server with an invitation line',
      run: model => step(push(model, addServerScreen())),
    },
    {
      keys: ['d'],
      label: 'demo',
      description: 'Leave this console for the demo: three agents and a small site on this machine',
      disabledBecause: model => (model.offersDemo ? undefined : 'this is the demo already'),
      run: model => step({...model, demoWanted: true, leaving: true}),
    },
    {
      keys: ['tab', 'shift-tab'],
      description: 'Switch between relationships and runs',
      run: (model, screen) =>
        step(
          replaceScreen(model, {...screen, pane: screen.pane === 'relationships' ? 'runs' : 'relationships'}),
        ),
    },
  ],
  paste: (_screen, model, text) => step(push(model, addServerScreen(text.trim()))),
  draw: (screen, model, area): readonly Block[] => {
    const worries = drawAttention(model, area);
    const panes = panesOf(screen, model, area.height - worries.length);
    return [
      {kind: 'lines', lines: worries},
      ...drawList(
        relationshipList(model),
        screen.relationships,
        {
          caption: 'relationships',
          source: model.data.relationships,
          empty: model.data.servers.value?.length === 0 ? firstSteps : emptyRelationships(model),
          active: screen.pane === 'relationships',
        },
        model,
        {width: area.width, height: panes.upper},
      ),
      ...drawList(
        lastRuns(model),
        screen.runs,
        {
          caption: 'runs',
          source: model.data.runs,
          empty: ['Nothing ran yet.'],
          tone: row => toneOfMarker(markerOfRun(row)),
          active: screen.pane === 'runs',
        },
        model,
        {width: area.width, height: panes.lower},
      ),
    ];
  },
};

/** Header, context, message and footer. */
const frameHeight = 4;

const firstSteps = [
  'Welcome. Nothing is set up yet. Press d for a demo, or:',
  '1 On each server, once:',
  '    lockstep agent init --data DIR --name NAME',
  '    lockstep agent site add SITE --data DIR --root DIR',
  '    lockstep agent run --data DIR',
  '    lockstep agent invite --data DIR',
  '2 Press a here, and paste the line that invite printed.',
  '3 Press n to relate two of their sites; nothing runs yet.',
];

function panesOf(screen: OverviewScreen, model: Model, height: number) {
  const rows = [model.data.relationships.value?.length ?? 0, model.data.runs.value?.length ?? 0] as const;
  // The first steps of an empty console take some lines.
  const shown = rows[0] === 0 ? ([firstSteps.length, rows[1]] as const) : rows;
  return splitPanes(height, shown, screen.pane === 'relationships' ? 'upper' : 'lower');
}

function stateSpans(model: Model): Line {
  const {servers, relationships, profiles} = model.data;
  if (servers.value === undefined) return [dim(' loading ...')];
  const ok = servers.value.filter(server => model.checks[server.name]?.value?.kind === 'ok').length;
  const checked = ok === 0 ? '' : ` (${ok} checked ok)`;
  return [
    dim(
      ` ${plural(servers.value.length, 'server')}${checked}   ${plural(relationships.value?.length ?? 0, 'relationship')}   ` +
        `${plural(profiles.value?.length ?? 0, 'profile')}   ${plural(runningRuns(model).length, 'run')} in progress`,
    ),
  ];
}

/** What needs a person, by name; the badge in the header only counts. */
function drawAttention(model: Model, area: Area): Line[] {
  const all = attention(model);
  const room = area.height >= 24 ? 4 : 2;
  const shown = all.length > room ? all.slice(0, room - 1) : all;
  const more = all.length - shown.length;
  return [
    ...shown.map(text => line(' ', marker('warn'), ` ${cut(text, area.width - 8)}`)),
    ...(more > 0 ? [line('      ', dim(`and ${more} more; ! says what to do`))] : []),
  ];
}

const noRuns: readonly RunEntry[] = [];

function lastRuns(model: Model): ListSpec<RunEntry> {
  return runList(model, model.data.runs.value ?? noRuns, true);
}

function chosenRelationship(model: Model, screen: OverviewScreen): RelationshipEntry | undefined {
  return selectedRow(relationshipList(model), screen.relationships);
}

function chosenRun(model: Model, screen: OverviewScreen): RunEntry | undefined {
  return selectedRow(lastRuns(model), screen.runs);
}
