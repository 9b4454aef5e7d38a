import pMap from 'p-map';
import type {AgentClient} from '../client/agent-client.js';
import {isOlderAgent} from '../core/agent-version.js';
import {idProblem} from '../core/id-blocks.js';
import {asOperatorError, OperatorError} from '../core/operator-error.js';
import {clockOffsetMs} from '../core/preconditions.js';
import {renameInWave} from '../core/rollout-waves.js';
import type {SiteDescription} from '../core/site-description.js';
import {fingerprintOf} from '../protocol/identity.js';
import {parseInvitation} from '../protocol/invitation.js';
import {listIds, listNotes} from '../protocol/row-endpoints.js';
import {describeServer, pair} from '../protocol/server-endpoints.js';
import type {State, StoredServer} from '../state/state.js';
import {version} from '../system/version.js';
import type {ServerCheck, ServerEntry, ServerVerbs} from './engine.js';
import {checkName, type EngineContext, findServer, mustBeFree} from './engine-context.js';
import {introduceAgain} from './introduce-agents.js';
import type {ReleaseVerbs} from './releases.js';
import {compareAgent, updateAgent} from './update-agent.js';

/** An agent that is well answers a quick check far sooner, milliseconds. */
const quickMs = 4_000;

/** Servers that are asked at the same time. */
const concurrency = 16;

/** The agents that the console knows (E4, X1). */
export function createServers(context: EngineContext, releases: Pick<ReleaseVerbs, 'add'>): ServerVerbs {
  const {state} = context;
  return {
    list: async () => (await state.read()).servers,

    async add(invitation, name) {
      const {url, fingerprint, secret} = parseInvitation(invitation);
      if (name !== undefined) {
        checkName(name, 'server');
        // Before the invitation is used up: it is valid once.
        const {servers} = await state.read();
        mustBeFree(
          servers.filter(entry => !isSame(entry, {url, fingerprint})),
          name,
          'server',
        );
      }
      const client = await context.connect({url, fingerprint});
      try {
        const paired = await client.call(pair, {body: {secret, name: context.operator}});
        const entry = await state.change(draft =>
          keep(
            draft,
            {
              name: name ?? '',
              url,
              fingerprint,
              role: paired.role,
              addedAt: new Date().toISOString(),
              sites: paired.server.sites.map(site => site.name),
            },
            paired.server.name,
          ),
        );
        await introduceAgain(context, entry.name);
        return entry;
      } finally {
        client.close();
      }
    },

    async check(name, {quick = false} = {}) {
      const {servers} = await state.read();
      const wanted = name === undefined ? servers : [findServer(await state.read(), name)];
      return await pMap(wanted, server => checkServer(context, server, quick), {concurrency});
    },

    agent: name => compareAgent(context, name),

    updateAgent: (name, options = {}) => updateAgent(context, releases, name, options),

    async rename(name, to) {
      checkName(to, 'server');
      await state.change(draft => {
        const server = findServer(draft, name);
        if (to !== name) mustBeFree(draft.servers, to, 'server');
        server.name = to;
        renameEnds(draft, name, to);
        for (const collision of draft.collisions ?? [])
          for (const end of [collision, collision.other]) if (end?.server === name) end.server = to;
      });
    },

    async remove(name) {
      await state.change(draft => {
        findServer(draft, name);
        const named = (kind: string, users: readonly {name: string}[]) =>
          users.map(user => `the ${kind} ${user.name}`);
        const users = [
          ...named(
            'relationship',
            draft.relationships.filter(({local, remote}) => [local, remote].some(end => end.server === name)),
          ),
          ...named(
            'cluster',
            draft.clusters.filter(({members}) => members.some(member => member.server === name)),
          ),
          ...named(
            'live sync',
            (draft.lives ?? []).filter(({local, servers}) =>
              [local, ...servers].some(end => end.server === name),
            ),
          ),
          ...named(
            'rollout',
            (draft.rollouts ?? []).filter(
              ({status, servers, members}) =>
                ['planned', 'running', 'paused'].includes(status) &&
                [...servers, ...members].some(end => end.server === name),
            ),
          ),
        ];
        if (users.length > 0)
          throw new OperatorError('USAGE', `${name} is part of ${users.join(', ')}.`, {
            hint: 'Delete those first, or take it out of the cluster.',
          });
        draft.servers = draft.servers.filter(server => server.name !== name);
      });
    },

    async trust(certificate, {name, url}) {
      checkName(name, 'server');
      const fingerprint = fingerprintOf(certificate);
      const known = (await state.read()).servers.find(server => server.name === name);
      const address = url ?? known?.url;
      if (address === undefined)
        throw new OperatorError(
          'ANSWER_MISSING',
          `There is no server called ${name}, and no address is given.`,
          {
            hint: 'Add --url https://HOST:PORT.',
          },
        );
      if (!/^https:\/\/[^/]+\/?$/.test(address))
        throw new OperatorError('USAGE', `"${address}" is not the address of an agent.`, {
          hint: 'Write https://HOST:PORT.',
        });
      const entry = await state.change(draft => {
        const existing = draft.servers.find(server => server.name === name);
        const pinned: StoredServer = {
          name,
          url: address,
          fingerprint,
          role: existing?.role ?? 'unknown',
          addedAt: new Date().toISOString(),
          sites: existing?.sites ?? [],
          ...numbersOf(existing),
        };
        draft.servers = [...draft.servers.filter(server => server.name !== name), pinned];
        return pinned;
      });
      await introduceAgain(context, name);
      return entry;
    },
  };
}

/** Lets everything that names a server name it anew. */
function renameEnds(
  {relationships, clusters, lives = [], rollouts = []}: State,
  from: string,
  to: string,
): void {
  const ends = [
    ...relationships.flatMap(({local, remote}) => [local, remote]),
    ...clusters.flatMap(({members}) => members),
    ...lives.flatMap(({local, servers}) => [local, ...servers]),
    ...rollouts.flatMap(({servers, members}) => [...servers, ...members]),
  ];
  for (const end of ends) if (end.server === from) end.server = to;
  const renamed = (member: string) =>
    member.startsWith(`${from}/`) ? to + member.slice(from.length) : member;
  for (const rollout of rollouts)
    rollout.waves = rollout.waves.map((text, index) =>
      renameInWave(text, index + 1, name => (name === from ? to : renamed(name))),
    );
  for (const {initialSync} of relationships)
    if (initialSync?.pending !== undefined) initialSync.pending = initialSync.pending.map(renamed);
  for (const live of lives)
    live.memory = Object.fromEntries(
      Object.entries(live.memory).map(([member, known]) => [renamed(member), known]),
    );
}

/** Whether two entries mean the same agent: it may have made new keys, or moved. */
function isSame(
  a: Pick<StoredServer, 'url' | 'fingerprint'>,
  b: Pick<StoredServer, 'url' | 'fingerprint'>,
): boolean {
  return a.url === b.url || a.fingerprint === b.fingerprint;
}

/** Stores what pairing found. Pairing again with a known agent replaces its pin and keeps its name. */
function keep(draft: State, entry: StoredServer, agentName: string): ServerEntry & StoredServer {
  const known = draft.servers.find(server => isSame(server, entry));
  const others = draft.servers.filter(server => server !== known);
  const name = entry.name || known?.name || freeName(others, agentName);
  mustBeFree(others, name, 'server');
  if (known !== undefined && known.name !== name) renameEnds(draft, known.name, name);
  const kept = {...numbersOf(known), ...entry, name};
  draft.servers = [...others, kept];
  return kept;
}

/** What a server keeps when it is paired anew (E25). */
function numbersOf(known: StoredServer | undefined): Pick<StoredServer, 'number' | 'siteNumbers'> {
  return {
    ...(known?.number === undefined ? {} : {number: known.number}),
    ...(known?.siteNumbers === undefined ? {} : {siteNumbers: known.siteNumbers}),
  };
}

/** The agent's own name, or with a number behind it when another server has that: the invitation is used by now. */
function freeName(others: readonly StoredServer[], agentName: string): string {
  const base =
    agentName
      .replaceAll(/[/\p{C}]/gu, '-')
      .trim()
      .slice(0, 100) || 'server';
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base}-${number}`;
    if (!others.some(server => server.name === name)) return name;
  }
}

/** Connects and says what is there; refreshes what is known of role and sites. */
async function checkServer(
  context: EngineContext,
  server: StoredServer,
  quick: boolean,
): Promise<ServerCheck> {
  const client = await context.connect(server);
  try {
    const askedMs = Date.now();
    const found = await client.call(describeServer, quick ? {signal: AbortSignal.timeout(quickMs)} : {});
    const sites = found.sites.map(site => site.name);
    if (found.role !== server.role || sites.join('\n') !== server.sites.join('\n'))
      await context.state.change(draft => {
        const entry = draft.servers.find(({name}) => name === server.name);
        if (entry !== undefined) Object.assign(entry, {role: found.role, sites});
      });
    return {
      server: server.name,
      kind: 'ok',
      detail: `${found.name} answers with ${sites.length === 1 ? 'one site' : `${sites.length} sites`}`,
      clockSkewMs: clockOffsetMs({agentMs: found.clock, askedMs, answeredMs: Date.now()}),
      version: found.version,
      ...(isOlderAgent(found.version, version) ? {olderThan: version} : {}),
      role: found.role,
      sites: found.sites,
      ...(quick ? {} : await databaseFindings(client, found.sites)),
    };
  } catch (thrown) {
    if ((thrown as Error).name === 'TimeoutError')
      return {
        server: server.name,
        kind: 'unreachable',
        detail: `${server.url} did not answer within ${quickMs / 1000} s.`,
        hint: 'Is the agent running there, and is the way to it open?',
      };
    const {code, message, hint} = asOperatorError(thrown);
    return {
      server: server.name,
      kind: kindOf(code),
      detail: message,
      ...(hint === undefined ? {} : {hint}),
    };
  } finally {
    client.close();
  }
}

/** What the databases say of themselves; columns that run out of ids, or hold too few for the server's range (E25). */
async function databaseFindings(
  client: AgentClient,
  sites: readonly SiteDescription[],
): Promise<Pick<ServerCheck, 'warnings' | 'databaseFailures'>> {
  const warnings: string[] = [];
  const databaseFailures: {site: string; detail: string; hint?: string}[] = [];
  for (const {name, engine, number} of sites) {
    if (engine === null) continue;
    try {
      for await (const column of await client.call(listIds, {params: {site: name}})) {
        const problem = idProblem(column, number);
        if (problem !== undefined) warnings.push(`${name}: ${problem}`);
      }
      for await (const {note} of await client.call(listNotes, {params: {site: name}}))
        warnings.push(`${name}: ${note}`);
    } catch (thrown) {
      const {code, message, hint} = asOperatorError(thrown);
      if (code === 'DATABASE_UNAVAILABLE')
        databaseFailures.push({site: name, detail: message, ...(hint === undefined ? {} : {hint})});
      else warnings.push(`${name}: ${message}`);
    }
  }
  return {
    ...(warnings.length === 0 ? {} : {warnings}),
    ...(databaseFailures.length === 0 ? {} : {databaseFailures}),
  };
}

function kindOf(code: string): Exclude<ServerCheck['kind'], 'ok'> {
  switch (code) {
    case 'CERTIFICATE_MISMATCH':
      return 'certificate-mismatch';
    case 'IDENTITY_REFUSED':
    case 'ROLE_REFUSED':
      return 'identity-refused';
    case 'IDENTITY_MOVED':
      return 'identity-moved';
    case 'NO_SUCH_ENDPOINT':
    case 'INVALID_ANSWER':
      return 'no-endpoint';
    default:
      return 'unreachable';
  }
}
