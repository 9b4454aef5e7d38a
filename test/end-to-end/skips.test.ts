import {execFileSync} from 'node:child_process';
import {symlinkSync} from 'node:fs';
import test from 'ava';
import {createWorld} from '../helpers/lockstep.js';

type RunDocument = {
  status: string;
  items: {item: {type: string; path?: string; table?: string}; outcome: string; error?: string}[];
};

test.serial(
  'E17: a special file and a link that leaves the root are skipped with the reason; the rest is applied, exit 3',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers({files: {'a.html': 'a'}});
    await world.profile('pair/all', '--items', 'templates');
    execFileSync('mkfifo', [local.site.path('pipe')]);
    symlinkSync('/etc/passwd', local.site.path('leaves.html'));
    symlinkSync('../../outside', local.site.path('up.html'));
    symlinkSync('a.html', local.site.path('stays.html'));

    const {actions, counts} = await world.preview('pair/all');
    t.is(counts.skipped, 3);
    for (const action of actions.filter(({kind}) => kind === 'skip')) t.truthy(action.reason);

    const summary = await world.run('pair/all', [], 3);
    t.like(summary, {status: 'warning', applied: 2, skipped: 3, total: 5});
    t.deepEqual(Object.keys(remote.site.files()).sort(), ['a.html', 'stays.html']);
    const shown = (await world.must('runs', 'show', summary.runId, '--json')).json<RunDocument>();
    t.is(shown.status, 'warning');
    const skipped = shown.items.filter(({outcome}) => outcome === 'skipped');
    t.deepEqual(skipped.map(({item}) => item.path).sort(), ['leaves.html', 'pipe', 'up.html']);
    for (const {error} of skipped) t.truthy(error);
    t.like(await world.run('pair/all', [], 3), {applied: 0, skipped: 3});
  },
);

test.serial(
  'E17: a column or table that one side lacks skips that table, naming it, and nothing else',
  async t => {
    const world = createWorld(t);
    const tables = `CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT); CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);`;
    const {local, remote} = await world.pairOfServers(
      {schema: `${tables} INSERT INTO pages VALUES (1, 'One'); INSERT INTO users VALUES (1, 'ann');`},
      {schema: tables},
    );
    await world.profile('pair/all', '--items', 'database');
    await world.run('pair/all');
    local.site.sql(`
    ALTER TABLE pages ADD COLUMN subtitle TEXT; UPDATE pages SET subtitle = 'new' WHERE id = 1;
    CREATE TABLE extra (id INTEGER PRIMARY KEY); INSERT INTO extra VALUES (1);
    UPDATE users SET name = 'anna' WHERE id = 1;
  `);
    const summary = await world.run('pair/all', [], 3);
    t.like(summary, {status: 'warning', skipped: 2});
    t.deepEqual(remote.site.table('users'), local.site.table('users'));
    const {items} = (await world.must('runs', 'show', summary.runId, '--json')).json<RunDocument>();
    const reasons = items
      .filter(({outcome}) => outcome === 'skipped')
      .map(({item, error}) => `${item.table}: ${error}`);
    t.true(
      reasons.some(reason => /^pages: .*subtitle/.test(reason)),
      reasons.join('\n'),
    );
    t.true(
      reasons.some(reason => /^extra: /.test(reason)),
      reasons.join('\n'),
    );

    remote.site.sql(
      'ALTER TABLE pages ADD COLUMN subtitle TEXT; CREATE TABLE extra (id INTEGER PRIMARY KEY);',
    );
    t.like(await world.run('pair/all'), {status: 'success', skipped: 0});
    t.deepEqual(remote.site.tables(), local.site.tables());
  },
);

test.serial(
  'E19: a table without a key is left alone both ways, uncounted, and made equal as a whole one way',
  async t => {
    const world = createWorld(t);
    const tables = `CREATE TABLE visits (page TEXT, hits INTEGER); CREATE TABLE pages (id INTEGER PRIMARY KEY);`;
    const {local, remote} = await world.pairOfServers(
      {schema: `${tables} INSERT INTO visits VALUES ('/', 1), ('/', 1), ('/a', 2);`},
      {schema: tables},
    );
    await world.profile('pair/both', '--items', 'database');
    await world.profile('pair/up', '--items', 'database', '--direction', 'upload');
    t.deepEqual(remote.site.table('visits'), local.site.table('visits'));
    local.site.sql(`INSERT INTO visits VALUES ('/b', 3)`);

    const {actions, counts} = await world.preview('pair/both');
    t.is(counts.skipped, 0);
    t.like(actions[0], {kind: 'skip', item: {type: 'table', table: 'visits'}});
    t.regex(actions[0]?.reason ?? '', /no primary key/);
    t.like(await world.run('pair/both'), {status: 'success', applied: 0, skipped: 0});
    t.is(remote.site.table('visits').length, 3);

    t.like(await world.run('pair/up'), {status: 'success', skipped: 0});
    t.deepEqual(remote.site.table('visits'), local.site.table('visits'));
    t.like(await world.run('pair/up'), {applied: 0, bytes: 0});
  },
);

test.serial(
  'E17: what a constraint rejects is skipped alone with the words of the database, and tried again',
  async t => {
    const world = createWorld(t);
    const tables = `CREATE TABLE pages (id INTEGER PRIMARY KEY, slug TEXT CHECK (length(slug) < 100));`;
    const {local, remote} = await world.pairOfServers(
      {schema: `${tables} INSERT INTO pages VALUES (1, 'one');`},
      {schema: tables.replace('100', '10')},
    );
    await world.profile('pair/all', '--items', 'database');
    await world.run('pair/all');
    local.site.sql(`INSERT INTO pages VALUES (2, 'much too long for there'), (3, 'fine')`);
    const summary = await world.run('pair/all', [], 3);
    t.like(summary, {status: 'warning', applied: 1, skipped: 1});
    const {items} = (await world.must('runs', 'show', summary.runId, '--json')).json<RunDocument>();
    t.regex(items.find(({outcome}) => outcome === 'skipped')?.error ?? '', /CHECK/);
    local.site.sql(`UPDATE pages SET slug = 'short' WHERE id = 2`);
    t.like(await world.run('pair/all'), {status: 'success', applied: 1});
    t.deepEqual(remote.site.tables(), local.site.tables());
  },
);
