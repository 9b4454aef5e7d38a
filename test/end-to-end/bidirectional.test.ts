import {symlinkSync} from 'node:fs';
import test from 'ava';
import {createWorld} from '../helpers/lockstep.js';

const schema = `
  CREATE TABLE folders (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES folders (id), name TEXT NOT NULL);
  CREATE TABLE pages (id INTEGER PRIMARY KEY, folder INTEGER NOT NULL REFERENCES folders (id), slug TEXT NOT NULL UNIQUE,
    body, words INTEGER GENERATED ALWAYS AS (length(body)) VIRTUAL);
  CREATE TABLE members (team TEXT, person TEXT, rank REAL, PRIMARY KEY (team, person)) WITHOUT ROWID;
  INSERT INTO folders VALUES (1, NULL, 'Root'), (2, 1, 'News');
  INSERT INTO pages (id, folder, slug, body) VALUES (1, 1, 'a', 'A'), (2, 2, 'b', 'B'), (3, 2, 'c', 'C');
  INSERT INTO members VALUES ('x', 'one', 0.1), ('x', 'two', 2);
`;

test.serial(
  'E10: after a bidirectional run two sites are equal item by item; a second run applies 0 and moves nothing',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers(
      {schema, files: {'assets/base.bin': 'base'}},
      {schema: schema.replace(/INSERT[\s\S]*/, '')},
    );
    const [here, there] = [local.site, remote.site];
    await world.profile('pair/all');
    await world.run('pair/all');

    here.write('index.html', '<h1>Welcome</h1>');
    here.write('templates/deep/er/page.html', 'page');
    here.write('templates/empty/');
    here.write('bin/tool', new Uint8Array(100_000).fill(7));
    here.chmod('bin/tool', 0o755);
    symlinkSync('index.html', here.path('start.html'));
    there.write('workarea/menu.json', '{}');
    there.write('uploadedimages/ü 图 ".jpg', 'picture', -1000);
    there.write('assets/base.bin', 'changed there');
    here.sql(`
    INSERT INTO folders VALUES (10, 2, 'New'); INSERT INTO pages (id, folder, slug, body) VALUES (10, 10, 'new', x'00ff');
    UPDATE pages SET slug = 'tmp' WHERE id = 1; UPDATE pages SET slug = 'a' WHERE id = 2; UPDATE pages SET slug = 'b' WHERE id = 1;
    DELETE FROM pages WHERE id = 3;
  `);
    there.sql(`
    INSERT INTO members VALUES ('y', 'three 👍', 1e300), ('y', '', NULL);
    UPDATE members SET rank = 0.30000000000000004 WHERE person = 'one';
    UPDATE folders SET name = 'Neues' WHERE id = 2;
  `);

    const summary = await world.run('pair/all');
    t.like(summary, {status: 'success', skipped: 0, conflicts: 0});
    t.deepEqual(here.files(), there.files());
    t.deepEqual(here.tables(), there.tables());
    t.deepEqual(here.rows('SELECT id, slug FROM pages ORDER BY id'), [
      [1n, 'b'],
      [2n, 'a'],
      [10n, 'new'],
    ]);

    t.like(await world.run('pair/all'), {status: 'success', applied: 0, skipped: 0, total: 0, bytes: 0});
    t.deepEqual(here.files(), there.files());
    const {actions} = await world.preview('pair/all');
    t.deepEqual(actions, []);
  },
);

test.serial(
  'E13: a preview is read-only, says what changes where, and the same world gives the same hash',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers(
      {schema},
      {schema: schema.replace(/INSERT[\s\S]*/, '')},
    );
    await world.profile('pair/all');
    await world.run('pair/all');
    local.site.write('a.html', 'one\n');
    remote.site.sql(`UPDATE folders SET name = 'Neues' WHERE id = 2`);
    const before = [local.site.files(), remote.site.files(), local.site.tables(), remote.site.tables()];

    const first = await world.preview('pair/all');
    const second = await world.preview('pair/all');
    t.deepEqual(first.actions, second.actions);
    t.is(first.planHash, second.planHash);
    t.regex(first.planHash, /^[0-9a-f]{64}$/);
    t.deepEqual(
      first.actions.map(({side, kind, item}) => ({side, kind, item})),
      [
        {side: 'remote', kind: 'create', item: {type: 'file', path: 'a.html'}},
        {side: 'local', kind: 'update', item: {type: 'row', table: 'folders', key: ['2']}},
      ],
    );
    t.like(first.counts, {
      remote: {create: 1, update: 0, delete: 0},
      local: {create: 0, update: 1, delete: 0},
      conflicts: 0,
    });
    t.deepEqual([local.site.files(), remote.site.files(), local.site.tables(), remote.site.tables()], before);

    const withDiff = await world.must('preview', 'pair/all', '--diff');
    t.regex(withDiff.stdout, /\+one/);
    t.regex(withDiff.stdout, /- name: "News"\n\+ name: "Neues"/);
    t.is((await world.lockstep('preview', 'pair/all', '--detailed-exitcode')).exitCode, 2);
    await world.run('pair/all');
    t.is((await world.lockstep('preview', 'pair/all', '--detailed-exitcode')).exitCode, 0);
  },
);

test.serial('a touched file, a changed mode and a renamed file move no content', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({
    files: {'big.bin': new Uint8Array(300_000).fill(3), 'b.html': 'b'},
  });
  await world.profile('pair/all', '--items', 'templates');
  await world.run('pair/all');
  local.site.write('renamed.bin', new Uint8Array(300_000).fill(3));
  local.site.remove('big.bin');
  local.site.chmod('b.html', 0o640);
  const summary = await world.run('pair/all');
  t.true(summary.bytes < 1000, `${summary.bytes} bytes sent`);
  t.deepEqual(local.site.files(), remote.site.files());
});
