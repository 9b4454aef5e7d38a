import test from 'ava';
import {hasServer} from '../helpers/database-server.js';
import {
  createWorld,
  eventually,
  type PreviewDocument,
  type RunSummaryLine,
  type TestServer,
  type World,
} from '../helpers/lockstep.js';

const tables = `CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT);`;
const rows = `INSERT INTO pages VALUES (1, 'One'), (2, 'Two'), (3, 'Three');`;

type ClusterSummary = RunSummaryLine & {
  members: {member: string; status: string; applied: number; error?: {code: string}}[];
};

/** A cluster is the same on every engine; this one tries it on PostgreSQL, the live sync on MariaDB. */
const engine = (await hasServer('postgres')) ? ({engine: 'postgres'} as const) : {};

/** A staging site and a cluster of three; the second and the third member work on one database. */
async function clusterOf(world: World): Promise<[TestServer, TestServer, TestServer, TestServer]> {
  const staging = await world.server('staging', {
    ...engine,
    schema: tables + rows,
    files: {'assets/a.html': 'a', 'assets/b.html': 'b', 'bin/c': 'c'},
  });
  const one = await world.server('one', {...engine, schema: tables});
  const two = await world.server('two', {...engine, schema: tables});
  const three = await world.server('three', {databaseOf: two.site});
  await world.must('cluster', 'create', 'live', '--members', 'one/main, two/main,three/main');
  await world.must(
    ...['relationship', 'create', 'up', '--local', 'staging/main', '--remote', 'live', '--initial', 'upload'],
  );
  return [staging, one, two, three];
}

function assertAlike(t: import('ava').ExecutionContext, servers: readonly TestServer[]): void {
  const [first, ...others] = servers as [TestServer, ...TestServer[]];
  for (const other of others) {
    t.deepEqual(other.site.files(), first.site.files());
    t.deepEqual(other.site.tables(), first.site.tables());
  }
}

test('E23: a cluster gets all changes, from any member; one that is down is named and caught up', async t => {
  const world = createWorld(t);
  const servers = await clusterOf(world);
  const [staging, one, two, three] = servers;

  // A member that is away at the initial sync becomes a mirror with the next run.
  await three.stop();
  const dry = await world.lockstep('relationship', 'initial-sync', 'up', '--dry-run', '--json');
  const planned = dry.json<PreviewDocument & {missing: {member: string}[]}>();
  t.deepEqual([...new Set(planned.actions.map(({member}) => member))].sort(), ['one/main', 'two/main']);
  t.deepEqual(
    planned.missing.map(({member}) => member),
    ['three/main'],
  );
  const initial = await world.lockstep('relationship', 'initial-sync', 'up', '--yes', '--json');
  t.is(initial.exitCode, 3, String(initial));
  const first = initial.summary() as ClusterSummary;
  t.is(first.status, 'warning');
  t.is(first.error?.code, 'MEMBER_FAILED');
  t.true(first.error?.message.includes('three/main'));
  t.deepEqual(
    first.members.map(({member, status}) => [member, status]),
    [
      ['one/main', 'success'],
      ['two/main', 'success'],
      ['three/main', 'failed'],
    ],
  );
  assertAlike(t, [staging, one, two]);
  const {stdout} = await world.lockstep('doctor');
  for (const name of ['one', 'two', 'three'])
    t.regex(stdout, new RegExp(`relationship up with ${name}/main`));
  await three.start();
  await world.must('server', 'check', 'three');
  await world.profile('up/all');
  const caughtUp = (await world.run('up/all')) as ClusterSummary;
  t.is(caughtUp.status, 'success');
  // The rows came to its database with the second member.
  assertAlike(t, servers);
  t.like(await world.run('up/all'), {applied: 0, conflicts: 0, skipped: 0, bytes: 0});

  // Upward to all; the shared database is written once.
  staging.site.write('assets/new.html', 'new');
  staging.site.sql(`UPDATE pages SET title = 'staging' WHERE id = 1`);
  const preview = await world.preview('up/all');
  t.deepEqual(
    preview.actions.map(({side, member, kind, item}) => [side, member, kind, item.path ?? item.key?.[0]]),
    [
      ['remote', 'one/main', 'create', 'assets/new.html'],
      ['remote', 'two/main', 'create', 'assets/new.html'],
      ['remote', 'three/main', 'create', 'assets/new.html'],
      ['remote', 'one/main', 'update', '1'],
      ['remote', 'two/main', 'update', '1'],
    ],
  );
  t.like(await world.run('up/all'), {status: 'success', applied: 5, total: 5});
  assertAlike(t, servers);

  // Changes of several members, and a conflict with one: decided once, and everybody has the same.
  one.site.write('assets/a.html', 'from one');
  three.site.write('assets/b.html', 'from three', 5);
  staging.site.write('assets/b.html', 'from staging');
  two.site.sql(`INSERT INTO pages VALUES (4, 'from two')`);
  const apart = servers.map(({site}) => ({files: site.files(), tables: site.tables()}));
  const seen = await world.preview('up/all');
  t.is(seen.counts.conflicts, 1);
  t.is(seen.counts.local.create + seen.counts.local.update, 2);
  const plan = `${world.folder}/plan.json`;
  await world.preview('up/all', '--out', plan);
  const merged = (await world.run('up/all', ['--plan', plan])) as ClusterSummary;
  t.like(merged, {status: 'success', conflicts: 1, skipped: 0});
  t.is(merged.applied, seen.actions.length);
  assertAlike(t, servers);
  t.is(one.site.read('assets/b.html'), 'from staging');
  t.is(staging.site.read('assets/a.html'), 'from one');
  t.like(await world.run('up/all'), {applied: 0, conflicts: 0, bytes: 0});
  t.is((await world.lockstep('run', 'up/all', '--plan', plan, '--json')).exitCode, 8);

  // Undone, every member has its own again and keeps it; redone, everybody has the same (X2).
  const undo = (await world.must('runs', 'undo', merged.runId, '--json')).summary();
  t.like(undo, {status: 'success', applied: merged.applied, skipped: 0});
  t.deepEqual(
    servers.map(({site}) => ({files: site.files(), tables: site.tables()})),
    apart,
  );
  t.like(await world.run('up/all'), {applied: 0, conflicts: 0, skipped: 0, bytes: 0});
  t.like((await world.must('runs', 'redo', merged.runId, '--json')).summary(), {status: 'success'});
  assertAlike(t, servers);
  t.like(await world.run('up/all'), {applied: 0, conflicts: 0, skipped: 0, bytes: 0});

  // The first member is down: the others go on, the run and its log name it, the next run catches it up.
  await one.stop();
  staging.site.write('assets/later.html', 'later');
  const partly = (await world.run('up/all', [], 3)) as ClusterSummary;
  t.is(partly.members[0]?.error?.code, 'UNREACHABLE');
  t.true(two.site.has('assets/later.html') && three.site.has('assets/later.html'));
  const shown = (await world.must('runs', 'show', partly.runId, '--json')).json<ClusterSummary>();
  t.is(shown.members[0]?.status, 'failed');
  const refused = await world.lockstep('cluster', 'delete', 'live', '--json');
  t.is(refused.exitCode, 64);
  t.true(refused.error().message.includes('up'));
  await one.start();
  t.like(await world.run('up/all'), {status: 'success', applied: 1});
  assertAlike(t, servers);

  // A selection goes to every member, what it needs with it and nothing else (E20).
  await world.profile('up/upload', '--direction', 'upload');
  staging.site.write('assets/chosen.html', 'chosen');
  staging.site.write('assets/unchosen.html', 'unchosen');
  const select = ['--select', 'file:assets/chosen.html'];
  t.like(await world.run('up/upload', select), {status: 'success', applied: 3, total: 3});
  for (const {site} of [one, two, three])
    t.deepEqual([site.has('assets/chosen.html'), site.has('assets/unchosen.html')], [true, false]);
  t.like(await world.run('up/upload', select), {applied: 0});

  // A member dies in the middle of its commit: nothing of it is half done, and the next run brings it up to date.
  await two.stop();
  await two.start({LOCKSTEP_FAULT: 'commit.files-applied'});
  staging.site.sql(`UPDATE pages SET title = 'while two died' WHERE id = 2`);
  const broken = (await world.run('up/all', [], 3)) as ClusterSummary;
  t.is(broken.members.find(({member}) => member === 'one/main')?.status, 'success');
  t.is(broken.members.find(({member}) => member === 'two/main')?.status, 'failed');
  await two.ended();
  await two.start();
  // What the broken run held there is free when its lease ends.
  await eventually('the next run', async () => {
    const outcome = await world.lockstep('run', 'up/all', '--json');
    if (outcome.exitCode !== 6) t.like(outcome.summary(), {status: 'success', conflicts: 0, skipped: 0});
    return outcome.exitCode !== 6;
  });
  assertAlike(t, servers);
  t.like(await world.run('up/all'), {applied: 0, conflicts: 0, skipped: 0, bytes: 0});
});

test('E27: files and database on different servers, with a profile for each', async t => {
  const world = createWorld(t);
  const staging = await world.server('staging', {
    schema: tables + rows,
    files: {'assets/a.html': 'a', 'templates/t.html': 't'},
  });
  // The database server has no files of the site, the web server no database.
  const data = await world.server('data', {
    schema: tables,
    agentJson: {groups: {database: {database: true}, templates: {}, workarea: {}, bin: {}}},
  });
  const web = await world.server('web', {
    agentJson: {groups: {database: {include: ['assets/**']}}},
  });
  await world.relate('rows', staging, data, 'upload');
  await world.initialSync('rows');
  await world.relate('files', staging, web, 'upload');
  await world.profile('rows/all', '--items', 'database', '--direction', 'upload');
  await world.profile('files/all', '--items', 'database,templates', '--direction', 'upload');
  staging.site.sql(`UPDATE pages SET title = 'Two 2' WHERE id = 2`);
  t.like(await world.run('rows/all'), {status: 'success', applied: 1});
  t.like(await world.run('files/all'), {status: 'success', skipped: 0});
  t.deepEqual(data.site.tables(), staging.site.tables());
  t.false(data.site.has('assets'));
  t.deepEqual(web.site.files(), staging.site.files());
  for (const profile of ['rows/all', 'files/all'])
    t.like(await world.run(profile), {status: 'success', applied: 0, bytes: 0});
});
