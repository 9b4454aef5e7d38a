import test from 'ava';
import {type Engine, engines, usableEngines} from '../helpers/database-server.js';
import {createWorld, type RunSummaryLine, type TestServer, type World} from '../helpers/lockstep.js';

const tables = `CREATE TABLE pages (id INTEGER PRIMARY KEY, title VARCHAR(100));`;
const rows = `INSERT INTO pages VALUES (1, 'One'), (2, 'Two'), (3, 'Three');`;

async function threeServers(world: World, engine: Engine): Promise<TestServer[]> {
  const at = engine === 'sqlite' ? {} : {engine};
  const development = await world.server('development', {...at, schema: tables});
  const staging = await world.server('staging', {...at, schema: tables});
  const production = await world.server('production', {
    ...at,
    schema: tables + rows,
    files: {'assets/a.html': 'a', 'assets/b.html': 'b'},
  });
  // Production is downloaded to staging, staging to development; changes travel up later (E3).
  await world.relate('up', staging, production, 'download');
  await world.initialSync('up');
  await world.relate('down', development, staging, 'download');
  await world.initialSync('down');
  for (const name of ['up', 'down']) await world.profile(`${name}/all`);
  return [development, staging, production];
}

function assertEqual(t: import('ava').ExecutionContext, servers: readonly TestServer[]): void {
  const [first, ...others] = servers as [TestServer, ...TestServer[]];
  for (const other of others) {
    t.deepEqual(other.site.files(), first.site.files());
    t.deepEqual(other.site.tables(), first.site.tables());
  }
}

const usable = await usableEngines();
for (const engine of engines) {
  const scenario = usable.has(engine) ? test.serial : test.serial.skip;
  scenario(
    `E3: three servers in a row on ${engine}: changes made on any reach all, without false conflict or echo`,
    async t => {
      const world = createWorld(t);
      const servers = await threeServers(world, engine);
      const [development, staging, production] = servers as [TestServer, TestServer, TestServer];
      await world.run('up/all');
      await world.run('down/all');
      development.site.write('assets/dev.html', 'dev');
      development.site.sql(`UPDATE pages SET title = 'dev' WHERE id = 1`);
      staging.site.write('assets/a.html', 'staging');
      staging.site.sql(`INSERT INTO pages VALUES (4, 'staging')`);
      production.site.remove('assets/b.html');
      production.site.sql(`DELETE FROM pages WHERE id = 3`);

      for (const profile of ['down/all', 'up/all', 'down/all'])
        t.like(await world.run(profile, ['--max-delete', '100%']), {
          status: 'success',
          conflicts: 0,
          skipped: 0,
        });
      assertEqual(t, servers);
      t.deepEqual(production.site.rows('SELECT title FROM pages ORDER BY id'), [
        ['dev'],
        ['Two'],
        ['staging'],
      ]);
      for (const profile of ['up/all', 'down/all', 'up/all'])
        t.like(await world.run(profile), {status: 'success', applied: 0, conflicts: 0, bytes: 0});

      // A later change of what came from elsewhere is still no conflict.
      staging.site.write('assets/dev.html', 'edited at staging');
      production.site.sql(`UPDATE pages SET title = 'edited at production' WHERE id = 1`);
      for (const profile of ['up/all', 'down/all'])
        t.like(await world.run(profile), {status: 'success', conflicts: 0});
      assertEqual(t, servers);
    },
  );

  scenario(
    `E3: a ring of three servers on ${engine} comes to rest, without false conflict or echo`,
    async t => {
      const world = createWorld(t);
      const servers = await threeServers(world, engine);
      const [development, , production] = servers as [TestServer, TestServer, TestServer];
      await world.relate('ring', development, production, 'download');
      await world.profile('ring/all');
      const round = ['up/all', 'down/all', 'ring/all'];
      for (const profile of round) t.like(await world.run(profile), {status: 'success', conflicts: 0});
      development.site.write('assets/dev.html', 'dev');
      development.site.sql(`UPDATE pages SET title = 'dev' WHERE id = 1`);
      production.site.sql(`UPDATE pages SET title = 'production' WHERE id = 2`);
      for (const profile of [...round, ...round])
        t.like(await world.run(profile), {status: 'success', conflicts: 0, skipped: 0});
      assertEqual(t, servers);
      for (const profile of round) t.like(await world.run(profile), {applied: 0, conflicts: 0, bytes: 0});
    },
  );
}

test.serial('E24: one agent hosts several sites, each with relationships of its own', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({files: {'a.html': 'a'}});
  await world.profile('pair/all', '--items', 'templates');
  const {TestSite} = await import('../helpers/test-site.js');
  const [one, two] = [local, remote].map(
    server => new TestSite(`${world.folder}/second-${server.name}`, {}),
  ) as [InstanceType<typeof TestSite>, InstanceType<typeof TestSite>];
  one.write('second.html', 'second');
  for (const [server, site] of [
    [local, one],
    [remote, two],
  ] as const) {
    // The running agent serves it at once, and what it served before goes on.
    const added = await server.lockstep(
      ...['agent', 'site', 'add', 'second', '--root', site.root, '--site-version', '1', '--json'],
    );
    t.like(added.json(), {site: 'second', added: true, served: true});
  }
  await world.must(
    ...[
      'relationship',
      'create',
      'second',
      '--local',
      'here/second',
      '--remote',
      'there/second',
      '--initial',
      'upload',
    ],
  );
  await world.profile('second/all', '--items', 'templates');
  await Promise.all([world.run('pair/all'), world.run('second/all')]);
  t.is(two.read('second.html'), 'second');
  t.false(remote.site.has('second.html'));
  t.true(remote.site.has('a.html'));

  const peerAt = async (server: TestServer) =>
    (await server.lockstep('agent', 'peers', '--json'))
      .json<{peers: {role: string; sites: string[]; outbound?: string[]}[]}>()
      .peers.find(({role}) => role === 'peer');
  t.deepEqual((await peerAt(remote))?.sites, ['main', 'second']);
  t.deepEqual((await peerAt(local))?.outbound, ['main', 'second']);
  await world.must('relationship', 'delete', 'second', '--yes');
  t.deepEqual((await peerAt(remote))?.sites, ['main']);
  t.deepEqual((await peerAt(local))?.outbound, ['main']);
  await world.must('relationship', 'delete', 'pair', '--yes');
  t.deepEqual([await peerAt(local), await peerAt(remote)], [undefined, undefined]);
});

test.serial('E26: different site versions stop the run before anything changes', async t => {
  const world = createWorld(t);
  const here = await world.server('here', {files: {'a.html': 'a'}, version: '1'});
  const there = await world.server('there', {version: '2'});
  await world.relate('pair', here, there, 'upload');
  await world.profile('pair/all', '--items', 'templates');
  const refused = await world.run('pair/all', [], 8);
  t.like(refused, {status: 'refused', applied: 0, error: {code: 'VERSION_DIFFERS'}});
  t.false(there.site.has('a.html'));
  const log = (await world.must('runs', 'show', refused.runId, '--json')).json<RunSummaryLine>();
  t.like(log, {status: 'refused', error: {code: 'VERSION_DIFFERS'}});
});
