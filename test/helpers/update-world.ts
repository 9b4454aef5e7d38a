import {createHash, randomBytes} from 'node:crypto';
import {existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import AdmZip from 'adm-zip';
import type {ExecutionContext} from 'ava';
import {openPins} from '../../source/agent/trust/pins.js';
import type {ReleaseManifest} from '../../source/core/release.js';
import {formatRunId, runIdRandomBytes} from '../../source/core/run-id.js';
import type {UpdateStatus} from '../../source/core/update-status.js';
import {type Identity, openIdentity} from '../../source/protocol/identity.js';
import {formatManifest} from '../../source/protocol/release-manifest.js';
import {type AgentConnection, connectAgent} from '../../source/protocol/transport/agent-connection.js';
import * as endpoints from '../../source/protocol/update-endpoints.js';
import type {ServerEngine} from './database-server.js';
import {createWorld, eventually, type TestServer, type World} from './lockstep.js';
import type {TestSite} from './test-site.js';

/*
 * A server whose service is updated: a real agent, a real HTTP application with sessions (fixtures/session-service), a
 * database, releases in real archives that a real HTTP server hands out.
 */

const program = path.resolve(import.meta.dirname, '../../../fixtures/session-service/service.mjs');

/** What app.json of a release says to the application. */
export type App = {
  readonly version: string;
  readonly health?: number;
  readonly ignoreStop?: boolean;
  readonly ignoreLogoff?: boolean;
  readonly migrate?: 'fail';
  readonly crash?: boolean;
};

export type Offered = {
  readonly manifest: string;
  /** Of the manifest; absent for an unsigned one. */
  readonly signature?: string;
  readonly source: {kind: 'http' | 'ftp'; url: string};
  readonly version: string;
};

/** Hands out files over HTTP and notes what it was asked for. */
export type FileServer = {
  readonly url: string;
  readonly files: Map<string, Buffer>;
  readonly asked: string[];
};

export async function startFileServer(t: ExecutionContext): Promise<FileServer> {
  const files = new Map<string, Buffer>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const content = files.get((request.url ?? '').slice(1));
    if (content === undefined) response.writeHead(404).end();
    else response.writeHead(200, {'content-length': content.length}).end(content);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, files, asked};
}

/** Makes a release of the application. @param files besides app.json */
export function makeRelease(
  server: FileServer,
  app: App,
  files: Readonly<Record<string, string>> = {},
  manifest: Partial<ReleaseManifest> = {},
): Offered {
  const all = {'app.json': JSON.stringify(app), 'program.txt': `program ${app.version}`, ...files};
  const zip = new AdmZip();
  for (const [name, content] of Object.entries(all)) zip.addFile(name, Buffer.from(content));
  return offerArchive(server, zip.toBuffer(), app.version, all, manifest);
}

/** Serves an archive, with a manifest that lists these files, whatever the archive holds. */
export function offerArchive(
  {url, files: served}: FileServer,
  archive: Buffer,
  version: string,
  files: Readonly<Record<string, string | Buffer>>,
  manifest: Partial<ReleaseManifest> = {},
): Offered {
  const name = `${randomBytes(6).toString('hex')}.zip`;
  served.set(name, archive);
  const listed = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  const described: ReleaseManifest = {
    format: 1,
    name: 'app',
    version,
    createdAt: '2026-11-01T00:00:00Z',
    archive: {kind: 'zip', sizeBytes: archive.length, sha256: sha256(archive)},
    unpackedBytes: listed.reduce((sum, [, content]) => sum + Buffer.byteLength(content), 0),
    entries: listed.length,
    files: listed.map(([path, content]) => ({
      path,
      sizeBytes: Buffer.byteLength(content),
      sha256: sha256(Buffer.from(content)),
      mode: 0o644,
    })),
    ...manifest,
  };
  return {
    manifest: formatManifest(described).toString(),
    source: {kind: 'http', url: `${url}/${name}`},
    version,
  };
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** A server with the application in version 1.0, and what a test needs to update it. */
export class UpdatedServer {
  constructor(
    readonly world: World,
    readonly server: TestServer,
    public client: AgentConnection,
    readonly identity: Identity,
    /** The server folder. */
    readonly folder: string,
    readonly port: number,
    /** Where the application keeps its process id and its log. */
    readonly state: string,
  ) {}

  /** What the application has logged: which commands it was given. */
  get log(): string {
    return existsSync(path.join(this.state, 'log')) ? readFileSync(path.join(this.state, 'log'), 'utf8') : '';
  }

  /** Names beside the server folder that an update has to do with. */
  get beside(): string[] {
    const base = path.basename(this.folder);
    return readdirSync(path.dirname(this.folder))
      .filter(name => name.startsWith(base))
      .sort();
  }

  read(name: string): string {
    return readFileSync(path.join(this.folder, name), 'utf8');
  }

  sql(query: string): unknown[] {
    return this.server.site.rows(query).flat();
  }

  /** What the application answers; undefined when it does not. */
  async health(): Promise<{version: string; structure: string; open: boolean} | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.port}/health`, {headers: {connection: 'close'}});
      return (await answer.json()) as {version: string; structure: string; open: boolean};
    } catch {
      return undefined;
    }
  }

  /** Signs a user in. @returns 503 while logins are closed */
  async login(user: string): Promise<number> {
    const {status} = await fetch(`http://127.0.0.1:${this.port}/login?user=${user}`, {
      method: 'POST',
      headers: {connection: 'close'},
    });
    return status;
  }

  async start(
    {manifest, signature, source}: Offered,
    options: {
      id?: string;
      mailTo?: string;
      window?: {from?: string; until?: string};
      lockId?: string;
      rolloutId?: string;
    } = {},
  ): Promise<UpdateStatus> {
    return this.client.call(endpoints.startUpdate, {
      params: {site: 'main'},
      body: {
        id: newId(),
        by: 'anna',
        release: {manifest, source, ...(signature === undefined ? {} : {signature})},
        ...options,
      },
    });
  }

  show(id: string): Promise<UpdateStatus> {
    return this.client.call(endpoints.showUpdate, {params: {site: 'main', update: id}});
  }

  /** The update at its end. */
  async ended(id: string): Promise<UpdateStatus> {
    let status: UpdateStatus | undefined;
    await eventually(`update ${id} ends`, async () => {
      status = await this.show(id).catch(() => undefined);
      return status !== undefined && status.state !== 'running';
    });
    return status!;
  }

  async update(release: Offered, options: Parameters<UpdatedServer['start']>[1] = {}): Promise<UpdateStatus> {
    const {id} = await this.start(release, options);
    return this.ended(id);
  }

  get healthCheck() {
    return {url: `http://127.0.0.1:${this.port}/health`, version: '/version', timeout: '5s'};
  }

  /** After a restart of the agent. */
  async reconnect(): Promise<AgentConnection> {
    this.client.close();
    this.client = connectAgent({...this.server.address, identity: this.identity});
    return this.client;
  }

  /** Changes `update` of agent.json, and waits until the agent has taken it up. */
  async configure(changes: Record<string, unknown>): Promise<void> {
    const file = path.join(this.server.data, 'agent.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as {sites: {main: {update: Record<string, unknown>}}};
    Object.assign(json.sites.main.update, changes);
    writeFileSync(file, JSON.stringify(json));
    const log = path.join(this.server.data, 'agent.log');
    const before = readFileSync(log, 'utf8').split('site opened anew').length;
    await eventually(
      'the agent follows agent.json',
      () => readFileSync(log, 'utf8').split('site opened anew').length > before,
    );
  }

  abort(id: string): Promise<UpdateStatus> {
    return this.client.call(endpoints.abortUpdate, {params: {site: 'main', update: id}, body: {by: 'anna'}});
  }
}

export function newId(): string {
  return formatRunId(Date.now(), randomBytes(runIdRandomBytes));
}

/** Commands of the application as agent.json names them. */
export function serviceCommands(state: string, port: number, database: string, verbs: readonly string[]) {
  return Object.fromEntries(
    verbs.map(verb => [
      verb,
      {run: [process.execPath, program, verb, state, String(port), database], timeout: '20s'},
    ]),
  );
}

const usualVerbs = [
  'start',
  'stop',
  'status',
  'sessions',
  'warn',
  'logoff',
  'closeLogins',
  'openLogins',
  'migrate',
  'structureVersion',
];

/** Starts a server with the application in version 1.0. @param update what its `update` in agent.json gets besides */
export async function createUpdatedServer(
  t: ExecutionContext,
  update: Record<string, unknown> = {},
  options: {
    app?: Partial<App>;
    site?: Record<string, unknown>;
    verbs?: readonly string[];
    engine?: ServerEngine;
  } = {},
): Promise<UpdatedServer> {
  const world = createWorld(t);
  const port = await world.reservePort();
  const home = path.join(world.folder, 'one');
  const folder = path.join(home, 'app');
  const state = path.join(home, 'state');
  mkdirSync(path.join(folder, 'preferences'), {recursive: true});
  mkdirSync(state, {recursive: true});
  writeFileSync(path.join(folder, 'app.json'), JSON.stringify({version: '1.0', ...options.app}));
  writeFileSync(path.join(folder, 'program.txt'), 'program 1.0');
  writeFileSync(path.join(folder, 'preferences/colour'), 'blue');
  writeFileSync(path.join(folder, 'key.pem'), 'secret', {mode: 0o600});
  const server = await world.unpairedServer('one', {
    version: '1.0',
    schema:
      "CREATE TABLE content (id INTEGER PRIMARY KEY, structure TEXT, visits INTEGER); INSERT INTO content VALUES (1, '1.0', 0);",
    ...(options.engine === undefined ? {} : {engine: options.engine}),
    agentJson: site => ({
      update: {
        folder,
        allowUnsigned: true,
        carry: ['preferences', '*.pem'],
        service: serviceCommands(state, port, dataOf(site), options.verbs ?? usualVerbs),
        health: {url: `http://127.0.0.1:${port}/health`, version: '/version', timeout: '5s'},
        grace: '1ms',
        leave: '5s',
        ...update,
      },
      ...options.site,
    }),
  });
  t.teardown(() => {
    try {
      process.kill(Number(readFileSync(path.join(state, 'pid'), 'utf8')), 'SIGKILL');
    } catch {
      // It has ended.
    }
  });
  const identity = await openIdentity(path.join(home, 'operator'), 'operator');
  await openPins(server.data).trust({
    fingerprint: identity.fingerprint,
    name: 'operator',
    role: 'operate',
    sites: [],
  });
  const {url, fingerprint} = server.address;
  const client = connectAgent({url, fingerprint, identity});
  const updated = new UpdatedServer(world, server, client, identity, folder, port, state);
  t.teardown(() => updated.client.close());
  await startApplication(updated, dataOf(server.site));
  return updated;
}

/** The data of a site as the application takes it. */
function dataOf({databaseFile, databaseUrl}: TestSite): string {
  return databaseFile ?? databaseUrl!;
}

async function startApplication(
  {world, folder, state, port}: UpdatedServer,
  database: string,
): Promise<void> {
  const {spawn} = await import('node:child_process');
  const child = spawn(process.execPath, [program, 'start', state, String(port), database], {
    cwd: world.folder,
    env: {...process.env, LOCKSTEP_FOLDER: folder},
    stdio: 'ignore',
  });
  const code = await new Promise(resolve => child.once('exit', resolve));
  if (code !== 0) throw new Error(`the application did not start: ${code}`);
}
