import type {ServerEntry} from '../../engine/engine.js';
import {agentUpdateProblem, askAgentUpdate} from '../agent-update.js';
import {checkText, skewText} from '../describe.js';
import {formatAge} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {serverUses} from '../server-uses.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {dim, line} from '../view/lines.js';
import {addServerScreen} from './add-server.js';
import {identityScreen} from './identity.js';
import {renameServerScreen} from './rename-server.js';
import {serverScreen} from './server.js';

export type ServersScreen = {readonly kind: 'servers'; readonly id: number; readonly list: ListState};

export function serversScreen(): Omit<ServersScreen, 'id'> {
  return {kind: 'servers', list: emptyList};
}

/** All servers that this console is paired with. */
export const servers: ScreenDefinition<ServersScreen> = {
  title: () => 'servers',
  context: () => ({
    left: line(dim(' every server runs one agent; ⏎ shows its identity, certificate and sites')),
  }),
  needs: ['servers', 'relationships', 'clusters', 'lives', 'runs', 'rollouts'],
  opened: (_screen, model) => checkAll(model),
  list: (screen, model) => ({
    spec: serverList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Show the server under the cursor',
      disabledBecause: (model, screen) =>
        chosen(model, screen) ? undefined : 'there is no server in the list',
      run: (model, screen) => step(push(model, serverScreen(chosen(model, screen)!.name))),
    },
    {
      keys: ['a'],
      label: 'add',
      description: 'Add a server with the invitation line that `lockstep agent invite` printed there',
      run: model => step(push(model, addServerScreen())),
    },
    {
      keys: ['c'],
      label: 'check',
      description: 'Connect to the server under the cursor and check identity, certificate, clock and sites',
      disabledBecause: (model, screen) =>
        chosen(model, screen) ? undefined : 'there is no server in the list',
      run: (model, screen) => {
        const server = chosen(model, screen)!;
        return step(say(model, 'info', `Checking ${server.name} ...`), {type: 'check', server: server.name});
      },
    },
    {
      keys: ['C'],
      label: 'check all',
      description: 'Check all servers',
      disabledBecause: model =>
        model.data.servers.value?.length ? undefined : 'there is no server in the list',
      run: model => step(say(model, 'info', 'Checking all servers ...'), ...checkAll(model)),
    },
    {
      keys: ['I'],
      label: 'own certificate',
      description: 'The certificate by which servers know this console; export it, make new keys',
      run: model => step(push(model, identityScreen())),
    },
    {
      keys: ['u'],
      label: 'update agent',
      description:
        'Bring the agent of the server under the cursor to the version of this console; the old one comes back by itself if that fails',
      disabledBecause: (model, screen) => agentUpdateProblem(model, chosen(model, screen)?.name),
      run: (model, screen) => step(askAgentUpdate(model, chosen(model, screen)!.name)),
    },
    {
      keys: ['N'],
      label: 'rename',
      description: 'Call the server under the cursor something else, here and in everything that names it',
      disabledBecause: (model, screen) =>
        chosen(model, screen) ? undefined : 'there is no server in the list',
      run: (model, screen) => step(push(model, renameServerScreen(chosen(model, screen)!.name))),
    },
    {
      keys: ['D'],
      label: 'remove',
      description: 'Forget the server under the cursor; nothing is changed on it',
      disabledBecause: (model, screen) => removalProblem(model, chosen(model, screen)?.name),
      run: (model, screen) => step(askRemoval(model, chosen(model, screen)!.name, false)),
    },
  ],
  paste: (_screen, model, text) => step(push(model, addServerScreen(text.trim()))),
  draw: (screen, model, area) =>
    drawList(
      serverList(model),
      screen.list,
      {
        caption: 'servers',
        source: model.data.servers,
        empty: [
          'No servers yet. On each server, once:',
          '  lockstep agent init --data DIR --name NAME',
          '  lockstep agent run --data DIR',
          '  lockstep agent invite --data DIR',
          'Then press a here and paste the invitation line.',
        ],
        tone: row => (checkOf(model, row.name).startsWith('fail') ? 'fail' : undefined),
      },
      model,
      area,
    ),
};

/** Why a server cannot be removed. */
export function removalProblem(model: Model, name: string | undefined): string | undefined {
  if (name === undefined) return 'there is no server in the list';
  const [first, ...others] = serverUses(model, name);
  if (first === undefined) return undefined;
  return others.length === 0
    ? `${first} uses it; delete that first`
    : `${[first, ...others].join(', ')} use it; delete those first`;
}

export function askRemoval(model: Model, name: string, thenBack: boolean): Model {
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Remove server ${name} from this console?`,
      effects: [
        ['this console', 'forgets its address and its certificate'],
        ['coming back', 'takes a new invitation from that server'],
        ['logs of its runs', 'stay'],
        ['its sites', 'are not touched; what runs there goes on'],
        ['the server', 'still knows this console until `lockstep agent revoke` there forgets it'],
      ],
      typeName: name,
      input: textInput(),
      commands: [{type: 'remove-server', name}],
      thenBack,
    },
  };
}

function checkAll(model: Model) {
  return (model.data.servers.value ?? []).map(server => ({type: 'check', server: server.name}) as const);
}

function checkOf(model: Model, name: string): string {
  const check = model.checks[name];
  if (check === undefined) return 'wait not checked';
  // What is known stands until newer is; a check in the background is no news.
  if (check.loading && check.value === undefined) return 'run  checking';
  if (check.fault !== undefined) return `fail ${check.fault.code}`;
  if (check.value?.olderThan !== undefined) return `warn older ${check.value.version}`;
  return check.value === undefined ? 'wait not checked' : checkText(check.value);
}

function serverList(model: Model): ListSpec<ServerEntry> {
  return {
    rows: model.data.servers.value ?? [],
    id: row => row.name,
    columns: [
      {title: 'Server', min: 10, grow: true, text: row => row.name},
      {title: 'Address', min: 12, text: row => row.url.replace(/^https:\/\//, '')},
      {title: 'Our role', optional: 2, text: row => row.role},
      {title: 'Check', min: 12, text: row => checkOf(model, row.name)},
      {title: 'Agent', min: 5, optional: 1, text: row => model.checks[row.name]?.value?.version ?? '-'},
      {
        title: 'Clock',
        min: 7,
        text: row => {
          const skew = model.checks[row.name]?.value?.clockSkewMs;
          return skew === undefined ? '-' : skewText(skew);
        },
      },
      {
        title: 'Asked',
        min: 9,
        optional: 4,
        align: 'right',
        sortBy: row => model.checks[row.name]?.at ?? 0,
        text: row => {
          const at = model.checks[row.name]?.at;
          return at === undefined ? '-' : formatAge(model.now - at);
        },
      },
      {title: 'Sites', min: 5, optional: 3, text: row => row.sites.join(', ') || '-'},
    ],
  };
}

function chosen(model: Model, screen: ServersScreen): ServerEntry | undefined {
  return selectedRow(serverList(model), screen.list);
}
