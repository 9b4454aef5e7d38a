import {chmodSync, chownSync, existsSync, lstatSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import anyTest, {type TestFn} from 'ava';
import {absent, asIs, createWorld, incoming, runId, sha256, type World} from './world.js';

const test = anyTest as TestFn<World>;
test.beforeEach(async t => {
  t.context = await createWorld();
});
test.afterEach.always(t => t.context.close());

test('a new file arrives with content, mode and exact time, in folders that nobody named', async t => {
  const world = t.context;
  world.write('here.txt');
  await world.files.scan({});
  world.stage('a/b/new.html');
  const record = incoming('a/b/new.html', {mode: 0o640});
  const outcomes = await world.commit([{op: 'put', record, expect: absent}]);
  t.deepEqual(outcomes, [{index: 0, outcome: 'applied'}]);
  t.is(world.tree()['a/b/new.html'], 'file 640 a/b/new.html');
  t.is(lstatSync(join(world.root, 'a/b/new.html'), {bigint: true}).mtimeNs.toString(), record.mtime);
  t.deepEqual(Object.keys(world.tree()), ['a', 'a/b', 'a/b/new.html', 'here.txt']);
  const known = world.record('a/b/new.html')!;
  t.is(known.vector, 'other:1');
  t.is(known.digest, record.digest);
  t.is(known.mtime, record.mtime);
});

test('a commit is no edit: the scan after it finds nothing of it', async t => {
  const world = t.context;
  world.write('old.txt', 'old');
  world.write('gone.txt');
  world.write('touched.txt');
  await world.changed();
  world.stage('new');
  await world.commit([
    {
      op: 'delete',
      item: {type: 'file', path: 'gone.txt'},
      expect: asIs(world.record('gone.txt')),
      vector: 'x:1',
    },
    {
      op: 'put',
      record: incoming('old.txt', {content: 'new', vector: 'x:2'}),
      expect: asIs(world.record('old.txt')),
    },
    {op: 'put', record: incoming('folder', {kind: 'folder', vector: 'x:3'}), expect: absent},
    {
      op: 'touch',
      record: {...world.record('touched.txt')!, mode: 0o600, vector: 'x:4'},
      expect: asIs(world.record('touched.txt')),
    },
  ]);
  t.is((await world.changed()).length, 4);
  t.deepEqual(await world.changed(), []);
  t.is(world.record('gone.txt')?.deleted, true);
  t.is(world.record('gone.txt')?.vector, 'x:1');
  t.is(world.record('touched.txt')?.vector, 'x:4');
  t.deepEqual(world.tree(), {
    folder: 'folder 755',
    'old.txt': 'file 644 new',
    'touched.txt': 'file 600 touched.txt',
  });
});

test('history lists what a commit did, newest first', async t => {
  const world = t.context;
  world.write('old.txt', 'old');
  await world.files.scan({});
  world.stage('new');
  await world.commit([
    {op: 'put', record: incoming('old.txt', {content: 'new'}), expect: asIs(world.record('old.txt'))},
    {op: 'put', record: incoming('new.txt', {content: 'new'}), expect: absent},
  ]);
  const entries = [...world.files.history.entries({runId})];
  t.deepEqual(
    entries.map(({item, action, restorable}) => [item, action, restorable]),
    [
      [{type: 'file', path: 'old.txt'}, 'update', true],
      [{type: 'file', path: 'new.txt'}, 'create', false],
    ],
  );
  t.is([...world.files.history.entries({path: 'old.txt'})].length, 1);
  t.is([...world.files.history.entries({runId: 'other'})].length, 0);
});

test('what is not as the plan saw it is skipped, and refuses a strict commit', async t => {
  const world = t.context;
  world.write('edited.txt');
  await world.files.scan({});
  const expect = asIs(world.record('edited.txt'));
  writeFileSync(join(world.root, 'edited.txt'), 'an edit after the scan');
  world.stage('new');
  const put = {op: 'put', record: incoming('edited.txt', {content: 'new'}), expect} as const;
  const [outcome] = await world.commit([put]);
  t.is(outcome?.outcome, 'skipped');
  t.regex(outcome?.error ?? '', /changed here since/);
  t.is(world.tree()['edited.txt'], 'file 644 an edit after the scan');
  const participant = world.begin([put]);
  await t.throwsAsync(participant.prepare({strict: true}), {code: 'STALE_PLAN'});
  await participant.undo();
  t.deepEqual(Object.keys(world.tree()), ['edited.txt']);
});

for (const path of [
  '../out',
  '/etc/passwd',
  'a/../../out',
  'a//b',
  './a',
  '',
  'a\0b',
  '.lockstep-x',
  'a/.lockstep/b',
  '\\x2e\\x2e/out',
])
  test(`a commit that names ${JSON.stringify(path)} is refused as a whole`, async t => {
    const world = t.context;
    world.stage('x');
    const participant = world.begin([
      {op: 'put', record: incoming('fine.txt', {content: 'x'}), expect: absent},
      {op: 'put', record: incoming(path, {content: 'x'}), expect: absent},
    ]);
    await t.throwsAsync(participant.prepare({strict: false}), {code: 'UNSAFE_PATH'});
    t.is(world.tree()['fine.txt'], undefined);
    await world.files.scan({});
  });

test('nothing is written through a link', async t => {
  const world = t.context;
  symlinkSync(world.folder, join(world.root, 'out'));
  await world.files.scan({});
  world.stage('x');
  const [outcome] = await world.commit([
    {op: 'put', record: incoming('out/escaped.txt', {content: 'x'}), expect: absent},
  ]);
  t.is(outcome?.outcome, 'skipped');
  t.false(Object.keys(world.tree()).includes('escaped.txt'));
  t.throws(() => lstatSync(join(world.folder, 'escaped.txt')), {code: 'ENOENT'});
});

test('a link is recreated with its target; one that leaves the root is not', async t => {
  const world = t.context;
  for (const target of ['page.html', '../../etc/passwd', '/etc/passwd']) world.stage(target);
  const link = (path: string, content: string) =>
    ({op: 'put', record: incoming(path, {kind: 'link', content, mode: 0o777}), expect: absent}) as const;
  const outcomes = await world.commit([
    link('a/good', 'page.html'),
    link('a/bad', '../../etc/passwd'),
    link('worse', '/etc/passwd'),
  ]);
  t.deepEqual(
    outcomes.map(({outcome}) => outcome),
    ['applied', 'skipped', 'skipped'],
  );
  t.deepEqual(world.tree(), {a: 'folder 755', 'a/good': 'link page.html'});
  t.is(world.record('a/good')?.kind, 'link');
});

test('a folder goes with everything in it, and stays when something in it stays', async t => {
  const world = t.context;
  world.write('gone/inner/file.txt');
  world.write('kept/file.txt');
  world.write('kept/unknown.txt');
  await world.changed();
  const remove = (path: string) =>
    ({op: 'delete', item: {type: 'file', path}, expect: asIs(world.record(path)), vector: 'x:1'}) as const;
  const outcomes = await world.commit([
    remove('gone/inner/file.txt'),
    remove('gone/inner'),
    remove('gone'),
    remove('kept/file.txt'),
    remove('kept'),
  ]);
  t.deepEqual(
    outcomes.map(({outcome}) => outcome),
    ['applied', 'applied', 'applied', 'applied', 'unchanged'],
  );
  t.deepEqual(Object.keys(world.tree()), ['kept', 'kept/unknown.txt']);
  t.is(world.record('kept')?.deleted, false);
});

test('types change in both directions', async t => {
  const world = t.context;
  world.write('file', 'content');
  world.write('folder/inner.txt');
  await world.changed();
  world.stage('was a folder');
  world.stage('below');
  await world.commit([
    {
      op: 'delete',
      item: {type: 'file', path: 'folder/inner.txt'},
      expect: asIs(world.record('folder/inner.txt')),
      vector: 'x:1',
    },
    {op: 'put', record: incoming('file', {kind: 'folder'}), expect: asIs(world.record('file'))},
    {op: 'put', record: incoming('file/below.txt', {content: 'below'}), expect: absent},
    {op: 'put', record: incoming('folder', {content: 'was a folder'}), expect: asIs(world.record('folder'))},
  ]);
  t.deepEqual(world.tree(), {
    file: 'folder 755',
    'file/below.txt': 'file 644 below',
    folder: 'file 644 was a folder',
  });
  await world.changed();
  t.deepEqual(await world.changed(), []);
});

test('one staged content serves several files, which then are files of their own', async t => {
  const world = t.context;
  world.stage('same');
  await world.commit([
    {op: 'put', record: incoming('a', {content: 'same'}), expect: absent},
    {op: 'put', record: incoming('b', {content: 'same', mode: 0o600}), expect: absent},
  ]);
  t.deepEqual(world.tree(), {a: 'file 644 same', b: 'file 600 same'});
  t.is(lstatSync(join(world.root, 'a')).nlink, 1);
});

test('a put whose content could not be brought is skipped alone', async t => {
  const world = t.context;
  world.stage('there');
  const outcomes = await world.commit([
    {op: 'put', record: incoming('missing.txt'), expect: absent},
    {op: 'put', record: incoming('there.txt', {content: 'there'}), expect: absent},
  ]);
  t.deepEqual(
    outcomes.map(({outcome}) => outcome),
    ['skipped', 'applied'],
  );
  t.deepEqual(world.tree(), {'there.txt': 'file 644 there'});
});

test('adopting changes the version and nothing else', async t => {
  const world = t.context;
  world.write('page.html');
  await world.changed();
  const before = world.record('page.html')!;
  await world.commit([
    {op: 'adopt', item: {type: 'file', path: 'page.html'}, expect: asIs(before), vector: 'z:9'},
  ]);
  t.deepEqual({...world.record('page.html'), seq: 0}, {...before, vector: 'z:9', seq: 0});
});

test('a folder arrives read-only although files come into it', async t => {
  const world = t.context;
  world.stage('x');
  await world.commit([
    {op: 'put', record: incoming('locked', {kind: 'folder', mode: 0o555}), expect: absent},
    {op: 'put', record: incoming('locked/file', {content: 'x'}), expect: absent},
  ]);
  t.deepEqual(world.tree(), {locked: 'folder 555', 'locked/file': 'file 644 x'});
  t.is(lstatSync(join(world.root, 'locked'), {bigint: true}).mtimeNs / 1_000_000n, 1_600_000_000_123n);
  chmodSync(join(world.root, 'locked'), 0o755);
});

test('a name that is not UTF-8 arrives with its bytes', async t => {
  const world = t.context;
  world.stage('x');
  const record = incoming('caf\\xe9/\\xff.txt', {content: 'x'});
  await world.commit([{op: 'put', record, expect: absent}]);
  const bytes = Buffer.concat([
    Buffer.from(`${world.root}/caf`),
    Buffer.from([0xe9, 0x2f, 0xff]),
    Buffer.from('.txt'),
  ]);
  t.true(lstatSync(bytes).isFile());
  t.is(world.record(record.path)?.digest, sha256('x'));
  t.truthy(world.record(record.path)?.rawPath);
});

(process.getuid?.() === 0 ? test : test.skip)(
  'a replaced file keeps its owner, a new one takes that of its folder',
  async t => {
    const world = t.context;
    world.write('folder/old.txt', 'old');
    chownSync(join(world.root, 'folder'), 1001, 1002);
    chownSync(join(world.root, 'folder/old.txt'), 1003, 1004);
    await world.changed();
    world.stage('new');
    await world.commit([
      {op: 'put', record: incoming('folder/inner', {kind: 'folder'}), expect: absent},
      {op: 'put', record: incoming('folder/inner/new.txt', {content: 'new'}), expect: absent},
      {
        op: 'put',
        record: incoming('folder/old.txt', {content: 'new'}),
        expect: asIs(world.record('folder/old.txt')),
      },
    ]);
    const owner = (path: string) => {
      const {uid, gid} = lstatSync(join(world.root, path));
      return [uid, gid];
    };
    t.deepEqual(owner('folder/old.txt'), [1003, 1004]);
    t.deepEqual(owner('folder/inner'), [1001, 1002]);
    t.deepEqual(owner('folder/inner/new.txt'), [1001, 1002]);
  },
);

test('what shall go and is gone already needs nothing, but is not what a plan saw', async t => {
  const world = t.context;
  world.write('stays');
  world.write('page.html');
  await world.changed();
  const operation = {
    op: 'delete',
    item: {type: 'file', path: 'page.html'},
    expect: asIs(world.record('page.html')),
    vector: 'x:5',
  } as const;
  world.remove('page.html');
  const strict = world.begin([operation]);
  await t.throwsAsync(strict.prepare({strict: true}), {code: 'STALE_PLAN'});
  await strict.undo();
  t.deepEqual(await world.commit([operation]), [{index: 0, outcome: 'unchanged'}]);
  t.like(world.record('page.html'), {deleted: true, vector: 'x:5'});
});

test('a commit into a root that is missing is refused and makes nothing', async t => {
  const world = t.context;
  await world.files.scan({});
  rmSync(world.root, {recursive: true});
  const participant = world.begin([{op: 'put', record: incoming('a'), expect: absent}]);
  await t.throwsAsync(participant.prepare({strict: false}), {code: 'ROOT_MISSING'});
  await participant.undo();
  t.false(existsSync(world.root));
});

test('an excluded path is not written', async t => {
  const world = t.context;
  await world.reopen({excluded: [join(world.root, 'site.db')]});
  world.stage('x');
  const [outcome] = await world.commit([
    {op: 'put', record: incoming('site.db', {content: 'x'}), expect: absent},
  ]);
  t.is(outcome?.outcome, 'skipped');
});

test('a name or path that this server cannot hold is skipped alone', async t => {
  const world = t.context;
  world.stage('x');
  const outcomes = await world.commit([
    {op: 'put', record: incoming('ä'.repeat(128), {content: 'x'}), expect: absent},
    {
      op: 'put',
      record: incoming(`${'d'.repeat(200)}/`.repeat(21).slice(0, -1), {content: 'x'}),
      expect: absent,
    },
    {op: 'put', record: incoming('ä'.repeat(127), {content: 'x'}), expect: absent},
  ]);
  t.deepEqual(
    outcomes.map(({outcome}) => outcome),
    ['skipped', 'skipped', 'applied'],
  );
});

test('a commit says which numbers were its own', async t => {
  const world = t.context;
  world.write('page.html');
  const {position} = await world.files.scan({});
  const participant = world.begin([
    {
      op: 'adopt',
      item: {type: 'file', path: 'page.html'},
      expect: asIs(world.record('page.html')),
      vector: 'x:1',
    },
  ]);
  await participant.prepare({strict: true});
  await participant.apply();
  await participant.finish();
  t.deepEqual(participant.positions(), {before: position, after: world.files.position()});
});

test('many files arrive in one commit', async t => {
  const world = t.context;
  const operations = Array.from({length: 1200}, (_, index) => {
    const content = `content ${index}`;
    world.stage(content);
    return {op: 'put', record: incoming(`f${index % 7}/${index}.txt`, {content}), expect: absent} as const;
  });
  const outcomes = await world.commit(operations);
  t.true(outcomes.every(({outcome}) => outcome === 'applied'));
  // The folders that nobody named are this site's own.
  t.is((await world.changed()).length, 1207);
  t.deepEqual(await world.changed(), []);
});
