import {execFileSync} from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import {createServer} from 'node:net';
import {join} from 'node:path';
import anyTest, {type TestFn} from 'ava';
import {FileIndex} from '../../../source/agent/files/file-index.js';
import {scanFiles} from '../../../source/agent/files/scan.js';
import {SiteRoot} from '../../../source/agent/files/site-root.js';
import {compareVectors} from '../../../source/core/version-vector.js';
import {createWorld, otherFileSystem, sha256, type World} from './world.js';

const test = anyTest as TestFn<World>;
test.beforeEach(async t => {
  t.context = await createWorld();
});
test.afterEach.always(t => t.context.close());

const names = (records: readonly {path: string}[]) => records.map(({path}) => path);

test('records come in the order of whole paths, each with what it is', async t => {
  const world = t.context;
  for (const path of ['a/c', 'a-b', 'a', 'a.txt/x', 'ä/1', '\u{1f600}', '\uffee', 'a!/b', 'B'])
    world.write(path === 'a' ? 'a/d' : path);
  const records = await world.changed();
  t.deepEqual(names(records), [
    'B',
    'a',
    'a!',
    'a!/b',
    'a-b',
    'a.txt',
    'a.txt/x',
    'a/c',
    'a/d',
    'ä',
    'ä/1',
    '\uffee',
    '\u{1f600}',
  ]);
  t.like(records[4], {kind: 'file', digest: sha256('a-b'), size: 3, mode: 0o644, deleted: false});
  t.like(records[1], {kind: 'folder', digest: '', size: 0, mode: 0o755});
  t.is(records[4]?.vector, `${world.files.replica}:1`);
});

test('what does not change makes no record', async t => {
  const world = t.context;
  world.write('a/b.txt');
  symlinkSync('b.txt', join(world.root, 'a/link'));
  await world.changed();
  t.deepEqual(await world.changed(), []);
  await world.reopen();
  t.deepEqual(await world.changed(), []);
});

test('an edit that restores size and modification time is seen', async t => {
  const world = t.context;
  world.write('page.html', 'before');
  const path = join(world.root, 'page.html');
  utimesSync(path, 1_600_000_000, 1_600_000_000);
  await world.changed();
  writeFileSync(path, 'after!');
  utimesSync(path, 1_600_000_000, 1_600_000_000);
  const [record] = await world.changed();
  t.is(record?.digest, sha256('after!'));
  t.is(compareVectors(record!.vector, `${world.files.replica}:1`), 'newer');
});

test('an edit within the same clock tick as the scan is seen by the next one', async t => {
  const world = t.context;
  for (let round = 0; round < 20; round++) {
    world.write('page.html', `version ${round % 2}`);
    await world.changed();
    t.is(world.record('page.html')?.digest, sha256(`version ${round % 2}`));
  }
});

test('mode or time alone makes a newer version of the same content', async t => {
  const world = t.context;
  world.write('page.html');
  await world.changed();
  const path = join(world.root, 'page.html');
  chmodSync(path, 0o600);
  const [moded] = await world.changed();
  t.like(moded, {mode: 0o600, digest: sha256('page.html'), vector: `${world.files.replica}:2`});
  utimesSync(path, 1, 1);
  const [touched] = await world.changed();
  t.like(touched, {mtime: '1000000000', digest: sha256('page.html'), vector: `${world.files.replica}:3`});
});

test('a second name, or a rename back and forth, is no change', async t => {
  const world = t.context;
  world.write('page.html');
  await world.changed();
  const path = join(world.root, 'page.html');
  linkSync(path, join(world.folder, 'second'));
  renameSync(path, `${path}.away`);
  renameSync(`${path}.away`, path);
  t.deepEqual(await world.changed(), []);
});

test('what is deleted leaves a tombstone, and what comes back is newer than that', async t => {
  const world = t.context;
  world.write('a/b.txt');
  world.write('stays.txt');
  await world.changed();
  world.remove('a');
  const gone = await world.changed();
  t.deepEqual(
    gone.map(({path, deleted, digest, vector}) => [path, deleted, digest, vector]),
    [
      ['a', true, '', `${world.files.replica}:2`],
      ['a/b.txt', true, '', `${world.files.replica}:2`],
    ],
  );
  world.write('c.txt');
  world.write('a/b.txt');
  t.is((await world.changed()).find(({path}) => path === 'a/b.txt')?.vector, `${world.files.replica}:3`);
});

test('a change of type is one record per item', async t => {
  const world = t.context;
  world.write('thing/inner.txt');
  world.write('other');
  await world.changed();
  world.remove('thing');
  world.write('thing', 'now a file');
  world.remove('other');
  mkdirSync(join(world.root, 'other'));
  const changed = await world.changed();
  t.deepEqual(
    changed.map(({path, kind, deleted}) => [path, kind, deleted]),
    [
      ['other', 'folder', false],
      ['thing', 'file', false],
      ['thing/inner.txt', 'file', true],
    ],
  );
});

test('a folder replaced by a link is not followed', async t => {
  const world = t.context;
  world.write('real/inner.txt');
  world.write('folder/inner.txt');
  await world.changed();
  world.remove('folder');
  symlinkSync('real', join(world.root, 'folder'));
  const changed = await world.changed();
  t.deepEqual(
    changed.map(({path, kind, deleted}) => [path, kind, deleted]),
    [
      ['folder', 'link', false],
      ['folder/inner.txt', 'file', true],
    ],
  );
});

test('special files are reported and never opened', async t => {
  const world = t.context;
  execFileSync('mkfifo', [join(world.root, 'pipe')]);
  const server = createServer().listen(join(world.root, 'socket'));
  await new Promise(resolve => server.once('listening', resolve));
  const records = await world.changed();
  t.deepEqual(
    records.map(({path, problem}) => [path, problem]),
    [
      ['pipe', 'is a named pipe (FIFO)'],
      ['socket', 'is a socket'],
    ],
  );
  t.deepEqual(await world.changed(), []);
  server.close();
});

test('a file that becomes a pipe is a problem, not a deletion; it keeps its version', async t => {
  const world = t.context;
  world.write('page.html');
  await world.changed();
  world.remove('page.html');
  execFileSync('mkfifo', [join(world.root, 'page.html')]);
  const [record] = await world.changed();
  t.like(record, {deleted: false, digest: sha256('page.html'), vector: `${world.files.replica}:1`});
  t.regex(record?.problem ?? '', /pipe/);
  world.remove('page.html');
  world.write('page.html');
  const [back] = await world.changed();
  t.is(back?.problem, undefined);
});

test('a link that leaves the root is a problem', async t => {
  const world = t.context;
  mkdirSync(join(world.root, 'a'));
  const links = {
    'a/up': '../page.html',
    'a/out': '../../page.html',
    'a/absolute': '/etc/passwd',
    'a/climbs': 'inner/../..',
    good: 'a',
  };
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(world.root, path));
  const problems = (await world.changed()).filter(({problem}) => problem !== undefined);
  t.deepEqual(names(problems), ['a/absolute', 'a/climbs', 'a/out']);
});

test('names of any bytes are told apart', async t => {
  const world = t.context;
  for (const bytes of [[0xe9], [0xff, 0x2e], [0x5c, 0x78, 0x65, 0x39], [0xef, 0xbf, 0xbd]])
    writeFileSync(Buffer.concat([Buffer.from(`${world.root}/`), Buffer.from(bytes)]), 'x');
  const records = await world.changed();
  t.deepEqual(names(records), ['\\x5cxe9', '\\xe9', '\\xff.', '\ufffd']);
  t.is(records[1]?.rawPath, Buffer.from([0xe9]).toString('base64'));
  t.is(records[3]?.rawPath, undefined);
  t.deepEqual(await world.changed(), []);
});

test('Lockstep’s own names and excluded paths are never indexed', async t => {
  const world = t.context;
  await world.reopen({excluded: [join(world.root, 'data/site.db')]});
  world.write('.lockstep-20260101/x');
  world.write('a/.lockstep');
  world.write('data/site.db');
  world.write('data/other.db');
  t.deepEqual(names(await world.changed()), ['a', 'data', 'data/other.db']);
});

test('what becomes excluded is forgotten, not deleted', async t => {
  const world = t.context;
  world.write('site.db');
  world.write('page.html');
  await world.changed();
  await world.reopen({excluded: [join(world.root, 'site.db')]});
  t.deepEqual(await world.changed(), []);
  t.is(world.record('site.db'), undefined);
});

test('a root that is gone records nothing', async t => {
  const world = t.context;
  world.write('page.html');
  await world.changed();
  renameSync(world.root, `${world.root}-away`);
  t.is((await world.files.scan({})).root.kind, 'missing');
  t.is((await world.files.scan({acceptRoot: true})).root.kind, 'missing');
  t.false(world.record('page.html')?.deleted);
  renameSync(`${world.root}-away`, world.root);
});

test('an emptied root records nothing unless it is accepted', async t => {
  const world = t.context;
  world.write('a/page.html');
  await world.changed();
  world.remove('a');
  world.write('.lockstep-run/x');
  t.deepEqual((await world.files.scan({})).root, {kind: 'emptied', before: 2});
  t.false(world.record('a/page.html')?.deleted);
  t.is((await world.files.scan({acceptRoot: true})).root.kind, 'present');
  t.true(world.record('a/page.html')?.deleted);
});

const elsewhere = otherFileSystem();

(elsewhere === undefined ? test.skip : test)(
  'another device in place of the root halts; a copy with the same content does not',
  async t => {
    const world = t.context;
    for (const name of ['a', 'b', 'c', 'd']) world.write(name);
    await world.changed();
    const other = mkdtempSync(join(elsewhere!, 'lockstep-root-'));
    t.teardown(() => rmSync(other, {recursive: true, force: true}));
    renameSync(world.root, `${world.root}-old`);
    symlinkSync(other, world.root);
    world.write('a');
    world.write('something-else');
    t.is((await world.files.scan({})).root.kind, 'changed');
    t.false(world.record('b')?.deleted);
    const participant = world.begin([]);
    await t.throwsAsync(participant.prepare({strict: false}), {code: 'ROOT_CHANGED'});
    await participant.undo();
    for (const name of ['b', 'c']) world.write(name);
    t.is((await world.files.scan({})).root.kind, 'present');
    t.true(world.record('d')?.deleted);
  },
);

test('a root that was replaced on the same device is scanned like any other', async t => {
  const world = t.context;
  world.write('old.txt');
  world.write('same.txt');
  await world.changed();
  renameSync(world.root, `${world.root}-old`);
  world.write('same.txt');
  t.is((await world.files.scan({})).root.kind, 'present');
  t.true(world.record('old.txt')?.deleted);
});

for (const damage of ['deleted', 'overwritten', 'cut', 'scribbled'] as const)
  test(`an index that was ${damage} is built anew with another epoch and replica`, async t => {
    const world = t.context;
    for (let index = 0; index < 200; index++) world.write(`folder/${index}.txt`);
    await world.changed();
    const before = {epoch: world.files.position().epoch, replica: world.files.replica};
    await world.files.close();
    const file = join(world.dataFolder, 'index.db');
    if (damage === 'deleted') rmSync(file);
    if (damage === 'overwritten')
      writeFileSync(file, 'not a database at all, but long enough to be read as one'.repeat(200));
    if (damage === 'cut') execFileSync('truncate', ['--size=5000', file]);
    if (damage === 'scribbled')
      execFileSync('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1024', 'seek=8', 'count=16', 'conv=notrunc'], {
        stdio: 'ignore',
      });
    t.is(existsSync(file), damage !== 'deleted');
    await world.reopen().catch(() => t.fail('it must open'));
    t.not(world.files.position().epoch, before.epoch);
    t.not(world.files.replica, before.replica);
    t.is((await world.changed()).length, 201);
  });

test('a number is never given twice, even if the last ones were lost', async t => {
  const world = t.context;
  world.write('a');
  await world.changed();
  const {seq} = world.files.position();
  await world.reopen();
  world.write('b');
  await world.changed();
  t.true(world.record('b')!.seq > seq + 1_000_000);
});

test('a file that grows while it is read is not recorded as read', async t => {
  const world = t.context;
  const path = join(world.root, 'log.txt');
  writeFileSync(path, Buffer.alloc(8 * 1024 * 1024));
  const scan = world.files.scan({});
  let going = true;
  const grow = () => {
    if (!going) return;
    appendFileSync(path, 'more');
    setImmediate(grow);
  };
  setImmediate(grow);
  await scan;
  going = false;
  t.is(world.record('log.txt'), undefined);
  await world.files.scan({});
  t.is(world.record('log.txt')?.size, lstatSync(path).size);
});

test('who asks for a scan while one is running gets one that sees the latest edit', async t => {
  const world = t.context;
  for (let index = 0; index < 300; index++) world.write(`folder/${index}.txt`, `${index}`);
  const first = world.files.scan({});
  await new Promise(resolve => setImmediate(resolve));
  world.write('folder/0.txt', 'edited meanwhile');
  await Promise.all([world.files.scan({}), world.files.scan({}), first]);
  t.is(world.record('folder/0.txt')?.digest, sha256('edited meanwhile'));
});

test('a caller that gives up does not take the scan from the others', async t => {
  const world = t.context;
  world.write('a');
  const abort = new AbortController();
  const given = world.files.scan({signal: abort.signal});
  const kept = world.files.scan({});
  abort.abort(new Error('given up'));
  await t.throwsAsync(given, {message: 'given up'});
  t.is((await kept).live, 1);
});

test('counting, looking up, what is inside, finding by content', async t => {
  const world = t.context;
  world.write('a/one.txt', 'same');
  world.write('a-b/two.txt', 'same');
  await world.changed();
  t.is(
    world.files.count(() => true),
    4,
  );
  t.is(
    world.files.count((path, isFolder) => isFolder && path.startsWith('a')),
    2,
  );
  t.deepEqual(names([...world.files.inside('a')]), ['a/one.txt']);
  t.is(world.files.findByDigest(sha256('same'))?.digest, sha256('same'));
  world.remove('a');
  world.write('a-b/two.txt', 'different');
  t.is(world.files.findByDigest(sha256('same')), undefined);
  t.true((await world.files.freeBytes()) > 0);
});

test('content is opened only below real folders', async t => {
  const world = t.context;
  world.write('real/page.html', 'content');
  symlinkSync('real', join(world.root, 'link'));
  execFileSync('mkfifo', [join(world.root, 'pipe')]);
  const content = world.files.openContent({type: 'file', path: 'real/page.html'});
  t.is(content.kind, 'file');
  content.close();
  const link = world.files.openContent({type: 'file', path: 'link'});
  t.is(link.kind === 'link' && Buffer.from(link.target).toString(), 'real');
  for (const path of ['link/page.html', 'pipe', 'real', 'nothing', '.lockstep-x'])
    t.throws(() => world.files.openContent({type: 'file', path}), undefined, path);
  t.throws(() => world.files.openContent({type: 'file', path: '../x'}), {code: 'UNSAFE_PATH'});
});

test('a folder that cannot be listed is a problem, and nothing below it is taken for deleted', async t => {
  const world = t.context;
  for (const path of ['a/one.txt', 'a-b/two.txt', 'z.txt']) world.write(path);
  const index = FileIndex.open(join(world.folder, 'own-index.db'));
  t.teardown(() => index.close());
  let broken: string | undefined;
  class FailingRoot extends SiteRoot {
    override list(folder: string): string[] {
      if (folder === broken) throw Object.assign(new Error('EIO'), {code: 'EIO'});
      return super.list(folder);
    }
  }
  const root = new FailingRoot(world.root, []);
  const scan = () =>
    scanFiles(index, root, {
      signal: new AbortController().signal,
      progress() {},
      acceptRoot: false,
      now: () => BigInt(Date.now()) * 1_000_000n,
    });
  await scan();
  broken = 'a';
  world.remove('z.txt');
  t.is((await scan()).changed, 2);
  t.like(index.get('a'), {problem: 'cannot be listed: input/output error (EIO)', deleted: false});
  t.like(index.get('a/one.txt'), {deleted: false, problem: null});
  t.like(index.get('z.txt'), {deleted: true});
  t.is((await scan()).changed, 0);
  world.write('a/new.txt');
  t.is((await scan()).changed, 0);
  broken = undefined;
  t.is((await scan()).changed, 2);
  t.like(index.get('a'), {problem: null, vector: `${index.replica}:1`});
  t.like(index.get('a/new.txt'), {deleted: false});
});
