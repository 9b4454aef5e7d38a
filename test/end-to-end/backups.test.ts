import {readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {createWorld, eventually, type TestServer, type World} from '../helpers/lockstep.js';

type Backup = {name: string; at: string; by: string; runId?: string; state: string};

const schema =
  "CREATE TABLE page (id INTEGER PRIMARY KEY, title TEXT NOT NULL); INSERT INTO page VALUES (1, 'first'), (2, 'second')";

async function backupsOf(world: World, server: TestServer): Promise<Backup[]> {
  return (await world.must('backup', 'list', server.siteAddress, '--json')).json<{backups: Backup[]}>()
    .backups;
}

test('backups: before an initial sync, before every run, by hand, restored by hand and by a run that fails', async t => {
  const world = createWorld(t);
  const [local, remote] = await Promise.all([
    world.unpairedServer('here', {schema, files: {'a.html': 'a'}}),
    world.unpairedServer('there', {
      schema: 'CREATE TABLE page (id INTEGER PRIMARY KEY, title TEXT NOT NULL)',
    }),
  ]);
  await world.pair(local);
  await world.pair(remote);
  await world.relate('pair', local, remote, 'upload');

  // agent.json names the folder; the running agent follows.
  const folder = path.join(world.folder, 'kept');
  const agentJson = path.join(remote.data, 'agent.json');
  const configuration = JSON.parse(readFileSync(agentJson, 'utf8'));
  configuration.sites.main.backup = {folder, keep: 3, maxAge: '30d'};
  writeFileSync(agentJson, JSON.stringify(configuration));
  await eventually('the agent knows the folder', async () => {
    // The site is closed for a moment while it is opened anew.
    const listed = await world.lockstep('backup', 'list', remote.siteAddress, '--json');
    return listed.exitCode === 0 && listed.json<{folder: string}>().folder === folder;
  });

  // An initial sync overwrites: backed up because a profile says so.
  await world.profile('pair/all', '--backup', 'initial');
  await world.initialSync('pair');
  const [initial, ...none] = await backupsOf(world, remote);
  t.regex(initial!.name, /^content\d{17}\.lockstep\.bak$/);
  t.deepEqual(none, []);
  t.deepEqual(readdirSync(folder), [initial!.name]);
  t.deepEqual(await backupsOf(world, local), []);
  local.site.sql("UPDATE page SET title = 'one' WHERE id = 1");
  await world.run('pair/all');
  t.is((await backupsOf(world, remote)).length, 1, 'an ordinary run of such a profile makes none');

  // Every run that changes rows, at the side where it does; none where only files come.
  await world.must('profile', 'edit', 'pair/all', '--backup', 'every-run');
  local.site.sql("UPDATE page SET title = 'two' WHERE id = 1");
  await remote.stop();
  await remote.start({LOCKSTEP_FAULT: 'backup.noted'});
  const running = world.run('pair/all');
  // The agent dies before the backup has its name; it is made anew when the run asks again.
  await remote.ended();
  await remote.start();
  const run = await running;
  t.like((await backupsOf(world, remote))[0], {runId: run.runId, state: 'good'});
  t.deepEqual(await backupsOf(world, local), []);
  local.site.write('a.html', 'b', 10);
  await world.run('pair/all');
  t.is((await backupsOf(world, remote)).length, 2);

  // By hand, and the retention.
  const byHand = (await world.must('backup', 'create', remote.siteAddress, '--json')).json<Backup>();
  t.is(byHand.runId === undefined, false);
  const saved = remote.site.tables();
  remote.site.sql("DELETE FROM page WHERE id = 2; INSERT INTO page VALUES (7, 'typed there')");
  const unconfirmed = await world.lockstep('backup', 'restore', remote.siteAddress, byHand.name, '--json');
  t.is(unconfirmed.exitCode, 64);
  t.is(unconfirmed.error().code, 'ANSWER_MISSING');
  const confirmed = ['--yes', '--confirm', 'main', '--json'];
  const unknown = await world.lockstep(
    'backup',
    'restore',
    remote.siteAddress,
    'x.lockstep.bak',
    ...confirmed,
  );
  t.is(unknown.exitCode, 64);
  const restored = await world.must('backup', 'restore', remote.siteAddress, byHand.name, ...confirmed);
  t.deepEqual(remote.site.tables(), saved);
  const {before} = restored.json<{before: string}>();
  t.deepEqual((await backupsOf(world, remote)).map(({name}) => name).slice(0, 2), [before, byHand.name]);
  t.is((await backupsOf(world, remote)).length, 3);
  // Both sides are alike still, so that a run has nothing to do.
  t.is((await world.run('pair/all')).applied, 0);

  // A run that fails after the first side has committed takes it back.
  local.site.sql("UPDATE page SET title = 'from here' WHERE id = 1");
  remote.site.sql("UPDATE page SET title = 'from there' WHERE id = 2");
  const [here, there] = [local.site.tables(), remote.site.tables()];
  const peers = (await local.lockstep('agent', 'peers', '--json')).json<{
    peers: {fingerprint: string; role: string}[];
  }>().peers;
  const console = peers.find(({role}) => role === 'admin')!;
  await local.stop();
  await local.start({LOCKSTEP_FAULT: 'commit.begun'});
  // The other agent dies as well, right after it has put its backup back: nobody gets its answer.
  await remote.stop();
  await remote.start({LOCKSTEP_FAULT: 'restore.replaced'});
  const failing = world.lockstep('run', 'pair/all', '--json');
  await local.ended();
  await local.lockstep('agent', 'revoke', console.fingerprint);
  await local.start();
  await remote.ended();
  await remote.start();
  const outcome = await failing;
  t.is(outcome.exitCode, 1, String(outcome));
  t.like(outcome.summary(), {status: 'restored', applied: 0, error: {code: 'IDENTITY_REFUSED'}});
  t.deepEqual(remote.site.tables(), there);
  t.deepEqual(local.site.tables(), here);

  // The next run, allowed again, does what that one could not.
  const certificate = path.join(world.folder, 'console.pem');
  await world.must('cert', 'export', certificate, '--home', world.home);
  await local.lockstep('cert', 'trust', certificate, '--role', 'admin');
  // The lease that the failed run could not give back would run out by itself, in fifteen seconds.
  await local.stop();
  rmSync(path.join(local.data, 'sites/main/lease.json'), {force: true});
  await local.start();
  t.like(await world.run('pair/all'), {status: 'success', applied: 2});
  t.deepEqual(remote.site.tables(), local.site.tables());
});
