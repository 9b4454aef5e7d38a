import type {PinnedPeer} from '../../engine/trust.js';
import {formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {push, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {bold, dim, type Line, line, wrap} from '../view/lines.js';
import {trustFormScreen} from './trust-form.js';

type Peer = PinnedPeer & {readonly own: boolean};

export type PeersScreen = {
  readonly kind: 'peers';
  readonly id: number;
  readonly server: string;
  readonly list: ListState;
  readonly peers: Loadable<readonly Peer[]>;
};

export function peersScreen(server: string): Omit<PeersScreen, 'id'> {
  return {kind: 'peers', server, list: emptyList, peers: {loading: true}};
}

const detailHeight = 5;

/** Whose certificates a server has pinned, and as what; pairing and its end (E4, X1, X7). */
export const peers: ScreenDefinition<PeersScreen> = {
  title: () => 'trust',
  context: screen => ({
    left: line(bold(` ${screen.server}`), dim(' trusts these certificates and answers nobody else')),
  }),
  needs: ['servers'],
  opened: screen => [{type: 'list-peers', screen: screen.id, server: screen.server}],
  list: screen => ({spec: peerList(screen), state: screen.list, put: (before, list) => ({...before, list})}),
  pageRows: (_screen, model) => Math.max(1, model.rows - 9 - detailHeight),
  bindings: [
    {
      keys: ['n'],
      label: 'invite',
      description: 'Make an invitation that pairs another console with this server',
      disabledBecause: notAdmin,
      run: (model, screen) => step(push(model, trustFormScreen({mode: 'invite', server: screen.server}))),
    },
    {
      keys: ['P'],
      label: 'pin a file',
      description: "Pin another console's certificate from a file; pinning again replaces its role",
      disabledBecause: notAdmin,
      run: (model, screen) => step(push(model, trustFormScreen({mode: 'pin', server: screen.server}))),
    },
    {
      keys: ['D'],
      label: 'revoke',
      description: 'Let the server forget the certificate under the cursor, after its name was typed',
      disabledBecause: (model, screen) =>
        chosen(screen) === undefined ? 'there is no certificate in the list' : notAdmin(model, screen),
      run: (model, screen) => step(askRevocation(model, screen, chosen(screen)!)),
    },
    {
      keys: ['x'],
      label: 'export',
      description: "Write the server's own certificate to a file, to be trusted by hand elsewhere",
      run: (model, screen) => step(push(model, trustFormScreen({mode: 'export', server: screen.server}))),
    },
    {
      keys: ['R'],
      description: 'Read the list again',
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, peers: {...screen.peers, loading: true}}), {
          type: 'list-peers',
          screen: screen.id,
          server: screen.server,
        }),
    },
  ],
  receive: (screen, model, answer) => {
    switch (answer.kind) {
      case 'peers':
        return step(
          replaceScreen(model, {...screen, peers: {loading: false, value: answer.peers, at: answer.at}}),
        );
      case 'saved':
        return step(say(model, 'info', answer.text), {
          type: 'list-peers',
          screen: screen.id,
          server: screen.server,
        });
      case 'fault':
        return step(
          replaceScreen(model, {...screen, peers: {...screen.peers, loading: false, fault: answer.fault}}),
        );
      default:
        return step(model);
    }
  },
  draw: (screen, model, area) => [
    ...drawList(
      peerList(screen),
      screen.list,
      {
        caption: 'trusted certificates',
        source: screen.peers,
        empty: ['Nobody is trusted there, which cannot be: this console asked. R reads again.'],
      },
      model,
      {width: area.width, height: area.height - detailHeight},
    ),
    {kind: 'lines', lines: detail(chosen(screen), model, area.width)},
  ],
};

const noPeers: readonly Peer[] = [];

function peerList(screen: PeersScreen): ListSpec<Peer> {
  return {
    rows: screen.peers.value ?? noPeers,
    id: row => row.fingerprint,
    columns: [
      {title: 'Name', min: 10, grow: true, text: row => (row.own ? `${row.name} (this console)` : row.name)},
      {title: 'Role', min: 7, text: row => row.role},
      {title: 'Sites', min: 6, optional: 3, text: sitesText},
      {
        title: 'Since',
        min: 10,
        optional: 2,
        sortBy: row => row.addedAt,
        text: row => row.addedAt.slice(0, 10),
      },
      {title: 'Fingerprint', min: 16, text: row => row.fingerprint.slice(0, 16)},
    ],
  };
}

function sitesText({role, sites, outbound = []}: Peer): string {
  if (role !== 'peer') return 'all';
  return [...sites, ...outbound.map(site => `${site} (outgoing)`)].join(' ') || '-';
}

const meanings = {
  view: 'may look and preview',
  operate: 'may look, preview and run',
  admin: 'may do everything, also decide who is trusted',
  peer: 'another agent; exchanges content of the named sites and may do nothing else',
} as const;

function detail(peer: Peer | undefined, model: Model, width: number): Line[] {
  if (peer === undefined) return [];
  return [
    line(' ', bold(peer.name), `   ${peer.role}: ${meanings[peer.role]}`),
    ...(peer.role === 'peer' ? [line(dim(' Sites        '), sitesText(peer))] : []),
    line(dim(' Trusted since '), formatTime(peer.addedAt, model.now, model.time)),
    ...wrap(peer.fingerprint, width - 2).map(text => line(' ', dim(text))),
  ].slice(0, detailHeight);
}

function notAdmin(model: Model, screen: PeersScreen): string | undefined {
  const role =
    model.checks[screen.server]?.value?.role ??
    model.data.servers.value?.find(({name}) => name === screen.server)?.role;
  return role === undefined || role === 'admin'
    ? undefined
    : `it takes the role admin there; ours is ${role}`;
}

function askRevocation(model: Model, screen: PeersScreen, peer: Peer): Model {
  const {server} = screen;
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Let ${server} forget ${peer.own ? 'this console itself' : peer.name}?`,
      effects: [
        [
          'from the next request',
          peer.own ? `${server} refuses this console` : `${server} refuses ${peer.name}`,
        ],
        ...(peer.role === 'peer'
          ? ([['relationships', 'with that agent stop working until they are created anew']] as const)
          : []),
        ['runs under way', 'that need it fail, and leave both sides whole'],
        ['coming back', peer.role === 'peer' ? 'creating the relationship anew' : 'takes a new invitation'],
      ],
      typeName: peer.name,
      input: textInput(),
      commands: [
        {type: 'revoke-peer', screen: screen.id, server, fingerprint: peer.fingerprint, name: peer.name},
      ],
      thenBack: false,
    },
  };
}

function chosen(screen: PeersScreen): Peer | undefined {
  return selectedRow(peerList(screen), screen.list);
}
