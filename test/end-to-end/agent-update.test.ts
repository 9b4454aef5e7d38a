import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {Lease} from '../../source/agent/site/leases.js';
import type {ServerCheck} from '../../source/engine/engine.js';
import {version} from '../../source/system/version.js';
import {installProgram} from '../helpers/installed-program.js';
import {createWorld, eventually, type TestServer, type World} from '../helpers/lockstep.js';

/* U13: an agent of an older version is updated by the console, as real processes with real programs. */

const oldVersion = '0.0.9';

/** A paired server with an old agent that takes updates without a signature. */
async function oldServer(world: World, selfUpdate: object | null = {allowUnsigned: true}) {
  const server = await world.server('old');
  await server.stop();
  server.program = await installProgram(path.join(world.folder, 'installed'), oldVersion);
  allow(server, selfUpdate);
  await server.start();
  return server;
}

function allow(server: TestServer, selfUpdate: object | null): void {
  const file = path.join(server.data, 'agent.json');
  const json = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({...json, ...(selfUpdate && {selfUpdate})}));
}

async function check(world: World): Promise<ServerCheck> {
  const {checks} = (await world.lockstep('server', 'check', 'old', '--json')).json<{checks: ServerCheck[]}>();
  return checks[0]!;
}

type LastUpdate = {state: string; error?: {code: string; message: string}};

/** How the last update ended, once it has. */
async function ended(world: World): Promise<LastUpdate> {
  let last: LastUpdate | undefined;
  await eventually('the update ends', async () => {
    const outcome = await world.lockstep('server', 'update', 'old', '--dry-run', '--json');
    last = outcome.exitCode === 0 ? outcome.json<{update?: LastUpdate}>().update : undefined;
    return last !== undefined && last.state !== 'running';
  });
  return last!;
}

test('an older agent is shown, refused while it must not be, updated, and answers under the same pin', async t => {
  const world = createWorld(t);
  const server = await oldServer(world, null);
  const {fingerprint} = server.address;

  const doctor = await world.lockstep('doctor', '--json');
  t.regex(doctor.stdout, /its agent is version 0\.0\.9, older than this console/);
  t.regex(doctor.stdout, /lockstep server update old/);
  t.is((await check(world)).version, oldVersion);

  const refused = async (...options: string[]) => {
    const outcome = await world.lockstep('server', 'update', 'old', '--yes', '--json', ...options);
    return [outcome.exitCode, outcome.error().code, outcome.error().message] as const;
  };
  t.deepEqual((await refused()).slice(0, 2), [64, 'UPDATE_NOT_CONFIGURED']);
  // Read anew when it is asked for.
  allow(server, {});
  t.deepEqual((await refused()).slice(0, 2), [7, 'SIGNATURE_REFUSED']);
  allow(server, {allowUnsigned: true});
  await world.pair(server, 'operate');
  t.deepEqual((await refused()).slice(0, 2), [7, 'ROLE_REFUSED']);
  await world.pair(server, 'admin');

  // A run that holds the site.
  await server.stop();
  const lease = path.join(server.data, 'sites/main/lease.json');
  new Lease({file: lease, site: 'main'}).take('20260101-000000-abcdef', 'somebody');
  await server.start();
  const [exitCode, code, message] = await refused();
  t.deepEqual([exitCode, code], [6, 'SITE_BUSY']);
  t.regex(message, /20260101-000000-abcdef/);
  await server.stop();
  new Lease({file: lease, site: 'main'}).release('20260101-000000-abcdef');
  await server.start();

  // A new version that does not start: the old one runs again, and the operator is told.
  const broken = path.join(world.folder, 'broken');
  await installProgram(broken, '0.2.0', folder =>
    writeFileSync(path.join(folder, 'dist/program/main.js'), 'throw new Error("broken on purpose");\n'),
  );
  await world.must('release', 'add', broken, '--name', 'lockstep-agent', '--version', '0.2.0');
  const failed = await refused('--release', 'lockstep-agent-0.2.0');
  t.deepEqual(failed.slice(0, 2), [1, 'SERVICE_FAILED']);
  t.regex(failed[2], /version 0\.0\.9 runs.*broken on purpose/s);
  t.is((await check(world)).version, oldVersion);
  t.true(server.isRunning);

  const {pid} = server;
  const updated = await world.must('server', 'update', 'old', '--yes', '--json');
  const {update} = updated.json<{update: {state: string; from: string; to: string}}>();
  t.deepEqual([update.state, update.from, update.to], ['done', oldVersion, version]);
  t.is((await check(world)).version, version);
  t.is(server.pid, pid);
  t.true(server.isRunning, 'whoever watches the process has seen no end');
  const servers = (await world.must('server', 'list', '--json')).json<{servers: {fingerprint: string}[]}>();
  t.is(servers.servers[0]?.fingerprint, fingerprint);
  t.is((await refused())[1], 'RELEASE_REFUSED');

  // The installed launcher starts what the agent was updated to, also after a stop.
  await server.stop();
  await server.start();
  t.is((await check(world)).version, version);
});

test('while an agent is updated nothing else begins there, and what is added to agent.json waits', async t => {
  const world = createWorld(t);
  const server = await oldServer(world);
  const other = await world.server('other');
  await world.relate('web', other, server, 'upload');
  await server.stop();
  await server.start({LOCKSTEP_HOLD: '@agent=update.stop.begun'});
  const updating = world.lockstep('server', 'update', 'old', '--yes', '--json');
  await eventually('the update waits', () => server.heldLog.includes('@agent'));

  const run = await world.lockstep('relationship', 'initial-sync', 'web', '--yes', '--json');
  t.is(run.exitCode, 6, String(run));
  t.regex(
    run.summary().error!.message,
    /The agent that hosts site main is itself being updated by update \S+ of /,
  );
  const restore = await world.lockstep('backup', 'create', 'old/main', '--json');
  t.not(restore.exitCode, 0);
  const file = path.join(server.data, 'agent.json');
  const json = JSON.parse(readFileSync(file, 'utf8')) as {sites: Record<string, object>};
  const root = path.join(world.folder, 'second');
  mkdirSync(root);
  writeFileSync(file, JSON.stringify({...json, sites: {...json.sites, second: {root}}}));
  const dryRun = await world.must('server', 'update', 'old', '--dry-run', '--json');
  t.like(dryRun.json(), {version: oldVersion, older: true, update: {state: 'running', to: version}});

  await server.kill();
  await server.start();
  t.is((await updating).exitCode, 0, String(await updating));
  t.is((await check(world)).version, version);
  const {sites} = JSON.parse(readFileSync(path.join(server.data, 'listening.json'), 'utf8')) as {
    sites: string[];
  };
  t.deepEqual(sites.sort(), ['main', 'second']);
  const after = await world.must('relationship', 'initial-sync', 'web', '--yes', '--json');
  t.is(after.summary().status, 'success');
});

test('an agent that hosts no site is updated as well', async t => {
  const world = createWorld(t);
  const server = await oldServer(world);
  await server.stop();
  server.removeSite('main');
  await server.start();
  t.is((await world.lockstep('server', 'update', 'old', '--yes', '--json')).exitCode, 0);
  t.is((await check(world)).version, version);
  t.deepEqual(readdirSync(path.join(server.data, 'program')).sort(), ['current', 'releases', 'updates']);
});

test('a new version that no console reaches is taken back by itself', async t => {
  const world = createWorld(t);
  const server = await oldServer(world, {allowUnsigned: true, timeout: '2s'});
  await server.stop();
  await server.start({LOCKSTEP_HOLD: '@agent=update.stop.begun'});
  const console = world.spawn(['server', 'update', 'old', '--yes', '--json']);
  await eventually('the update waits', () => server.heldLog.includes('@agent'));
  console.kill('SIGKILL');
  await server.kill();
  await server.start();
  const updates = path.join(server.data, 'program/updates');
  const [id] = readdirSync(updates);
  const journal = () => readFileSync(path.join(updates, id!, 'journal.ndjson'), 'utf8');
  await eventually('it is taken back', () => journal().includes('"type":"ended"'));
  t.regex(journal(), /no console has reached it/);
  t.is((await ended(world)).state, 'rolled-back');
  t.is((await check(world)).version, oldVersion);
  t.true(server.isRunning);
});
