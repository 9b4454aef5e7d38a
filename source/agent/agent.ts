import {mkdir, rm} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import pino from 'pino';
import writeFileAtomic from 'write-file-atomic';
import {OperatorError} from '../core/operator-error.js';
import {openIdentity} from '../protocol/identity.js';
import {tryLock} from '../system/process-lock.js';
import {version} from '../system/version.js';
import {advertisedUrl} from './configuration/advertised-url.js';
import {type AgentConfiguration, loadConfiguration} from './configuration/agent-configuration.js';
import {Outbox} from './mail/outbox.js';
import {stir} from './memory.js';
import {registerPackageRoutes} from './packages/package-routes.js';
import {registerReleaseRoutes} from './releases/release-routes.js';
import {createReleaseTools} from './releases/release-tools.js';
import {type Launch, readLaunch} from './self-update/launch.js';
import {SelfUpdate, selfName} from './self-update/self-update.js';
import {registerSelfUpdateRoutes} from './self-update/self-update-routes.js';
import {openServedSites} from './served-sites.js';
import {type AgentServer, createAgentServer} from './server/agent-server.js';
import {registerTrustDesk} from './server/trust-desk-routes.js';
import {registerTrustRoutes} from './server/trust-routes.js';
import {registerNotifyRoute} from './site/notify-route.js';
import {registerSiteRoutes} from './site/site-routes.js';
import {openAuditLog} from './trust/audit-log.js';
import {openInvitations} from './trust/invitations.js';
import {openPins} from './trust/pins.js';
import {openServerIdentity, refuseMoved} from './trust/server-identity.js';
import {settleFolders} from './update/settle-folders.js';
import {registerUpdateRoutes} from './update/update-routes.js';
import {Updates} from './update/updates.js';

/** An agent that serves. */
export type RunningAgent = {
  /** Address under which others reach it. */
  readonly url: string;
  readonly fingerprint: string;
  readonly port: number;
  /** Stops accepting, ends or interrupts what runs, closes the sites. */
  stop(): Promise<void>;
};

type StartOptions = {
  readonly launch: Launch;
  /** Called when the process is to be replaced by another version (U13). */
  readonly restart: () => void;
};

/** For an agent that nobody starts anew. */
const standsAlone = (): StartOptions => ({launch: {...readLaunch({}), canChange: false}, restart: () => {}});

/** Held by the one process that serves a data folder. */
export const agentLockPath = (dataFolder: string) => join(dataFolder, 'agent.lock');
/** Where a serving agent says under which address it answers, and with which sites. */
export const listeningPath = (dataFolder: string) => join(dataFolder, 'listening.json');

/**
 * Starts the agent of a data folder: recovers its sites, then listens.
 * @throws OperatorError STATE_LOCKED when it is running already, IDENTITY_MOVED, INVALID_CONFIGURATION, ADDRESS_IN_USE.
 */
export async function startAgent(
  dataFolder: string,
  {launch, restart}: StartOptions = standsAlone(),
): Promise<RunningAgent> {
  const configuration = await loadConfiguration(dataFolder);
  await mkdir(dataFolder, {recursive: true, mode: 0o700});
  const lock = tryLock(agentLockPath(dataFolder));
  if (lock.kind === 'held')
    throw new OperatorError(
      'STATE_LOCKED',
      `The agent in ${dataFolder} is running already: process ${lock.by.pid}.`,
      {
        hint: 'Stop that process first, or leave it running.',
        details: {pid: lock.by.pid},
      },
    );
  const undo: (() => unknown)[] = [() => lock.release()];
  const undoAll = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const logFile = pino.destination({dest: join(dataFolder, 'agent.log'), mkdir: true, sync: true});
    // A log that cannot be written, as on a full disk, must not end the agent in the middle of its work.
    logFile.on('error', () => {});
    const log = pino({base: {pid: process.pid}, timestamp: pino.stdTimeFunctions.isoTime}, logFile);
    const serverIdentity = await openServerIdentity(dataFolder);
    refuseMoved(serverIdentity);
    settleFolders(
      dataFolder,
      configuration.sites.map(({name}) => name),
      log,
    );
    let announce = async (_names: readonly string[]) => {};
    let isUpdated = () => false;
    const sites = await openServedSites(
      dataFolder,
      configuration.sites,
      log,
      names => announce(names),
      () => isUpdated(),
    );
    undo.push(() => sites.close());
    const server = createAgentServer({
      dataFolder,
      identity: await openIdentity(dataFolder, configuration.name),
      pins: openPins(dataFolder),
      audit: openAuditLog(dataFolder),
      log,
      hasSite: name => sites.has(name),
      enterSite: name => sites.enter(name),
    });
    registerTrustRoutes(server, {
      name: configuration.name,
      serverId: serverIdentity.serverId,
      version,
      invitations: openInvitations(dataFolder),
      async describeSites() {
        await sites.settled();
        return sites.list().map(site => site.describe());
      },
    });
    let announced = '';
    registerTrustDesk(server, {dataFolder, invitations: openInvitations(dataFolder), url: () => announced});
    registerSiteRoutes(server, name => sites.get(name));
    registerPackageRoutes(
      server,
      name => sites.get(name),
      () => sites.list(),
    );
    registerReleaseRoutes(server, name => sites.get(name));
    const outbox = new Outbox({
      folder: join(dataFolder, 'outbox'),
      settingsOf: name => sites.list().find(site => site.name === name)?.configuration.mail,
      log,
    });
    registerNotifyRoute(server, name => sites.get(name), outbox);
    const self = new SelfUpdate({
      dataFolder: resolve(dataFolder),
      launch,
      settings: configuration.selfUpdate,
      sites: () => sites.list(),
      restart,
    });
    const siteOf = (name: string) => (name === selfName ? self.subject : sites.get(name));
    const updates = new Updates({
      dataFolder: resolve(dataFolder),
      serverName: configuration.name,
      siteOf,
      tools: createReleaseTools(server, siteOf, name => sites.get(name).packages),
      outbox,
      log,
    });
    isUpdated = () => updates.isAtWork(selfName);
    registerUpdateRoutes(server, updates);
    registerSelfUpdateRoutes(server, self, updates);
    undo.push(
      () => updates.close(),
      () => outbox.close(),
    );
    await updates.resume([self.subject, ...sites.list()]);
    outbox.wake();
    await server.audit.append({kind: 'command', what: 'agent run', detail: `version ${version}`});
    const port = await listen(server, configuration);
    undo.push(() => server.close());
    const url = advertisedUrl(configuration, port);
    announced = url;
    announce = names =>
      writeFileAtomic(
        listeningPath(dataFolder),
        `${JSON.stringify({url, pid: process.pid, sites: names})}\n`,
        {
          mode: 0o600,
        },
      );
    await announce(sites.list().map(({name}) => name));
    undo.push(() => rm(listeningPath(dataFolder), {force: true}));
    const {fingerprint} = server.identity;
    log.info({url, fingerprint, sites: sites.list().map(({name}) => name)}, 'listening');
    stir();
    return {
      url,
      fingerprint,
      port,
      async stop() {
        log.info('stopping');
        await undoAll();
        log.info('stopped');
      },
    };
  } catch (error) {
    await undoAll();
    throw error;
  }
}

async function listen(server: AgentServer, {host, port}: AgentConfiguration): Promise<number> {
  try {
    return await server.listen(host, port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE')
      throw new OperatorError('ADDRESS_IN_USE', `Port ${port} on ${host} is taken by another program.`, {
        hint: 'Choose another port in agent.json (`listen`), or stop what uses it.',
        cause: error,
      });
    if (code === 'EADDRNOTAVAIL' || code === 'EACCES' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      throw new OperatorError(
        'INVALID_CONFIGURATION',
        `Cannot listen on ${host}:${port}: ${(error as Error).message}`,
        {
          hint: '`listen` in agent.json must be an address of this machine and a port that its user may open.',
          cause: error,
        },
      );
    throw error;
  }
}
