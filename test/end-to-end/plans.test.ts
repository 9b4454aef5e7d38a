import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {createWorld} from '../helpers/lockstep.js';

const tables = `CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT);`;
const rows = `INSERT INTO pages VALUES (1, 'One'), (2, 'Two');`;

test.serial('X2: a saved plan is run exactly as it was seen, once', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {schema: tables + rows, files: {'assets/a.html': 'a'}},
    {schema: tables},
  );
  await world.profile('pair/all');
  await world.run('pair/all');
  const plan = path.join(world.folder, 'plan.json');
  local.site.write('planned.html', 'planned');
  local.site.sql(`UPDATE pages SET title = 'planned' WHERE id = 1`);
  const preview = await world.preview('pair/all', '--out', plan);
  t.is(preview.actions.length, 2);
  // What the plan does not mention is left alone.
  local.site.write('later.html', 'later');
  remote.site.sql(`UPDATE pages SET title = 'later' WHERE id = 2`);
  t.like(await world.run('pair/all', ['--plan', plan]), {status: 'success', applied: 2});
  t.is(remote.site.read('planned.html'), 'planned');
  t.false(remote.site.has('later.html'));
  t.deepEqual(local.site.rows('SELECT title FROM pages ORDER BY id'), [['planned'], ['Two']]);

  const again = await world.run('pair/all', ['--plan', plan], 8);
  t.like(again, {status: 'refused', applied: 0});
  t.is(again.error?.code, 'STALE_PLAN');
  t.like(await world.run('pair/all'), {status: 'success', applied: 2});
  t.deepEqual(local.site.tables(), remote.site.tables());
  t.deepEqual(local.site.files(), remote.site.files());
});

for (const [what, move] of [
  ['file at the source', (local: Site) => local.write('a.html', 'moved on')],
  ['file at the destination', (_: Site, remote: Site) => remote.write('a.html', 'moved on')],
  ['row at the source', (local: Site) => local.sql(`UPDATE pages SET title = 'moved on' WHERE id = 1`)],
  ['row at the destination', (_: Site, remote: Site) => remote.sql(`DELETE FROM pages WHERE id = 1`)],
] as const)
  test.serial(`X2: a plan is refused with 8, as a whole, when a ${what} has changed since`, async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers(
      {schema: tables + rows, files: {'assets/x.html': 'x'}},
      {schema: tables},
    );
    await world.profile('pair/all');
    await world.run('pair/all');
    const plan = path.join(world.folder, 'plan.json');
    local.site.write('a.html', 'planned');
    local.site.write('b.html', 'planned');
    local.site.sql(`UPDATE pages SET title = 'planned' WHERE id = 1`);
    await world.preview('pair/all', '--out', plan);
    move(local.site, remote.site);
    const refused = await world.run('pair/all', ['--plan', plan], 8);
    t.like(refused, {status: 'refused', applied: 0});
    t.is(refused.error?.code, 'STALE_PLAN');
    t.false(remote.site.has('b.html'));
  });

type Site = import('../helpers/test-site.js').TestSite;

test.serial('X2: a plan of another profile, a changed one and no plan at all are told apart', async t => {
  const world = createWorld(t);
  const {local} = await world.pairOfServers({files: {'a.html': 'a', 'bin/x.js': 'x'}});
  await world.profile('pair/one', '--items', 'templates');
  await world.profile('pair/two', '--items', 'bin');
  await world.run('pair/one');
  await world.run('pair/two');
  local.site.write('b.html', 'b');
  const plan = path.join(world.folder, 'plan.json');
  await world.preview('pair/one', '--out', plan);
  t.not((await world.lockstep('run', 'pair/two', '--plan', plan, '--json')).exitCode, 0);

  const missing = await world.lockstep(
    'run',
    'pair/one',
    '--plan',
    path.join(world.folder, 'none.json'),
    '--json',
  );
  t.is(missing.exitCode, 64, String(missing));
  const broken = path.join(world.folder, 'broken.json');
  writeFileSync(broken, readFileSync(plan, 'utf8').slice(0, 100));
  t.is((await world.lockstep('run', 'pair/one', '--plan', broken, '--json')).exitCode, 64);

  await world.must('profile', 'edit', 'pair/one', '--exclude', 'b.*');
  t.is((await world.lockstep('run', 'pair/one', '--plan', plan, '--json')).exitCode, 8);
});

test.serial('run --dry-run is the preview', async t => {
  const world = createWorld(t);
  const {remote} = await world.pairOfServers({files: {'a.html': 'a'}});
  await world.profile('pair/all', '--items', 'templates');
  const dry = (await world.must('run', 'pair/all', '--dry-run', '--json')).json<{
    actions: unknown[];
    planHash: string;
  }>();
  t.is(dry.actions.length, 1);
  t.is(dry.planHash, (await world.preview('pair/all')).planHash);
  t.false(remote.site.has('a.html'));
});
