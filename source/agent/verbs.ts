import {randomInt} from 'node:crypto';
import {mkdir, readFile, stat} from 'node:fs/promises';
import {createServer} from 'node:net';
import {resolve} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {longestInvitationMs} from '../core/longest-invitation.js';
import {OperatorError} from '../core/operator-error.js';
import {openIdentity, readIdentity} from '../protocol/identity.js';
import {formatInvitation} from '../protocol/invitation.js';
import {siteNameSchema} from '../protocol/schemas.js';
import {listMistakes} from '../protocol/transport/validate.js';
import {holderOf} from '../system/process-lock.js';
import {agentLockPath, listeningPath, startAgent} from './agent.js';
import {certificateVerbs} from './certificate-verbs.js';
import {advertisedUrl} from './configuration/advertised-url.js';
import {
  type AgentConfiguration,
  type ConfigurationProblem,
  configurationPath,
  loadConfiguration,
  splitListen,
} from './configuration/agent-configuration.js';
import {checkConfiguration} from './configuration/check-configuration.js';
import {addSiteToAgentJson, createAgentJson} from './configuration/save-agent-json.js';
import {readLaunch, startAnew} from './self-update/launch.js';
import {type AuditVerdict, openAuditLog, verifyAuditLog} from './trust/audit-log.js';
import {type InvitedRole, openInvitations} from './trust/invitations.js';
import {findPin, openPins, type Pin} from './trust/pins.js';
import {adoptServerIdentity, openServerIdentity, refuseMoved} from './trust/server-identity.js';

const defaultListen = '0.0.0.0:8732';

/** What `lockstep agent …` and `lockstep cert …` do. main.ts hands this to the command line, which names the shape. */
export function createAgentVerbs() {
  return {
    init,
    addSite,
    run,
    invite,
    status,
    peers: async (data: string): Promise<readonly Pin[]> => {
      await loadConfiguration(data);
      return openPins(data).list();
    },
    revoke,
    check: async (data: string): Promise<readonly ConfigurationProblem[]> =>
      checkConfiguration(data, {running: holderOf(agentLockPath(data)) !== undefined}),
    verifyAudit: async (data: string): Promise<AuditVerdict> => {
      await stat(data).catch(() => {
        throw new OperatorError('NOT_FOUND', `There is no folder ${data}.`);
      });
      return verifyAuditLog(data);
    },
    adopt,
    certificate: certificateVerbs,
  };
}

async function init(request: {data: string; name: string; listen?: string; dryRun?: boolean}) {
  const {data, name} = request;
  const {host, port} = splitListen(request.listen ?? defaultListen);
  const existing = await stat(configurationPath(data)).catch(() => undefined);
  if (existing)
    throw new OperatorError('ALREADY_EXISTS', `There is an agent in ${data} already.`, {
      hint: `Change it in ${configurationPath(data)}, or choose another folder.`,
    });
  if (name.trim() === '' || name.length > 256 || /\p{C}/u.test(name))
    throw new OperatorError('USAGE', 'The name of a server has 1 to 256 characters, none of them invisible.');
  const listen = `${host.includes(':') ? `[${host}]` : host}:${port === 0 ? await freePort(host) : port}`;
  if (request.dryRun) return {name, listen, fingerprint: (await readIdentity(data))?.fingerprint ?? ''};
  await mkdir(data, {recursive: true, mode: 0o700});
  const {fingerprint} = await openIdentity(data, name);
  await openServerIdentity(data);
  await createAgentJson(data, {name, listen, sites: {}});
  await openAuditLog(data).append({kind: 'command', what: 'agent init', detail: `${name} ${listen}`});
  return {name, listen, fingerprint};
}

async function addSite(request: {
  data: string;
  site: string;
  root: string;
  database?: string;
  siteVersion?: string;
  staging: boolean;
  allowForceInitial: boolean;
  dryRun?: boolean;
}): Promise<{served: boolean}> {
  const {data, site, root, database, siteVersion, staging, allowForceInitial} = request;
  if (listMistakes(siteNameSchema, site).length > 0)
    throw new OperatorError('USAGE', `"${site.slice(0, 80)}" is no name for a site.`, {
      hint: 'Letters, digits, dot, underscore and hyphen; at most 64; a letter or digit first.',
    });
  const found = await stat(root).catch(() => undefined);
  if (found && !found.isDirectory())
    throw new OperatorError('USAGE', `${root} is not a folder.`, {hint: 'The root of a site is a folder.'});
  await addSiteToAgentJson(
    data,
    site,
    {
      root: resolve(root),
      ...(siteVersion === undefined ? {} : {version: siteVersion}),
      ...(staging ? {staging} : {}),
      ...(allowForceInitial ? {allowForceInitial} : {}),
      ...(database === undefined ? {} : {database: {url: absoluteUrl(database)}}),
    },
    {dryRun: request.dryRun ?? false},
  );
  if (!request.dryRun)
    await openAuditLog(data).append({kind: 'command', what: 'agent site add', detail: site});
  return {served: !request.dryRun && (await isServed(data, site))};
}

/** Waits for a running agent to serve a site that was just added. */
async function isServed(data: string, site: string): Promise<boolean> {
  const deadline = performance.now() + 10_000;
  while (holderOf(agentLockPath(data)) !== undefined && performance.now() < deadline) {
    if ((await readListening(data))?.sites.includes(site)) return true;
    await setTimeout(100);
  }
  return false;
}

async function run(request: {
  data: string;
  signal: AbortSignal;
  onListening: (event: {url: string; fingerprint: string}) => void;
}): Promise<void> {
  const {signal} = request;
  // A limit on the size of files (setrlimit(2)) fails the write that goes beyond it, and does not end the agent.
  process.on('SIGXFSZ', () => {});
  const launch = readLaunch();
  const replaced = Promise.withResolvers<void>();
  let isReplaced = false;
  const restart = () => {
    isReplaced = true;
    replaced.resolve();
  };
  const agent = await startAgent(resolve(request.data), {launch, restart});
  try {
    request.onListening({url: agent.url, fingerprint: agent.fingerprint});
    const stopped = new Promise<void>(done => signal.addEventListener('abort', () => done(), {once: true}));
    if (!signal.aborted) await Promise.race([stopped, replaced.promise]);
  } finally {
    await agent.stop();
  }
  if (isReplaced && !signal.aborted) startAnew(launch);
}

async function invite(request: {data: string; role: InvitedRole; ttlMs: number}) {
  const {data, role, ttlMs} = request;
  const configuration = await loadConfiguration(data);
  refuseMoved(await openServerIdentity(data));
  if (!(ttlMs >= 1 && ttlMs <= longestInvitationMs))
    throw new OperatorError('USAGE', 'An invitation holds for at most a year.', {hint: 'Such as --ttl 15m.'});
  const url = await currentUrl(data, configuration);
  if (url === undefined)
    throw new OperatorError('INVALID_CONFIGURATION', 'The agent has no fixed port and is not running.', {
      hint: 'Start it with `lockstep agent run`, or give it a port in agent.json (`listen`).',
    });
  const {fingerprint} = await openIdentity(data, configuration.name);
  const {secret, expiresAt} = await openInvitations(data).create(role, ttlMs);
  await openAuditLog(data).append({
    kind: 'command',
    what: 'agent invite',
    detail: `${role} until ${expiresAt}`,
  });
  return {invitation: formatInvitation({url, fingerprint, secret, expiresAt}), expiresAt};
}

async function status(data: string) {
  const configuration = await loadConfiguration(data);
  const identity = await openIdentity(data, configuration.name);
  const holder = holderOf(agentLockPath(data));
  const url = await currentUrl(data, configuration);
  return {
    name: configuration.name,
    fingerprint: identity.fingerprint,
    running: holder !== undefined,
    ...(holder ? {pid: holder.pid} : {}),
    ...(url === undefined ? {} : {url}),
    peers: openPins(data).list().length,
    sites: configuration.sites.map(({name, root, version, database}) => ({
      name,
      root,
      version,
      ...(database ? {database: withoutPassword(database.url)} : {}),
    })),
  };
}

async function revoke(request: {data: string; fingerprint: string; dryRun?: boolean}): Promise<Pin> {
  await loadConfiguration(request.data);
  const pins = openPins(request.data);
  const pin = findPin(pins.list(), request.fingerprint);
  if (request.dryRun) return pin;
  await pins.revoke(pin.fingerprint);
  await openAuditLog(request.data).append({
    kind: 'command',
    what: 'agent revoke',
    detail: `${pin.fingerprint} ${pin.name}`,
  });
  return pin;
}

/** Says that this machine is the server now, although the identity was made on another one. */
async function adopt(data: string): Promise<{serverId: string}> {
  await loadConfiguration(data);
  const {serverId} = await adoptServerIdentity(data);
  await openAuditLog(data).append({kind: 'command', what: 'agent adopt', detail: serverId});
  return {serverId};
}

/** Where a running agent says it is, else where its configuration says it will be. */
async function currentUrl(data: string, configuration: AgentConfiguration): Promise<string | undefined> {
  if (holderOf(agentLockPath(data)) !== undefined) {
    // Where it is just starting, the configuration says where it will listen.
    const listening = await readListening(data);
    if (listening !== undefined) return listening.url;
  }
  return configuration.port === 0 ? undefined : advertisedUrl(configuration, configuration.port);
}

async function readListening(data: string): Promise<{url: string; sites: readonly string[]} | undefined> {
  try {
    return JSON.parse(await readFile(listeningPath(data), 'utf8'));
  } catch {
    return undefined;
  }
}

function absoluteUrl(url: string): string {
  if (!/^(sqlite|postgres|postgresql|mysql|mariadb):./.test(url))
    throw new OperatorError('USAGE', `${withoutPassword(url)} is no database URL.`, {
      hint: 'sqlite:/path/file.db, postgres://user:pass@host:port/name or mysql://user:pass@host:port/name.',
    });
  return url.startsWith('sqlite:') ? `sqlite:${resolve(url.slice('sqlite:'.length))}` : url;
}

function withoutPassword(url: string): string {
  return url.replace(/(:\/\/[^:@/]*):[^@/]*@/, '$1:…@');
}

/** Below what systems hand out for outgoing connections, so that none of those sits on the port at the next start. */
const chosenPorts = {from: 10_240, to: 32_767, attempts: 64};

async function freePort(host: string): Promise<number> {
  for (let attempt = 0; attempt < chosenPorts.attempts; attempt++) {
    const port = randomInt(chosenPorts.from, chosenPorts.to + 1);
    if (await isFree(host, port)) return port;
  }
  throw new OperatorError('ADDRESS_IN_USE', `No free port was found on ${host}.`, {
    hint: 'Name one: --listen HOST:PORT.',
  });
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((done, failed) => {
      server.once('error', failed);
      server.listen(port, host, done);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw new OperatorError('USAGE', `Cannot listen on ${host}: ${(error as Error).message}`, {
      hint: 'It must be an address of this machine.',
    });
  }
  await new Promise(done => server.close(done));
  return true;
}
