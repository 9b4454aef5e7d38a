import {type ChildProcess, type SpawnOptions, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import type {ExecutionContext} from 'ava';
import type {AgentJson, SiteJson} from '../../source/agent/configuration/agent-json-schema.js';
import {createAgentVerbs} from '../../source/agent/verbs.js';
import {openEngine} from '../../source/engine/open-engine.js';
import {executeRun} from '../../source/engine/runner.js';
import {type DetachedWork, spawnDetached} from '../../source/engine/spawn-detached.js';
import type {Services} from '../../source/headless/command-context.js';
import {runProgram} from '../../source/headless/program.js';
import {version} from '../../source/system/version.js';
import {createServerDatabase} from './database-server.js';
import {type ReservedPort, reservePort} from './reserve-port.js';
import {TestSite, type TestSiteOptions} from './test-site.js';

/*
 * The real thing for end-to-end tests: the program as it is started by a person, agents as processes of their own
 * with TLS on free ports, folders and databases on disk or on the engine's test server. Everything is gone when the test ends.
 */

export const program = fileURLToPath(import.meta.resolve('#program'));

const agent = createAgentVerbs();
const unexpected = () => Promise.reject(new Error('not a command of this kind'));
const services: Services = {
  openEngine: home => openEngine(home),
  agentVerbs: async () => agent,
  openConsole: unexpected,
  runDemo: unexpected,
  executeRun: unexpected,
  executeRollout: unexpected,
};

/** Carries runs out where they are started: nothing but their words and their effect is looked at. */
const servicesWithRuns: Services = {
  ...services,
  openEngine: home =>
    openEngine(home, work => (work.command === '__runner' ? startHere(work) : spawnDetached(work))),
};

/** Starts a run in this process. @throws Error what keeps it from beginning */
async function startHere({home, id, hasStarted}: DetachedWork): Promise<void> {
  const run = executeRun(home, id);
  const unused = new AbortController();
  await Promise.race([run, hasStarted(unused.signal)]);
  unused.abort();
  // What becomes of it stands in its journal.
  void run.catch(() => {});
}

/** Whether a command needs nothing of a process but its words and its exit status. */
function isPlain([noun, verb]: readonly string[]): boolean {
  return noun !== undefined && !noun.startsWith('-') && !(noun === 'scheduler' && verb !== 'next');
}

// Every command that is carried out here listens for what ends this process, and many are at once.
process.setMaxListeners(100);

/** Nothing here takes long; what does is stuck, and is ended so that the test can say so. */
const commandTimeoutMs = 120_000;

export type RunSummaryLine = {
  type: string;
  runId: string;
  status: string;
  error?: {code: string; message: string; hint?: string};
  holder?: {runId: string; by: string; since: string};
  applied: number;
  skipped: number;
  total: number;
  conflicts: number;
  collisions: number;
  deleted: number;
  bytes: number;
};

export type PreviewAction = {
  id: string;
  member?: string;
  side: 'local' | 'remote';
  kind: string;
  item: {type: string; path?: string; table?: string; key?: string[]};
  reason?: string;
  winner?: string;
  conflict?: string;
};
export type PreviewDocument = {
  planHash: string;
  actions: PreviewAction[];
  counts: {
    local: Record<'create' | 'update' | 'delete', number>;
    remote: Record<'create' | 'update' | 'delete', number>;
    conflicts: number;
    skipped: number;
  };
  warnings?: string[];
};

/** A site, and how its agent is told of it. */
export type ServerOptions = TestSiteOptions & {
  version?: string;
  staging?: boolean;
  allowForceInitial?: boolean;
  /** What the site's part of agent.json gets besides; `database` is added to what is there. */
  agentJson?: SiteChanges | ((site: TestSite) => SiteChanges);
};

type SiteChanges = Record<string, unknown> & {database?: Record<string, unknown>};

/** How a command ended and what it said. */
export class Outcome {
  constructor(
    readonly argv: readonly string[],
    readonly exitCode: number | undefined,
    readonly signal: NodeJS.Signals | undefined,
    readonly stdout: string,
    readonly stderr: string,
  ) {}

  json<T>(): T {
    return this.#parse<T>(this.stdout);
  }

  /** The lines of an NDJSON stream. */
  events<T = {type: string; runId?: string}>(): T[] {
    return this.stdout
      .split('\n')
      .filter(line => line !== '')
      .map(line => this.#parse<T>(line));
  }

  /** The last event of a run. */
  summary(): RunSummaryLine {
    const last = this.events<RunSummaryLine>().at(-1);
    if (last?.type !== 'run.finished') throw new Error(`no run.finished at the end: ${this}`);
    return last;
  }

  error(): {code: string; message: string; hint?: string} {
    return this.#parse<{error: {code: string; message: string; hint?: string}}>(this.stderr.trim()).error;
  }

  toString(): string {
    return `lockstep ${this.argv.join(' ')}\n  ended with ${this.exitCode ?? this.signal}\n  stdout: ${this.stdout.slice(-2000)}\n  stderr: ${this.stderr.slice(-2000)}`;
  }

  #parse<T>(text: string): T {
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new Error(`not JSON: ${this}`);
    }
  }
}

/** A server: an agent with a site, its process and its folders. */
export class TestServer {
  #process: ChildProcess | undefined;
  #log = '';
  #held = '';
  address = {url: '', fingerprint: ''};
  /** The launcher that it is started with. */
  program = program;

  constructor(
    readonly world: World,
    readonly name: string,
    readonly site: TestSite,
    readonly data: string,
  ) {}

  /** The site as an operator writes it. */
  get siteAddress(): string {
    return `${this.name}/main`;
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  get isRunning(): boolean {
    const child = this.#process;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Whether the agent's process ended as at a fault point, and not because it was asked to. */
  get wasKilled(): boolean {
    return this.#process?.signalCode === 'SIGKILL';
  }

  /** What the agent said on stderr, the last part of it. */
  get log(): string {
    return this.#log;
  }

  /** Which updates wait at their place since the last start (LOCKSTEP_HOLD). */
  get heldLog(): string {
    return this.#held;
  }

  async start(environment: Record<string, string> = {}): Promise<void> {
    const child = this.world.spawn(['agent', 'run', '--data', this.data, '--json'], {
      environment,
      program: this.program,
    });
    this.#process = child;
    this.#held = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-20_000);
      if (environment.LOCKSTEP_HOLD !== undefined) this.#held += text;
    });
    this.address = await new Promise((resolve, reject) => {
      createInterface({input: child.stdout!}).once('line', line => {
        const {url, fingerprint} = JSON.parse(line) as {url: string; fingerprint: string};
        resolve({url, fingerprint});
      });
      child.once('error', reject);
      child.once('close', (code, signal) =>
        reject(
          new Error(`the agent ${this.name} ended with ${code ?? signal} before it listened:\n${this.#log}`),
        ),
      );
    });
  }

  stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  /** Changes the site's part of agent.json while the agent is down. */
  async configure(change: (site: SiteJson) => void): Promise<void> {
    await this.stop();
    const file = path.join(this.data, 'agent.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as AgentJson;
    change(json.sites.main!);
    writeFileSync(file, JSON.stringify(json));
    await this.start();
  }

  /** As a power cut would. */
  kill(): Promise<number | null> {
    return this.#end('SIGKILL');
  }

  /** Resolves when the agent's process has ended by itself, as at a fault point. */
  async ended(): Promise<void> {
    const child = this.#process;
    if (child === undefined || !this.isRunning) return;
    await new Promise(resolve => child.once('close', resolve));
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process;
    if (child === undefined) return null;
    if (this.isRunning) {
      const lastResort = setTimeout(() => child.kill('SIGKILL'), 20_000);
      child.kill(signal);
      await new Promise(resolve => child.once('close', resolve));
      clearTimeout(lastResort);
    }
    return child.exitCode;
  }

  /** Changes the site in agent.json; a serving agent takes it up by itself, one that is stopped when it starts. */
  editAgentJson(changes: SiteChanges): void {
    const file = path.join(this.data, 'agent.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as {sites: {main: Record<string, object>}};
    const {main} = json.sites;
    Object.assign(main, changes, changes.database ? {database: {...main.database, ...changes.database}} : {});
    writeFileSync(file, JSON.stringify(json));
  }

  removeSite(name: string): void {
    const file = path.join(this.data, 'agent.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as AgentJson;
    delete json.sites[name];
    writeFileSync(file, JSON.stringify(json));
  }

  lockstep(...argv: string[]): Promise<Outcome> {
    return this.world.lockstep(...argv, '--data', this.data);
  }
}

/** A console's home and the servers of one test. */
export class World {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'lockstep-test-'));
  readonly home = path.join(this.folder, 'console');
  readonly #children = new Set<ChildProcess>();
  readonly #servers: TestServer[] = [];
  readonly #databases: {drop(): Promise<void>}[] = [];
  readonly #ports: ReservedPort[] = [];

  /** Makes site and agent of a server, starts it and pairs the console with it. */
  async server(name: string, options: ServerOptions = {}): Promise<TestServer> {
    const server = await this.unpairedServer(name, options);
    await this.pair(server);
    return server;
  }

  async unpairedServer(name: string, options: ServerOptions = {}): Promise<TestServer> {
    const folder = path.join(this.folder, name);
    const made = options.engine && (await createServerDatabase(options.engine));
    if (made !== undefined) this.#databases.push(made);
    const site = new TestSite(folder, options, made?.url);
    const server = new TestServer(this, name, site, path.join(folder, 'agent'));
    // What `agent init`, `site add` and `invite` do, without the time that so many processes take.
    await agent.init({data: server.data, name, listen: `127.0.0.1:${await this.reservePort()}`});
    await agent.addSite({
      data: server.data,
      site: 'main',
      root: site.root,
      ...(site.databaseUrl === undefined ? {} : {database: site.databaseUrl}),
      siteVersion: options.version ?? '1',
      staging: options.staging ?? false,
      allowForceInitial: options.allowForceInitial ?? false,
    });
    const {agentJson} = options;
    if (agentJson !== undefined)
      server.editAgentJson(typeof agentJson === 'function' ? agentJson(site) : agentJson);
    await server.start();
    this.#servers.push(server);
    return server;
  }

  /** A port that is this world's until its end, whether or not somebody listens there just then. */
  async reservePort(): Promise<number> {
    const reserved = await reservePort();
    this.#ports.push(reserved);
    return reserved.port;
  }

  async invitation(server: TestServer, role: 'admin' | 'operate' | 'view' = 'admin'): Promise<string> {
    return (await agent.invite({data: server.data, role, ttlMs: 600_000})).invitation;
  }

  async pair(server: TestServer, role: 'admin' | 'operate' | 'view' = 'admin'): Promise<void> {
    await this.must('server', 'add', await this.invitation(server, role), '--name', server.name);
  }

  async relate(
    name: string,
    local: TestServer,
    remote: TestServer,
    initial: 'upload' | 'download',
  ): Promise<void> {
    await this.must(
      ...['relationship', 'create', name, '--local', local.siteAddress, '--remote', remote.siteAddress],
      ...['--initial', initial],
    );
  }

  async initialSync(name: string): Promise<RunSummaryLine> {
    return (await this.must('relationship', 'initial-sync', name, '--yes', '--json')).summary();
  }

  /** Two related servers whose databases, if they have any, had their initial sync. */
  async pairOfServers(
    local: ServerOptions = {},
    remote: ServerOptions = {},
    initial: 'upload' | 'download' = 'upload',
  ): Promise<{local: TestServer; remote: TestServer}> {
    const [here, there] = await Promise.all([
      this.unpairedServer('here', local),
      this.unpairedServer('there', remote),
    ]);
    await this.pair(here);
    await this.pair(there);
    await this.relate('pair', here, there, initial);
    if (here.site.databaseUrl !== undefined && there.site.databaseUrl !== undefined)
      await this.initialSync('pair');
    return {local: here, remote: there};
  }

  async profile(name: string, ...options: string[]): Promise<void> {
    const has = (option: string) => options.includes(option);
    await this.must(
      ...['profile', 'create', name, ...options],
      ...(has('--items') ? [] : ['--items', 'database,workarea,templates,bin']),
      ...(has('--direction') ? [] : ['--direction', 'bidirectional']),
    );
  }

  async preview(profile: string, ...options: string[]): Promise<PreviewDocument> {
    return (await this.must('preview', profile, '--json', ...options)).json<PreviewDocument>();
  }

  /** Runs a profile and expects the exit status; without a process of its own, for which `lockstep('run', …)` is. */
  async run(profile: string, options: readonly string[] = [], exitCode = 0): Promise<RunSummaryLine> {
    const outcome = await this.tryRun(profile, ...options);
    if (outcome.exitCode !== exitCode)
      throw new Error(`expected exit status ${exitCode}: ${outcome}${this.#logs()}`);
    return outcome.summary();
  }

  /** Runs a profile to its end, whatever that is; as `run`. */
  tryRun(profile: string, ...options: string[]): Promise<Outcome> {
    return this.#inThisProcess(['run', profile, '--json', ...options], servicesWithRuns);
  }

  /** A command that has to succeed; what it starts is as in `run`. */
  async must(...argv: string[]): Promise<Outcome> {
    const outcome = isPlain(argv)
      ? await this.#inThisProcess(argv, servicesWithRuns)
      : await this.lockstepWith({}, ...argv);
    if (outcome.exitCode !== 0) throw new Error(`expected exit status 0: ${outcome}${this.#logs()}`);
    return outcome;
  }

  /** A command to its end, whatever that is; the runs and rollouts that it starts are processes. */
  lockstep(...argv: string[]): Promise<Outcome> {
    return isPlain(argv) ? this.#inThisProcess(argv, services) : this.lockstepWith({}, ...argv);
  }

  /** The same command line in the same words, without the time that a process takes. */
  async #inThisProcess(argv: string[], services: Services): Promise<Outcome> {
    const said = {stdout: '', stderr: ''};
    const sink = (name: 'stdout' | 'stderr') => ({
      isTTY: false,
      write(text: string | Uint8Array) {
        said[name] += text;
        return true;
      },
    });
    const exitCode = await runProgram({
      argv: ['--home', this.home, '--non-interactive', ...argv],
      version,
      defaultHome: () => this.home,
      services,
      streams: {stdout: sink('stdout'), stderr: sink('stderr'), environment: {NO_COLOR: '1'}},
    });
    return new Outcome(argv, exitCode, undefined, said.stdout, said.stderr);
  }

  /** A command as a process of its own. */
  lockstepWith(environment: Record<string, string>, ...argv: string[]): Promise<Outcome> {
    return World.outcome(argv, this.spawn(argv, {environment}));
  }

  /** Waits for a started command; killed when it takes too long. */
  static async outcome(argv: readonly string[], child: ChildProcess): Promise<Outcome> {
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const tooLong = setTimeout(() => {
      stderr += `\n(killed after ${commandTimeoutMs / 1000} s)`;
      child.kill('SIGKILL');
    }, commandTimeoutMs);
    try {
      const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (...ended) => resolve(ended));
      });
      return new Outcome(argv, code ?? undefined, signal ?? undefined, stdout, stderr);
    } finally {
      clearTimeout(tooLong);
    }
  }

  /** Starts a command with this world's home; the caller listens to it. */
  spawn(
    argv: readonly string[],
    options: {
      environment?: Record<string, string>;
      detached?: boolean;
      stdio?: SpawnOptions['stdio'];
      program?: string;
    } = {},
  ): ChildProcess {
    const {LOCKSTEP_HOME: _, LOCKSTEP_FAULT: __, ...inherited} = process.env;
    const child = spawn(process.execPath, [options.program ?? program, ...argv], {
      cwd: this.folder,
      env: {...inherited, NO_COLOR: '1', LOCKSTEP_HOME: this.home, ...options.environment},
      stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
      detached: options.detached ?? false,
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }

  /** Pids of runs whose journal has no end yet. */
  runningRuns(): {runId: string; pid: number}[] {
    return this.#atWork('runs', 'run').map(({runId, pid}) => ({runId: runId!, pid}));
  }

  /** The same of rollouts. */
  runningRollouts(): {pid: number}[] {
    return this.#atWork('rollouts', 'rollout');
  }

  #atWork(folderName: string, event: string): {runId?: string; pid: number}[] {
    const folder = path.join(this.home, folderName);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter(name => name.endsWith('.ndjson'))
      .flatMap(name => {
        const lines = readFileSync(path.join(folder, name), 'utf8').split('\n');
        if (lines.some(line => line.startsWith(`{"type":"${event}.finished"`))) return [];
        const started = lines.find(line => line.startsWith(`{"type":"${event}.started"`));
        return started === undefined ? [] : [JSON.parse(started) as {runId?: string; pid: number}];
      });
  }

  /** Ends every process of this world and removes its folders. */
  async close(): Promise<void> {
    for (const {pid} of [...this.runningRuns(), ...this.runningRollouts()])
      if (pid !== process.pid) killQuietly(pid);
    await Promise.all(this.#servers.map(server => server.kill()));
    await Promise.all(
      [...this.#children].map(async child => {
        const closed = new Promise(resolve => child.once('close', resolve));
        child.kill('SIGKILL');
        await closed;
      }),
    );
    for (const reserved of this.#ports) reserved.release();
    await Promise.all(this.#databases.map(database => database.drop()));
    rmSync(this.folder, {recursive: true, force: true, maxRetries: 10, retryDelay: 100});
  }

  #logs(): string {
    return this.#servers.map(server => `\n--- agent ${server.name}\n${server.log.slice(-3000)}`).join('');
  }
}

/** A world that ends with the test. */
export function createWorld(t: ExecutionContext): World {
  t.timeout(240_000);
  const world = new World();
  t.teardown(() => world.close());
  return world;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Resolves once the condition holds; looked at whenever something may have changed, so a short interval is enough. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const until = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > until) throw new Error(`did not happen within ${timeoutMs / 1000} s: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}
