import {chmodSync, lstatSync, readdirSync, symlinkSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {unpackOutcomes} from '../../../source/core/outcome-runs.js';
import type {Operation} from '../../../source/core/plan.js';
import {absent, asIs, createWorld, incoming, otherFileSystem, runId, type World} from './world.js';

/** Thrown in place of the kill that a fault point stands for. */
class PowerCut extends Error {}

/** A site in which everything that can happen to an item happens in one commit. */
async function prepare(world: World): Promise<Operation[]> {
  world.write('replaced.txt', 'old');
  world.write('deleted.txt');
  world.write('gone/inner/file.txt');
  world.write('file-to-folder');
  world.write('folder-to-file/inner.txt');
  world.write('touched.txt');
  symlinkSync('old', join(world.root, 'link'));
  utimesSync(join(world.root, 'touched.txt'), 5, 5);
  await world.changed();
  for (const content of ['new', 'below', 'now a file', 'created', 'target']) world.stage(content);
  const expect = (path: string) => asIs(world.record(path));
  const remove = (path: string) =>
    ({op: 'delete', item: {type: 'file', path}, expect: expect(path), vector: 'other:9'}) as const;
  return [
    remove('gone/inner/file.txt'),
    remove('gone/inner'),
    remove('gone'),
    remove('folder-to-file/inner.txt'),
    remove('deleted.txt'),
    {op: 'put', record: incoming('created/deep/new.txt', {content: 'created'}), expect: absent},
    {op: 'put', record: incoming('file-to-folder', {kind: 'folder'}), expect: expect('file-to-folder')},
    {op: 'put', record: incoming('file-to-folder/below.txt', {content: 'below'}), expect: absent},
    {
      op: 'put',
      record: incoming('folder-to-file', {content: 'now a file'}),
      expect: expect('folder-to-file'),
    },
    {
      op: 'put',
      record: incoming('link', {kind: 'link', content: 'target', mode: 0o777}),
      expect: expect('link'),
    },
    {
      op: 'put',
      record: incoming('replaced.txt', {content: 'new', mode: 0o600}),
      expect: expect('replaced.txt'),
    },
    {
      op: 'touch',
      record: {...world.record('touched.txt')!, mode: 0o640, mtime: '7000000000', vector: 'other:2'},
      expect: expect('touched.txt'),
    },
  ];
}

const after = {
  created: 'folder 755',
  'created/deep': 'folder 755',
  'created/deep/new.txt': 'file 644 created',
  'file-to-folder': 'folder 755',
  'file-to-folder/below.txt': 'file 644 below',
  'folder-to-file': 'file 644 now a file',
  link: 'link target',
  'replaced.txt': 'file 600 new',
  'touched.txt': 'file 640 touched.txt',
};

/** Runs the commit until the n-th passing of a fault point; answers whether it got there. */
async function runUntil(world: World, name: string, count: number): Promise<boolean> {
  let left = count;
  await world.reopen({
    faultPoint(hit) {
      if (hit !== name) return;
      left -= 1;
      if (left === 0) throw new PowerCut(name);
    },
  });
  const operations = await prepare(world);
  const participant = world.begin(operations);
  try {
    const outcomes = [...unpackOutcomes(await participant.prepare({strict: true}))];
    if (outcomes.some(({outcome}) => outcome !== 'applied')) throw new Error(JSON.stringify(outcomes));
    await participant.apply();
    await participant.finish();
    return false;
  } catch (thrown) {
    if (!(thrown instanceof PowerCut) && !(thrown instanceof Error && thrown.cause instanceof PowerCut))
      throw thrown;
    world.crashed = true;
    return true;
  }
}

const points: [string, number][] = [
  ['commit.files-noted', 1],
  ...Array.from({length: 14}, (_, index): [string, number] => ['commit.files-applying', index + 1]),
  ['commit.files-finishing', 1],
];

for (const [name, count] of points) {
  test(`a power cut at ${name} ${count} is taken back to exactly what was there`, async t => {
    const world = await createWorld();
    t.teardown(() => world.close());
    const operations = await createWorld();
    await prepare(operations);
    const before = withoutOwn(operations.tree());
    await operations.close();
    t.true(await runUntil(world, name, count), 'the point is never reached');
    await world.reopen();
    await world.recover('undo');
    t.deepEqual(withoutOwn(world.tree()), before);
    t.deepEqual(await world.changed(), []);
    t.deepEqual([...world.files.history.entries({runId})], []);
    t.deepEqual(readdirSync(join(world.dataFolder, 'history')), []);
    await world.recover('undo');
    t.deepEqual(withoutOwn(world.tree()), before);
  });

  test(`a power cut at ${name} ${count} is brought to its end`, async t => {
    const world = await createWorld();
    t.teardown(() => world.close());
    t.true(await runUntil(world, name, count), 'the point is never reached');
    await world.reopen();
    await world.recover('finish');
    t.deepEqual(withoutOwn(world.tree()), after);
    t.is(world.record('replaced.txt')?.vector, 'other:1');
    t.is(world.record('deleted.txt')?.vector, 'other:9');
    t.is([...world.files.history.entries({runId})].length, 12);
    await world.changed();
    t.deepEqual(await world.changed(), []);
    await world.recover('finish');
    t.deepEqual(withoutOwn(world.tree()), after);
  });
}

test('a power cut after the index was written changes nothing more', async t => {
  const world = await createWorld();
  t.teardown(() => world.close());
  t.true(await runUntil(world, 'commit.files-recorded', 1));
  await world.reopen();
  await world.recover('finish');
  t.deepEqual(withoutOwn(world.tree()), after);
  t.is([...world.files.history.entries({runId})].length, 12);
});

test('undo of an applied commit restores it, and it can be tried again', async t => {
  const world = await createWorld();
  t.teardown(() => world.close());
  const operations = await prepare(world);
  const before = withoutOwn(world.tree());
  const participant = world.begin(operations);
  await participant.prepare({strict: true});
  await participant.apply();
  t.deepEqual(withoutOwn(world.tree()), after);
  await participant.undo();
  t.deepEqual(withoutOwn(world.tree()), before);
  t.deepEqual(await world.changed(), []);
  await world.commit(operations);
  t.deepEqual(world.tree(), after);
});

const elsewhere = otherFileSystem();

(elsewhere === undefined ? test.skip : test)(
  'history on another file system holds copies, and gives them back',
  async t => {
    const world = await createWorld({dataIn: elsewhere!});
    t.teardown(() => world.close());
    const operations = await prepare(world);
    const old = join(world.root, 'replaced.txt');
    chmodSync(old, 0o604);
    await world.changed();
    const changed = operations.map(operation =>
      'record' in operation && operation.record.type === 'file' && operation.record.path === 'replaced.txt'
        ? {...operation, expect: asIs(world.record('replaced.txt'))}
        : operation,
    );
    const before = withoutOwn(world.tree());
    const time = lstatSync(old, {bigint: true}).mtimeNs;
    const participant = world.begin(changed);
    await participant.prepare({strict: true});
    await participant.apply();
    t.deepEqual(withoutOwn(world.tree()), after);
    await participant.undo();
    t.deepEqual(withoutOwn(world.tree()), before);
    t.true(lstatSync(old, {bigint: true}).mtimeNs - time < 1000n);
    await world.commit(changed);
    t.deepEqual(world.tree(), after);
  },
);

test('what somebody edits after a crash survives both ways', async t => {
  for (const decision of ['undo', 'finish'] as const) {
    const world = await createWorld();
    t.true(await runUntil(world, 'commit.files-finishing', 1));
    await world.reopen();
    writeFileSync(join(world.root, 'replaced.txt'), 'an edit of somebody');
    world.write('deleted.txt', 'made anew by somebody');
    await world.recover(decision);
    t.is(world.tree()['replaced.txt'], 'file 600 an edit of somebody', decision);
    t.is(world.tree()['deleted.txt'], 'file 644 made anew by somebody', decision);
    await world.changed();
    t.regex(world.record('replaced.txt')?.vector ?? '', new RegExp(`${world.files.replica}:`));
    await world.close();
  }
});

test('an item that changes between the check and the rename takes the whole commit back', async t => {
  const world = await createWorld();
  t.teardown(() => world.close());
  const operations = await prepare(world);
  const participant = world.begin(operations);
  await participant.prepare({strict: false});
  writeFileSync(join(world.root, 'replaced.txt'), 'just now');
  const before = withoutOwn(world.tree());
  await t.throwsAsync(participant.apply(), {code: 'STALE_PLAN'});
  await participant.undo();
  t.deepEqual(withoutOwn(world.tree()), before);
});

test('a new item where something has appeared meanwhile does not overwrite it', async t => {
  const world = await createWorld();
  t.teardown(() => world.close());
  world.stage('new');
  const participant = world.begin([{op: 'put', record: incoming('page', {content: 'new'}), expect: absent}]);
  await participant.prepare({strict: false});
  world.write('page', 'somebody was faster');
  await t.throwsAsync(participant.apply(), {code: 'STALE_PLAN'});
  await participant.undo();
  t.is(world.tree().page, 'file 644 somebody was faster');
});

test('a scan waits for a commit and does not take it for edits', async t => {
  const world = await createWorld();
  t.teardown(() => world.close());
  const participant = world.begin(await prepare(world));
  await participant.prepare({strict: true});
  const scan = world.files.scan({});
  await participant.apply();
  await participant.finish();
  await scan;
  t.is(world.record('replaced.txt')?.vector, 'other:1');
  chmodSync(join(world.root, 'replaced.txt'), 0o644);
});

/** The staging folder of the test stays, as that of a run does until the run ends. */
function withoutOwn(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.startsWith(`.lockstep-${runId}`)));
}
