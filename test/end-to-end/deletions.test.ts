import {mkdirSync, renameSync, rmSync} from 'node:fs';
import test from 'ava';
import {createWorld} from '../helpers/lockstep.js';

const ten = Object.fromEntries(
  Array.from({length: 10}, (_, index) => [`page${index}.html`, `page ${index}`]),
);
const tables = `CREATE TABLE pages (id INTEGER PRIMARY KEY, title TEXT);`;
const rows = `INSERT INTO pages SELECT value, 'Page ' || value FROM generate_series(1, 10);`.replace(
  /SELECT.*/,
  `VALUES ${Array.from({length: 10}, (_, index) => `(${index + 1}, 'p')`).join(', ')};`,
);

test.serial('E34: deletions travel, and what is deleted is in history', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {files: {...ten, 'old/a/b.html': 'b'}, schema: tables + rows},
    {schema: tables},
  );
  await world.profile('pair/all');
  await world.run('pair/all');
  local.site.remove('page1.html');
  remote.site.remove('old');
  local.site.sql('DELETE FROM pages WHERE id = 3');
  const summary = await world.run('pair/all');
  t.is(summary.status, 'success');
  t.is(summary.deleted, summary.applied);
  t.false(remote.site.has('page1.html'));
  t.false(local.site.has('old'));
  t.deepEqual(local.site.files(), remote.site.files());
  t.deepEqual(local.site.tables(), remote.site.tables());
  const {entries} = (await world.must('history', 'list', remote.siteAddress, 'page1.html', '--json')).json<{
    entries: {action: string; restorable: boolean}[];
  }>();
  t.like(entries[0], {action: 'delete', restorable: true});
});

test.serial('a table that was gone and is made anew is filled from the other side', async t => {
  const world = createWorld(t);
  const extra = 'CREATE TABLE tags (name TEXT PRIMARY KEY, colour TEXT);';
  const {local, remote} = await world.pairOfServers(
    {schema: `${tables}${rows}${extra}INSERT INTO tags VALUES ('a', 'red'), ('b', 'blue');`},
    {schema: tables + extra},
  );
  await world.profile('pair/rows', '--items', 'database', '--max-delete', '100%');
  await world.run('pair/rows');
  remote.site.sql('DROP TABLE tags');
  t.like(await world.run('pair/rows', [], 3), {status: 'warning', deleted: 0});
  remote.site.sql(`${extra} INSERT INTO tags VALUES ('a', 'red')`);
  t.like(await world.run('pair/rows'), {status: 'success', deleted: 0, applied: 1});
  t.is(local.site.table('tags').length, 2);
  t.deepEqual(remote.site.tables(), local.site.tables());
  t.like(await world.run('pair/rows'), {status: 'success', applied: 0});
});

test.serial(
  'E34: more than the allowed share halts the run with 8 before anything changes; --max-delete lets it through',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers({files: ten});
    await world.profile('pair/all', '--items', 'templates', '--max-delete', '20%');
    await world.run('pair/all');
    for (const index of [1, 2, 3]) local.site.remove(`page${index}.html`);
    local.site.write('new.html', 'new');
    const refused = await world.run('pair/all', [], 8);
    t.is(refused.status, 'refused');
    t.is(refused.error?.code, 'MASS_DELETION');
    t.true(remote.site.has('page1.html'));
    t.false(remote.site.has('new.html'));
    t.is((await world.preview('pair/all')).counts.remote.delete, 3);
    const dryRun = async (...options: string[]) =>
      (await world.must('run', 'pair/all', '--dry-run', '--json', ...options)).json<{
        refusal?: {code: string};
      }>().refusal?.code;
    t.is(await dryRun(), 'MASS_DELETION');
    t.is(await dryRun('--max-delete', '100%'), undefined, 'a dry run is that of the run with its options');
    t.like(await world.run('pair/all', ['--max-delete', '100%']), {status: 'success', deleted: 3});
    t.deepEqual(local.site.files(), remote.site.files());
  },
);

test.serial('E34: rows are guarded apart from files', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {
      files: Object.fromEntries(Object.entries(ten).map(([name, text]) => [`assets/${name}`, text])),
      schema: tables + rows,
    },
    {schema: tables},
  );
  await world.profile('pair/all', '--items', 'database');
  await world.run('pair/all');
  local.site.sql('DELETE FROM pages WHERE id <= 6');
  t.is((await world.run('pair/all', [], 8)).error?.code, 'MASS_DELETION');
  t.is(remote.site.table('pages').length, 10);
});

test.serial(
  'an emptied root always halts, unless 100% says that it is meant; a missing root always halts',
  async t => {
    const world = createWorld(t);
    const {local, remote} = await world.pairOfServers({files: ten});
    await world.profile('pair/all', '--items', 'templates', '--max-delete', '60%');
    await world.run('pair/all');

    renameSync(local.site.root, `${local.site.root}.away`);
    const missing = await world.run('pair/all', ['--max-delete', '100%'], 8);
    t.is(missing.error?.code, 'ROOT_MISSING');
    renameSync(`${local.site.root}.away`, local.site.root);

    for (const name of Object.keys(ten)) rmSync(local.site.path(name));
    const emptied = await world.run('pair/all', [], 8);
    t.is(emptied.error?.code, 'ROOT_EMPTIED');
    t.is(Object.keys(remote.site.files()).length, 10);
    await world.run('pair/all', ['--max-delete', '100%']);
    t.deepEqual(remote.site.files(), {});
  },
);

test.serial('a root that is another folder than before halts', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({files: ten});
  await world.profile('pair/all', '--items', 'templates');
  await world.run('pair/all');
  renameSync(local.site.root, `${local.site.root}.away`);
  mkdirSync(local.site.root);
  const changed = await world.lockstep('run', 'pair/all', '--json');
  t.is(changed.exitCode, 8);
  t.regex(changed.summary().error?.code ?? '', /^ROOT_/);
  t.is(Object.keys(remote.site.files()).length, 10);
});
