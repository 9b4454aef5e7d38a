import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {createWorld, type PreviewDocument} from '../helpers/lockstep.js';

const schema = readFileSync(
  path.resolve(import.meta.dirname, '../../../fixtures/content-site/schema.sql'),
  'utf8',
);
const content = (id: number, folder: number, title: string, body: string) =>
  `INSERT INTO content(id, folder_id, title, slug, body, status, editor_id, edit_date)
     VALUES (${id}, ${folder}, '${title}', 'slug-${id}', '${body}', 'published', 1, '2026-01-01');`;
const rows = `
  INSERT INTO users VALUES (1, 'ann', 'Ann', 'ann@example.com', NULL, '2026-01-01');
  INSERT INTO folders VALUES (1, NULL, 'Root', 1), (2, 1, 'News', 1), (3, 2, 'Archive', 1);
  ${content(10, 2, 'Fair', '<p><img src="/uploadedimages/fair.jpg"></p>')}
  ${content(11, 2, 'Prices', 'see assets/prices.csv')}
  ${content(12, 3, 'Old', 'nothing')}
  INSERT INTO metadata_definitions VALUES ('keywords', 'text');
  INSERT INTO metadata VALUES (10, 'keywords', 'fair'), (11, 'keywords', 'prices');
  INSERT INTO ratings VALUES (10, 'v1', 5), (10, 'v2', 1), (11, 'v1', 3);`;
const lastLogin = 'ALTER TABLE users ADD COLUMN last_login TEXT;';
const names = ({actions}: PreviewDocument) =>
  actions
    .filter(({kind, reason}) => kind !== 'skip' || !reason?.includes('no primary key'))
    .map(({item, kind}) => `${kind} ${item.path ?? `${item.table}:${item.key?.join(',')}`}`)
    .sort();

const asOption = (what: string) => ['--select', what];

test.serial('E20–E22: content with what belongs to it, a folder’s content, files; nothing else', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {
      schema: schema + rows + lastLogin,
      files: {
        'index.html': 'home',
        'about.html': 'about',
        'uploadedimages/fair.jpg': 'fair',
        'assets/prices.csv': '1',
        'uploadedimages/other.jpg': 'other',
      },
    },
    {schema: schema + lastLogin},
  );
  await world.profile('pair/all');
  await world.profile('pair/up', '--direction', 'upload', '--items', 'database', '--backup', 'every-run');
  await world.profile('pair/down', '--direction', 'download');
  await world.run('pair/all');

  local.site.sql(`
    UPDATE content SET body = body || ' new' WHERE id IN (10, 11, 12);
    INSERT INTO metadata_definitions VALUES ('unused', 'text');
    UPDATE metadata SET value = 'fair 2026' WHERE content_id = 10;
    DELETE FROM ratings WHERE content_id = 10 AND visitor = 'v2';
    INSERT INTO ratings VALUES (10, 'v3', 4);
    INSERT INTO orders VALUES ('A1', 'Bo', 100, NULL, '2026-01-02');`);
  for (const name of [
    'index.html',
    'about.html',
    'uploadedimages/fair.jpg',
    'assets/prices.csv',
    'uploadedimages/other.jpg',
  ])
    local.site.write(name, `${name} changed`, 5);

  // What can be picked, level by level.
  const level = async (what: string, ...at: string[]) => {
    const outcome = await world.lockstep('site', what, local.siteAddress, ...at, '--json');
    const {entries} = JSON.parse(outcome.stdout) as {
      entries: {kind: string; key?: string[]; title?: string; path?: string}[];
    };
    return entries.map(({kind, key, title, path: file}) =>
      [kind, key?.join() ?? file, title].join(' ').trim(),
    );
  };
  t.deepEqual(await level('content'), ['folder 1 Root']);
  t.deepEqual(await level('content', '2'), ['folder 3 Archive', 'content 10 Fair', 'content 11 Prices']);
  t.deepEqual(await level('files', 'uploadedimages/'), [
    'file uploadedimages/fair.jpg',
    'file uploadedimages/other.jpg',
  ]);
  t.is((await world.lockstep('site', 'files', local.siteAddress, '../..', '--json')).exitCode, 1);

  const one = ['--select', 'content:10'];
  t.deepEqual(names(await world.preview('pair/up', ...one)), [
    'create ratings:10,v3',
    'delete ratings:10,v2',
    'update content:10',
    'update metadata:10,keywords',
    'update uploadedimages/fair.jpg',
  ]);
  t.like(await world.run('pair/up', one), {status: 'success', applied: 5, skipped: 0, deleted: 1});
  t.like(await world.run('pair/up', one), {applied: 0});
  t.deepEqual(remote.site.rows("SELECT id FROM content WHERE body LIKE '%new'"), [[10n]]);
  t.is(remote.site.read('uploadedimages/fair.jpg'), 'uploadedimages/fair.jpg changed');
  t.is(remote.site.read('uploadedimages/other.jpg'), 'other');
  // A few items make no backup of the whole database, whatever the profile says (E16).
  const {backups} = (await world.must('backup', 'list', remote.siteAddress, '--json')).json<{
    backups: unknown[];
  }>();
  t.deepEqual(backups, []);

  // A folder is what lies directly in it.
  t.deepEqual(names(await world.preview('pair/all', '--select', 'folder:2')), [
    'update assets/prices.csv',
    'update content:11',
  ]);
  t.like(await world.run('pair/all', ['--select', 'folder:2', '--select', 'file:index.html']), {applied: 3});
  t.is(remote.site.read('index.html'), 'index.html changed');
  t.is(remote.site.read('about.html'), 'about');

  // What was left out is not forgotten.
  t.deepEqual(names(await world.preview('pair/all')), [
    'create metadata_definitions:unused',
    'create orders:A1',
    'update about.html',
    'update content:12',
    'update uploadedimages/other.jpg',
  ]);

  const refused = async (code: number, reason: RegExp, profile: string, ...select: string[]) => {
    const preview = await world.lockstep('preview', profile, '--json', ...select.flatMap(asOption));
    t.is(preview.exitCode, code, `${preview}`);
    t.regex(preview.error().message, reason);
  };
  await refused(64, /no content:999/, 'pair/all', 'content:10', 'content:999');
  await refused(64, /no folder:999/, 'pair/all', 'folder:999');
  await refused(64, /is a folder/, 'pair/all', 'file:uploadedimages');
  await refused(64, /downloads/, 'pair/down', 'content:10');
  await refused(64, /not among the items/, 'pair/up', 'file:about.html');
  const unknown = await world.lockstep('run', 'pair/all', '--json', '--select', 'file:nothing.html');
  t.is(unknown.exitCode, 64);
  t.regex(unknown.error().message, /no file nothing.html/);
  t.is(unknown.stdout, '');

  // Parents must be there and be as they were.
  local.site.sql(`INSERT INTO folders VALUES (4, 1, 'Events', 1); ${content(13, 4, 'Party', 'soon')}`);
  await refused(
    8,
    /content 13 refers to folders 4, which does not exist at there\/main/,
    'pair/up',
    'content:13',
  );
  // That the editor logged in there since does not matter.
  remote.site.sql("UPDATE users SET last_login = '2026-02-01' WHERE id = 1");
  local.site.sql("UPDATE content SET title = 'Fair?' WHERE id = 10");
  t.like(await world.run('pair/up', ['--select', 'content:10']), {status: 'success', applied: 1});
  remote.site.sql("UPDATE folders SET name = 'Latest' WHERE id = 2");
  local.site.sql("UPDATE content SET title = 'Fair!' WHERE id = 10");
  await refused(
    8,
    /content 10 refers to folders 2, which was changed at there\/main/,
    'pair/up',
    'content:10',
  );

  // What was deleted here is deleted there, with what belonged to it.
  local.site.sql(
    'DELETE FROM metadata WHERE content_id = 11; DELETE FROM ratings WHERE content_id = 11; DELETE FROM content WHERE id = 11',
  );
  t.like(await world.run('pair/up', ['--select', 'content:11']), {applied: 3, deleted: 3});

  t.like(await world.run('pair/all'), {status: 'success', applied: 10, skipped: 0});
  t.deepEqual(remote.site.tables(), local.site.tables());
  t.deepEqual(remote.site.files(), local.site.files());
  t.like(await world.run('pair/all'), {applied: 0});
});

test.serial('E22: picked files of a site without a database, before any other run', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers(
    {files: {'a/b/one.html': '1', 'a/two.html': '2', 'three.html': '3'}},
    {files: {'only-there.html': 'x'}},
  );
  await world.profile('pair/all', '--items', 'templates');
  const picked = ['--select', 'file:a/b/one.html', '--select', 'file:./three.html'];
  const plan = path.join(world.folder, 'plan.json');
  t.deepEqual(names(await world.preview('pair/all', ...picked, '--out', plan)), [
    'create a',
    'create a/b',
    'create a/b/one.html',
    'create three.html',
  ]);
  t.like(await world.run('pair/all', ['--plan', plan]), {status: 'success', applied: 4});
  t.deepEqual(Object.keys(remote.site.files()), [
    'a',
    'a/b',
    'a/b/one.html',
    'only-there.html',
    'three.html',
  ]);
  t.false(local.site.has('only-there.html'));
  t.like(await world.run('pair/all'), {status: 'success', applied: 2});
  t.deepEqual(remote.site.files(), local.site.files());
});
