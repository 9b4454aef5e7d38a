import test from 'ava';
import {createWorld, type TestServer, type World} from '../helpers/lockstep.js';

const tables = `CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT NOT NULL);`;
const rows = `INSERT INTO pages VALUES (1, 'One'), (2, 'Two'), (3, 'Three');`;

async function twoSites(world: World, policy: string): Promise<{local: TestServer; remote: TestServer}> {
  const pair = await world.pairOfServers(
    {schema: tables + rows, files: {'assets/a.html': 'base', 'assets/b.html': 'base'}},
    {schema: tables},
  );
  await world.profile('pair/all', '--policy', policy);
  await world.run('pair/all');
  return pair;
}

type History = {entries: {action: string; item: unknown; restorable: boolean; runId: string; side: string}[]};

for (const policy of ['local-wins', 'remote-wins'] as const)
  test.serial(
    `E10: ${policy} decides a file and a row that both sides changed; the loser is in history`,
    async t => {
      const world = createWorld(t);
      const {local, remote} = await twoSites(world, policy);
      local.site.write('assets/a.html', 'local');
      remote.site.write('assets/a.html', 'remote');
      local.site.sql(`UPDATE pages SET title = 'local' WHERE id = 1`);
      remote.site.sql(`UPDATE pages SET title = 'remote' WHERE id = 1`);

      const winner = policy === 'local-wins' ? 'local' : 'remote';
      const loser = winner === 'local' ? 'remote' : 'local';
      const {actions, counts} = await world.preview('pair/all');
      t.is(counts.conflicts, 2);
      t.deepEqual(
        actions.map(({kind, side, winner}) => ({kind, side, winner})),
        [
          {kind: 'conflict', side: loser, winner},
          {kind: 'conflict', side: loser, winner},
        ],
      );
      const summary = await world.run('pair/all');
      t.like(summary, {status: 'success', applied: 2, conflicts: 2, skipped: 0});
      t.is(local.site.read('assets/a.html'), winner);
      t.deepEqual(local.site.rows('SELECT title FROM pages WHERE id = 1'), [[winner]]);
      t.deepEqual(local.site.files(), remote.site.files());
      t.deepEqual(local.site.tables(), remote.site.tables());

      const lost = winner === 'local' ? remote : local;
      for (const item of ['assets/a.html', 'pages:1']) {
        const {entries} = (
          await world.must('history', 'list', lost.siteAddress, item, '--json')
        ).json<History>();
        t.like(entries[0], {action: 'update', restorable: true, runId: summary.runId, side: loser}, item);
      }
      t.like(await world.run('pair/all'), {applied: 0, conflicts: 0, bytes: 0});
    },
  );

for (const policy of ['local-wins', 'remote-wins'] as const)
  test.serial(`E10: ${policy} decides a deletion against a change`, async t => {
    const world = createWorld(t);
    const {local, remote} = await twoSites(world, policy);
    local.site.remove('assets/a.html');
    remote.site.write('assets/a.html', 'remote');
    local.site.sql('DELETE FROM pages WHERE id = 1');
    remote.site.sql(`UPDATE pages SET title = 'remote' WHERE id = 1`);
    t.like(await world.run('pair/all'), {status: 'success', applied: 2, conflicts: 2});
    const stays = policy === 'remote-wins';
    t.is(local.site.has('assets/a.html'), stays);
    t.is(local.site.rows('SELECT * FROM pages WHERE id = 1').length, stays ? 1 : 0);
    t.deepEqual(local.site.files(), remote.site.files());
    t.deepEqual(local.site.tables(), remote.site.tables());
    t.like(await world.run('pair/all'), {applied: 0, conflicts: 0});
  });

test.serial('the same change on both sides is no conflict', async t => {
  const world = createWorld(t);
  const {local, remote} = await twoSites(world, 'local-wins');
  for (const {site} of [local, remote]) {
    site.write('assets/a.html', 'same');
    site.sql(`UPDATE pages SET title = 'same' WHERE id = 2`);
    site.sql(`INSERT INTO pages VALUES (4, 'new')`);
  }
  t.like(await world.run('pair/all'), {status: 'success', conflicts: 0, bytes: 0});
  t.like(await world.run('pair/all'), {applied: 0});
});

test.serial(
  'a folder that became a file on one side while the other added to it is one conflict',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers({files: {'d/x.html': 'x', 'd/y.html': 'y'}});
    await world.profile('pair/all', '--items', 'templates', '--max-delete', '100%');
    await world.run('pair/all');
    local.site.remove('d');
    local.site.write('d', 'a file now');
    remote.site.write('d/x.html', 'changed there');
    const {counts} = await world.preview('pair/all');
    t.is(counts.conflicts, 1);
    t.like(await world.run('pair/all'), {status: 'success', conflicts: 1});
    t.is(remote.site.read('d'), 'a file now');
    t.deepEqual(local.site.files(), remote.site.files());
  },
);

test.serial('an addition survives the deletion of its folder on the other side', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({
    files: {'d/x.html': 'x', 'd/y.html': 'y', 'e.html': 'e', 'f.html': 'f'},
  });
  await world.profile('pair/all', '--items', 'templates', '--max-delete', '100%');
  await world.run('pair/all');
  local.site.remove('d');
  remote.site.write('d/new.html', 'new');
  await world.run('pair/all');
  t.is(local.site.read('d/new.html'), 'new');
  t.false(local.site.has('d/x.html'));
  t.deepEqual(local.site.files(), remote.site.files());
});
