import {existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import type {ExecutionContext} from 'ava';
import type {AgentJson} from '../../source/agent/configuration/agent-json-schema.js';
import {openPins} from '../../source/agent/trust/pins.js';
import type {UpdateFault} from '../../source/core/fault-point.js';
import type {UpdateStatus} from '../../source/core/update-status.js';
import {stepsOf, type UpdateStepName} from '../../source/core/update-steps.js';
import {type Identity, openIdentity} from '../../source/protocol/identity.js';
import {type AgentConnection, connectAgent} from '../../source/protocol/transport/agent-connection.js';
import * as endpoints from '../../source/protocol/update-endpoints.js';
import {createWorld, eventually, type TestServer, type World} from './lockstep.js';
import {makeRelease, newId, type Offered, startFileServer} from './update-world.js';

/*
 * Every place of an update at which its agent can be killed, at once: one real agent with a site for each place, each
 * of which waits there (LOCKSTEP_HOLD); then the agent is killed, and has to bring all of them to a whole end. A process
 * that waits for nothing and one that is killed there leave the same disk behind.
 */

/** Why an update takes the track whose places are walked through. */
type Way = 'forward' | 'withdraw' | 'rollback' | 'swap-back' | 'by-hand';

type WalkedSite = {
  readonly name: string;
  readonly way: Way;
  readonly place: UpdateFault;
  readonly id: string;
};

const places = ['begun', 'effect', 'done'] as const;

/** A busy machine takes minutes for a hundred updates at once; one that hangs is not waited for. Milliseconds. */
const patienceMs = 400_000;

/** A service that a shell can be: which version runs is what stood in the server folder when it was started. */
const service = `
case "$1" in
start) [ -f running ] || cp "$LOCKSTEP_FOLDER/app.json" running ;;
stop) rm -f running ;;
status) [ -f running ] || exit 3 ;;
health) grep -q "\\"version\\":\\"$LOCKSTEP_VERSION\\"" running && [ ! -f "$LOCKSTEP_FOLDER/unwell" ] ;;
esac`;

/** Changes the data; half of it only where app.json says that it fails. */
const migration = `
import {readFileSync} from 'node:fs';
import {DatabaseSync} from 'node:sqlite';
const app = JSON.parse(readFileSync(process.env.LOCKSTEP_FOLDER + '/app.json', 'utf8'));
const data = new DatabaseSync(process.argv[2]);
data.prepare('UPDATE content SET structure = ? WHERE id = 1').run(app.version);
if (app.migrate === 'fail') process.exit(7);
data.prepare('UPDATE content SET structure = ? WHERE id = 2').run(app.version);
`;

/** Steps of a way that have an effect of their own there; `rollback-drain` is only for a person's rollback. */
function walkedPlaces(way: Way): UpdateFault[] {
  const track = way === 'swap-back' || way === 'by-hand' ? 'rollback' : way;
  const names: UpdateStepName[] = stepsOf(track)
    .map(({name}) => name)
    .filter(name => way === 'forward' || name !== 'notify')
    .filter(name => way !== 'swap-back' || ['rollback-new', 'rollback-old', 'rollback-start'].includes(name));
  return names.flatMap(name => places.map(place => `update.${name}.${place}` as const));
}

export class UpdateWalk {
  readonly sites: readonly WalkedSite[];
  readonly #world: World;
  readonly #identity: Identity;
  readonly #releases: Readonly<Record<Way, Offered>>;
  #server: TestServer;
  #client: AgentConnection | undefined;

  private constructor(
    world: World,
    server: TestServer,
    identity: Identity,
    releases: Record<Way, Offered>,
    sites: readonly WalkedSite[],
  ) {
    this.#world = world;
    this.#server = server;
    this.#identity = identity;
    this.#releases = releases;
    this.sites = sites;
  }

  /** @param ways the tracks that are walked */
  static async create(t: ExecutionContext, ways: readonly Way[]): Promise<UpdateWalk> {
    const world = createWorld(t);
    const files = await startFileServer(t);
    const damaged = makeRelease(files, {version: '2.0'});
    const [, archive] = damaged.source.url.match(/\/([^/]+)$/)!;
    files.files.set(
      archive!,
      Buffer.from('not the archive that was signed'.padEnd(files.files.get(archive!)!.length)),
    );
    const releases = {
      forward: makeRelease(files, {version: '2.0'}),
      rollback: makeRelease(files, {version: '2.0', migrate: 'fail'}),
      'swap-back': makeRelease(files, {version: '2.0'}, {unwell: 'x'}),
      'by-hand': makeRelease(files, {version: '2.0'}),
      withdraw: damaged,
    };
    const sites = ways.flatMap(way =>
      walkedPlaces(way).map(place => ({
        name: `${way}.${place.replace('update.', '')}`,
        way,
        place,
        id: newId(),
      })),
    );
    const server = await world.unpairedServer('many');
    await server.stop();
    const home = path.dirname(server.data);
    writeFileSync(path.join(home, 'service.sh'), service);
    writeFileSync(path.join(home, 'migrate.mjs'), migration);
    const file = path.join(server.data, 'agent.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as AgentJson;
    for (const {name, way} of sites) json.sites[name] = makeSite(home, name, way);
    writeFileSync(file, JSON.stringify(json));
    const identity = await openIdentity(path.join(home, 'operator'), 'operator');
    await openPins(server.data).trust({
      fingerprint: identity.fingerprint,
      name: 'operator',
      role: 'operate',
      sites: [],
    });
    return new UpdateWalk(world, server, identity, releases, sites);
  }

  get #home(): string {
    return path.dirname(this.#server.data);
  }

  /** Starts the agent; each site waits at its place where `hold` says so. */
  async startAgent(hold: boolean): Promise<void> {
    await this.#server.start(
      hold ? {LOCKSTEP_HOLD: this.sites.map(({name, place}) => `${name}=${place}`).join(',')} : {},
    );
    this.#client?.close();
    this.#client = connectAgent({...this.#server.address, identity: this.#identity});
  }

  async startUpdates(): Promise<void> {
    for (const {name, way, id} of this.sites) {
      const {manifest, source} = this.#releases[way];
      await this.#client!.call(endpoints.startUpdate, {
        params: {site: name},
        body: {id, by: 'anna', release: {manifest, source}},
      });
    }
  }

  /** Goes back by hand where that is what is walked through, once the updates there are done. */
  async startRollbacks(): Promise<void> {
    const sites = this.sites.filter(({way}) => way === 'by-hand');
    const ended = new Set<string>();
    await eventually('those to go back from are done', () => this.#allEnded(sites, ended), patienceMs);
    for (const {name, id} of sites)
      await this.#client!.call(endpoints.rollBackUpdate, {
        params: {site: name, update: id},
        body: {by: 'anna'},
      });
  }

  /** Waits until every site waits at its place or is at its end, and kills the agent. @returns how many waited */
  async killAtPlaces(): Promise<number> {
    let held = new Set<string>();
    const ended = new Set<string>();
    await eventually(
      'every update is at its place or at its end',
      async () => {
        held = new Set([...this.#server.heldLog.matchAll(/^held (\S+)$/gm)].map(([, name]) => name!));
        if (held.size === this.sites.length) return true;
        return this.#allEnded(
          this.sites.filter(({name}) => !held.has(name)),
          ended,
        );
      },
      patienceMs,
    );
    await this.#server.kill();
    return held.size;
  }

  /** Whether the updates of all these sites have ended; whoever has is not asked again. */
  async #allEnded(sites: readonly WalkedSite[], ended: Set<string>): Promise<boolean> {
    for (const site of sites) {
      if (ended.has(site.name)) continue;
      if ((await this.status(site)).state === 'running') return false;
      ended.add(site.name);
    }
    return true;
  }

  status({name, id}: WalkedSite): Promise<UpdateStatus> {
    return this.#client!.call(endpoints.showUpdate, {params: {site: name, update: id}});
  }

  async end(): Promise<void> {
    const ended = new Set<string>();
    await eventually('every update is at its end', () => this.#allEnded(this.sites, ended), patienceMs);
  }

  /** What is not as it has to be at a site whose update has ended; undefined when it is whole. */
  async problemAt(site: WalkedSite): Promise<string | undefined> {
    const {state, error, warnings} = await this.status(site);
    const home = path.join(this.#home, site.name);
    const wanted = state === 'done' ? '2.0' : '1.0';
    const allowed: Record<Way, readonly string[]> = {
      // A migration that was interrupted is taken back.
      forward: site.place.startsWith('update.migrate.') ? ['done', 'rolled-back'] : ['done'],
      rollback: ['rolled-back'],
      'swap-back': ['rolled-back'],
      'by-hand': ['rolled-back'],
      withdraw: ['failed'],
    };
    const found = {
      state,
      folder: versionIn(path.join(home, 'app/app.json')),
      program: readText(path.join(home, 'app/program.txt')),
      carried: readText(path.join(home, 'app/settings')),
      running: versionIn(path.join(home, 'running')),
      data: structureOf(path.join(home, 'content.db')),
      beside: readdirSync(home)
        .filter(name => name.startsWith('app') && name !== 'app' && !name.startsWith('app_failed'))
        .join(),
      marker: existsSync(path.join(home, 'app/.lockstep-update.json')),
    };
    const should = {
      state: allowed[site.way].includes(state) ? state : allowed[site.way].join(' or '),
      folder: wanted,
      program: `program ${wanted}`,
      carried: 'mine',
      running: wanted,
      data: wanted,
      beside: '',
      marker: false,
    };
    if (JSON.stringify(found) === JSON.stringify(should)) return undefined;
    return `${site.name}: ${JSON.stringify(found)} instead of ${JSON.stringify(should)}; ${JSON.stringify(error)} ${warnings.join(' ')}`;
  }

  get world(): World {
    return this.#world;
  }
}

function makeSite(home: string, name: string, way: Way): AgentJson['sites'][string] {
  const folder = path.join(home, name);
  const hasData = way === 'forward' || way === 'rollback' || way === 'by-hand';
  mkdirSync(path.join(folder, 'app'), {recursive: true});
  mkdirSync(path.join(folder, 'root'));
  writeFileSync(path.join(folder, 'app/app.json'), JSON.stringify({version: '1.0'}));
  writeFileSync(path.join(folder, 'app/program.txt'), 'program 1.0');
  writeFileSync(path.join(folder, 'app/settings'), 'mine');
  writeFileSync(path.join(folder, 'running'), JSON.stringify({version: '1.0'}));
  const database = path.join(folder, 'content.db');
  const data = new DatabaseSync(database);
  data.exec(
    "CREATE TABLE content (id INTEGER PRIMARY KEY, structure TEXT); INSERT INTO content VALUES (1, '1.0'), (2, '1.0')",
  );
  data.close();
  const command = (verb: string) => ({
    run: ['sh', '-c', `cd ${folder} && . ${home}/service.sh`, 'service', verb],
  });
  return {
    root: path.join(folder, 'root'),
    version: '1.0',
    // A backup costs time; where no migration fails there is nothing to restore.
    ...(hasData ? {database: {url: `sqlite:${database}`}} : {}),
    update: {
      folder: path.join(folder, 'app'),
      allowUnsigned: true,
      carry: [{path: 'settings', required: true}],
      service: {
        ...Object.fromEntries(['start', 'stop', 'status', 'health'].map(verb => [verb, command(verb)])),
        // Only where it takes part: it is a process of Node.
        ...(!hasData ? {} : {migrate: {run: [process.execPath, path.join(home, 'migrate.mjs'), database]}}),
      },
      health: {timeout: way === 'swap-back' ? '300ms' : '60s'},
      grace: '1ms',
    },
  };
}

function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function versionIn(file: string): string {
  return /"version":"([^"]*)"/.exec(readText(file))?.[1] ?? 'none';
}

/** The structure of both rows; two different ones are a half migration. */
function structureOf(file: string): string {
  const data = new DatabaseSync(file);
  const found = data.prepare('SELECT DISTINCT structure FROM content').all() as {structure: string}[];
  data.close();
  return found.map(({structure}) => structure).join(' and ');
}
