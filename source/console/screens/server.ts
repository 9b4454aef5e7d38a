import type {SiteDescription} from '../../core/site-description.js';
import type {ServerCheck} from '../../engine/engine.js';
import {agentUpdateProblem, askAgentUpdate} from '../agent-update.js';
import {checkText, codeOfCheck, skewText} from '../describe.js';
import {formatAge, formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {say} from '../message.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {notLoaded} from '../shared-data.js';
import {drawFault, drawList} from '../view/draw-list.js';
import {type Block, blank, bold, dim, type Line, line, type Marker, marker} from '../view/lines.js';
import {addServerScreen} from './add-server.js';
import {auditScreen} from './audit.js';
import {backupsScreen} from './backups.js';
import {packagesScreen} from './packages.js';
import {peersScreen} from './peers.js';
import {renameServerScreen} from './rename-server.js';
import {askRemoval, removalProblem} from './servers.js';

export type ServerScreen = {
  readonly kind: 'server';
  readonly id: number;
  readonly server: string;
  readonly list: ListState;
};

export function serverScreen(server: string): Omit<ServerScreen, 'id'> {
  return {kind: 'server', server, list: emptyList};
}

/** Clocks may differ by this much (E26). */
const skewLimitMs = 5 * 60_000;

/** One server: identity, certificate, role, clock, sites. */
export const server: ScreenDefinition<ServerScreen> = {
  title: screen => screen.server,
  context: (screen, model) => {
    const entry = model.data.servers.value?.find(other => other.name === screen.server);
    return {left: line(bold(` ${screen.server}`), dim(`   ${entry?.url ?? ''}`))};
  },
  needs: ['servers', 'relationships', 'clusters', 'lives', 'runs', 'rollouts'],
  opened: screen => [{type: 'check', server: screen.server}],
  list: (screen, model) => ({
    spec: siteList(screen, model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (_screen, model) => Math.max(1, model.rows - 18),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'backups',
      description: 'Backups of the database of the site under the cursor',
      disabledBecause: (model, screen) => {
        const site = selectedRow(siteList(screen, model), screen.list);
        if (site === undefined) return 'there is no site';
        return site.engine === null ? 'the site has no database' : undefined;
      },
      run: (model, screen) => {
        const site = selectedRow(siteList(screen, model), screen.list)!;
        return step(push(model, backupsScreen({server: screen.server, site: site.name})));
      },
    },
    {
      keys: ['P'],
      label: 'packages',
      description: 'Download packages of the site under the cursor',
      disabledBecause: (model, screen) =>
        selectedRow(siteList(screen, model), screen.list) === undefined ? 'there is no site' : undefined,
      run: (model, screen) => {
        const site = selectedRow(siteList(screen, model), screen.list)!;
        return step(push(model, packagesScreen({server: screen.server, site: site.name})));
      },
    },
    {
      keys: ['c'],
      label: 'check',
      description: 'Connect and check identity, certificate, clock and sites again',
      run: (model, screen) =>
        step(say(model, 'info', `Checking ${screen.server} ...`), {type: 'check', server: screen.server}),
    },
    {
      keys: ['a'],
      description:
        'Pair with this server anew by an invitation: its keys, its address or our role may be others then',
      run: model => step(push(model, addServerScreen())),
    },
    {
      keys: ['t'],
      label: 'trust',
      description: 'Whose certificates this server has pinned; invite, pin, revoke',
      disabledBecause: notOperator,
      run: (model, screen) => step(push(model, peersScreen(screen.server))),
    },
    {
      keys: ['A'],
      label: 'audit',
      description: 'The audit log of this server: what was called, refused and done there',
      disabledBecause: notOperator,
      run: (model, screen) => step(push(model, auditScreen(screen.server))),
    },
    {
      keys: ['u'],
      label: 'update agent',
      description:
        'Bring its agent to the version of this console; the old one comes back by itself if that fails',
      disabledBecause: (model, screen) => agentUpdateProblem(model, screen.server),
      run: (model, screen) => step(askAgentUpdate(model, screen.server)),
    },
    {
      keys: ['N'],
      label: 'rename',
      description: 'Call this server something else, here and in everything that names it',
      run: (model, screen) => step(push(model, renameServerScreen(screen.server))),
    },
    {
      keys: ['D'],
      label: 'remove',
      description: 'Forget this server; nothing is changed on it',
      disabledBecause: (model, screen) => removalProblem(model, screen.server),
      run: (model, screen) => step(askRemoval(model, screen.server, true)),
    },
  ],
  draw: (screen, model, area): readonly Block[] => {
    const facts = factsOf(screen, model, area.width);
    return [
      {kind: 'lines', lines: facts},
      ...drawList(
        siteList(screen, model),
        screen.list,
        {
          caption: 'sites',
          source: model.checks[screen.server] ?? notLoaded,
          empty: [
            model.checks[screen.server]?.value?.sites === undefined
              ? `What it hosts is not known while it cannot be asked; last it was: ${lastSites(screen, model)}.`
              : 'No site on this server yet. There: lockstep agent site add SITE --data DIR --root DIR',
          ],
        },
        model,
        {width: area.width, height: area.height - facts.length},
      ),
    ];
  },
};

/** Peers and audit log name everybody who calls, so they take more than the role `view`. */
function notOperator(model: Model, screen: ServerScreen): string | undefined {
  const entry = model.data.servers.value?.find(other => other.name === screen.server);
  const role = model.checks[screen.server]?.value?.role ?? entry?.role;
  return role === 'view' ? 'it takes the role operate there; ours is view' : undefined;
}

function lastSites(screen: ServerScreen, model: Model): string {
  const entry = model.data.servers.value?.find(other => other.name === screen.server);
  return entry?.sites.join(', ') || 'nothing';
}

function factsOf(screen: ServerScreen, model: Model, width: number): Line[] {
  const entry = model.data.servers.value?.find(other => other.name === screen.server);
  const check = model.checks[screen.server];
  const value = check?.value;
  const skewMs = value?.clockSkewMs;
  const state: {kind: Marker; text: string} =
    check?.loading && value === undefined
      ? {kind: 'run', text: 'connecting ...'}
      : value === undefined
        ? {kind: 'wait', text: 'not checked yet'}
        : {
            kind: value.kind === 'ok' ? 'ok' : 'fail',
            text: value.kind === 'ok' ? value.detail : checkText(value).slice(5),
          };
  return [
    blank,
    fact('Address', entry?.url ?? '-'),
    line(
      dim(' Connection    '),
      marker(state.kind),
      ` ${state.text}`,
      dim(check?.at === undefined ? '' : `  asked ${formatAge(model.now - check.at)}`),
    ),
    ...(value !== undefined && value.kind !== 'ok'
      ? drawFault(
          {
            code: codeOfCheck(value.kind),
            message: value.detail,
            ...(value.hint === undefined ? {} : {hint: value.hint}),
          },
          width,
          model.home,
        )
      : []),
    ...(check?.fault === undefined ? [] : drawFault(check.fault, width, model.home)),
    fact('Certificate', entry?.fingerprint ?? '-'),
    line(
      dim(' Clock         '),
      ...(skewMs === undefined
        ? ['not known']
        : [marker(Math.abs(skewMs) > skewLimitMs ? 'fail' : 'ok'), ` ${skewText(skewMs)} (limit 5 m)`]),
    ),
    fact('Agent', agentFact(value)),
    fact('Our role', value?.role ?? entry?.role ?? '-'),
    fact('Paired', formatTime(entry?.addedAt, model.now, model.time)),
    blank,
  ];
}

function agentFact({version, olderThan}: Pick<ServerCheck, 'version' | 'olderThan'> = {}): string {
  if (version === undefined) return 'not known';
  const older = olderThan === undefined ? '' : `, older than this console (${olderThan}); u updates it`;
  return `Lockstep ${version}${older}`;
}

function fact(label: string, text: string): Line {
  return line(dim(` ${label.padEnd(14)}`), text);
}

function siteList(screen: ServerScreen, model: Model): ListSpec<SiteDescription> {
  return {
    rows: model.checks[screen.server]?.value?.sites ?? noSites,
    id: row => row.name,
    columns: [
      {title: 'Site', min: 8, grow: true, text: row => row.name},
      {title: 'Version', text: row => row.version || '-'},
      {title: 'Database', text: row => row.engine ?? 'none'},
      {title: 'Staging', text: row => (row.staging ? 'yes' : 'no')},
      {title: 'Item groups', min: 8, optional: 2, text: row => Object.keys(row.groups).join(' ')},
      {
        title: 'Initial sync',
        min: 8,
        text: row =>
          row.initialSync === undefined
            ? 'never'
            : `${formatTime(row.initialSync.at, model.now, model.time)} from ${row.initialSync.from}`,
      },
    ],
  };
}

const noSites: readonly SiteDescription[] = [];
