import test from 'ava';
import {residentMemory} from '../../bench/resident-memory.js';
import {createWorld, eventually, type TestServer, type World} from '../helpers/lockstep.js';

const tables = `CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT NOT NULL);`;
const rows = `INSERT INTO pages VALUES (1, 'One'), (2, 'Two'), (3, 'Three'), (4, 'Four');`;

type Direction = 'upload' | 'download';

/** Source and destination of a profile in that direction, in step to begin with. */
async function sites(
  world: World,
  direction: Direction,
  ...options: string[]
): Promise<{source: TestServer; destination: TestServer}> {
  const {local, remote} = await world.pairOfServers(
    {schema: tables + rows, files: {'assets/a.html': 'a', 'assets/b.html': 'b', 'assets/c.html': 'c'}},
    {schema: tables},
  );
  await world.profile('pair/way', '--direction', direction, ...options);
  await world.run('pair/way');
  return direction === 'upload' ? {source: local, destination: remote} : {source: remote, destination: local};
}

for (const direction of ['upload', 'download'] as const) {
  test.serial(`E11: ${direction} replaces a file only by a newer one`, async t => {
    const world = createWorld(t);
    const {source, destination} = await sites(world, direction);
    source.site.write('assets/a.html', 'newer at the source');
    destination.site.write('assets/b.html', 'newer at the destination');
    // Both changed: the later time decides.
    source.site.write('assets/c.html', 'older', -600);
    destination.site.write('assets/c.html', 'younger', -300);
    const summary = await world.run('pair/way');
    t.like(summary, {status: 'success', applied: 1, conflicts: 0, skipped: 0});
    t.is(destination.site.read('assets/a.html'), 'newer at the source');
    t.is(destination.site.read('assets/b.html'), 'newer at the destination');
    t.is(source.site.read('assets/b.html'), 'b');
    t.is(destination.site.read('assets/c.html'), 'younger');
    t.like(await world.run('pair/way'), {applied: 0, bytes: 0});
    for (const {name, pid} of [source, destination])
      await eventually(`the idle agent ${name} keeps less than 100 MiB in memory`, () => {
        const memory = residentMemory(pid);
        return memory === undefined || memory.now < 100;
      });
  });

  test.serial(
    `E11: ${direction} with --replace always makes the destination's files the source's`,
    async t => {
      const world = createWorld(t);
      const {source, destination} = await sites(world, direction, '--replace', 'always');
      destination.site.write('assets/b.html', 'changed at the destination');
      destination.site.remove('assets/c.html');
      destination.site.write('assets/own.html', 'was never at the source');
      t.like(await world.run('pair/way'), {status: 'success', applied: 2});
      t.is(destination.site.read('assets/b.html'), 'b');
      t.is(destination.site.read('assets/c.html'), 'c');
      t.true(destination.site.has('assets/own.html'));
      t.false(source.site.has('assets/own.html'));
    },
  );

  test.serial(`E11: ${direction} overwrites rows whatever happened at the destination`, async t => {
    const world = createWorld(t);
    const {source, destination} = await sites(world, direction);
    source.site.sql(
      `UPDATE pages SET title = 'source' WHERE id = 1; DELETE FROM pages WHERE id = 4; INSERT INTO pages VALUES (9, 'Nine')`,
    );
    destination.site.sql(
      `UPDATE pages SET title = 'destination' WHERE id IN (1, 2); DELETE FROM pages WHERE id = 3; INSERT INTO pages VALUES (8, 'own')`,
    );
    const before = source.site.tables();
    t.like(await world.run('pair/way'), {
      status: 'success',
      conflicts: 0,
      skipped: 0,
      applied: 5,
      deleted: 1,
    });
    t.deepEqual(source.site.tables(), before);
    t.deepEqual(destination.site.rows('SELECT id, title FROM pages ORDER BY id'), [
      [1n, 'source'],
      [2n, 'Two'],
      [3n, 'Three'],
      [8n, 'own'],
      [9n, 'Nine'],
    ]);
    t.like(await world.run('pair/way'), {applied: 0, bytes: 0});
  });
}

test.serial('E10: the first run of a file profile is bidirectional whatever its direction', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {files: {'here.html': 'here', 'both.html': 'local'}},
    {files: {'there.html': 'there', 'both.html': 'remote'}},
  );
  await world.profile('pair/up', '--items', 'templates', '--direction', 'upload');
  await world.run('pair/up');
  t.is(local.site.read('there.html'), 'there');
  t.is(remote.site.read('both.html'), 'local');
  t.deepEqual(local.site.files(), remote.site.files());
  remote.site.write('there.html', 'later', 10);
  t.like(await world.run('pair/up'), {applied: 0});
  t.is(local.site.read('there.html'), 'there');
});
