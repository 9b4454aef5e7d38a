import {randomBytes} from 'node:crypto';
import {existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {FileRecord} from '../../../source/core/item.js';
import {OperatorError} from '../../../source/core/operator-error.js';
import type {Operation} from '../../../source/core/plan.js';
import {transferContent} from '../../../source/protocol/content-endpoints.js';
import {listHistory} from '../../../source/protocol/history-endpoints.js';
import {releaseLease} from '../../../source/protocol/run-endpoints.js';
import {
  changes,
  commitAt,
  end,
  lease,
  makeFolder,
  move,
  putAll,
  putOver,
  runId,
  scan,
  startTestAgent,
  stream,
  type TestAgent,
} from './test-agent.js';

async function makePair(t: ExecutionContext): Promise<{source: TestAgent; target: TestAgent}> {
  const folder = await makeFolder();
  t.teardown(folder.remove);
  const source = await startTestAgent(folder.path, 'source');
  const target = await startTestAgent(folder.path, 'target');
  t.teardown(() => Promise.all([source.close(), target.close()]));
  await source.introduce(target.identity, ['main']);
  await target.introduce(source.identity, ['main']);
  await Promise.all([lease(source), lease(target)]);
  return {source, target};
}

async function fileAt(agent: TestAgent, path: string): Promise<FileRecord> {
  await scan(agent);
  return (await changes(agent)).find(
    (record): record is FileRecord => record.type === 'file' && record.path === path,
  )!;
}

for (const way of ['push', 'pull'] as const)
  test(`a large file that changed here and there costs what changed, by ${way}`, async t => {
    const {source, target} = await makePair(t);
    const old = randomBytes(4_000_000);
    const fresh = Buffer.concat([Buffer.from('inserted'), old]);
    randomBytes(5000).copy(fresh, 2_000_000);
    writeFileSync(join(source.roots.main!, 'large'), fresh);
    writeFileSync(join(target.roots.main!, 'large'), old);
    const operations = [putOver(await fileAt(source, 'large'), await fileAt(target, 'large'))];
    const moved =
      way === 'push'
        ? await move(source, way, target, operations)
        : await move(target, way, source, operations);
    t.deepEqual(moved.missing, []);
    t.true(moved.bytes < 60_000, `${moved.bytes}`);
    t.is((await commitAt(target, operations))[0]?.outcome, 'applied');
    t.true(readFileSync(join(target.roots.main!, 'large')).equals(fresh));
  });

test('a file that was renamed or copied is not sent again', async t => {
  const {source, target} = await makePair(t);
  for (const content of [randomBytes(10_000), randomBytes(2_000_000)]) {
    writeFileSync(join(source.roots.main!, `new-${content.length}`), content);
    writeFileSync(join(target.roots.main!, `old-${content.length}`), content);
  }
  await Promise.all([scan(source), scan(target)]);
  const operations = putAll(await changes(source));
  t.is((await move(source, 'push', target, operations)).bytes, 0);
  await commitAt(target, operations);
  t.deepEqual(readdirSync(target.roots.main!).filter(name => name.startsWith('new')).length, 2);
});

for (const way of ['push', 'pull'] as const)
  test(`what is no longer what the plan saw is named, and the rest comes, by ${way}`, async t => {
    const {source, target} = await makePair(t);
    const root = source.roots.main!;
    for (const name of ['a', 'b', 'c']) writeFileSync(join(root, name), name);
    for (const name of ['large-a', 'large-b']) writeFileSync(join(root, name), randomBytes(1_500_000));
    await Promise.all([scan(source), scan(target)]);
    const operations = putAll(await changes(source));
    writeFileSync(join(root, 'b'), 'changed');
    rmSync(join(root, 'c'));
    writeFileSync(join(root, 'large-b'), 'changed');
    const moved =
      way === 'push'
        ? await move(source, way, target, operations)
        : await move(target, way, source, operations);
    const missing = moved.missing
      .map(({index}) => operations[index])
      .map(pathOf)
      .sort();
    t.deepEqual(missing, ['b', 'c', 'large-b']);
    const outcomes = await commitAt(target, operations);
    t.is(outcomes.filter(({outcome}) => outcome === 'applied').length, 2);
    await end(target);
    t.deepEqual(readdirSync(target.roots.main!).sort(), ['a', 'large-a']);
  });

function pathOf(operation: Operation | undefined): string {
  return operation?.op === 'put' && operation.record.type === 'file' ? operation.record.path : '';
}

test('a strict commit refuses everything when one expectation does not hold', async t => {
  const {source, target} = await makePair(t);
  for (const name of ['a', 'b']) writeFileSync(join(source.roots.main!, name), name);
  await Promise.all([scan(source), scan(target)]);
  const operations = putAll(await changes(source));
  await move(source, 'push', target, operations);
  writeFileSync(join(target.roots.main!, 'b'), 'in the way');
  const error = await t.throwsAsync(commitAt(target, operations, {strict: true}), {
    instanceOf: OperatorError,
  });
  t.is(error?.code, 'STALE_PLAN');
  t.false(existsSync(join(target.roots.main!, 'a')));
  t.is(readFileSync(join(target.roots.main!, 'b'), 'utf8'), 'in the way');
});

test('an interrupted transfer goes on where it stopped', async t => {
  const {source, target} = await makePair(t);
  for (let n = 0; n < 20; n++) writeFileSync(join(source.roots.main!, `${n}`), randomBytes(1000));
  await Promise.all([scan(source), scan(target)]);
  const operations = putAll(await changes(source));
  t.is((await move(source, 'push', target, operations.slice(0, 15))).bytes, 15_000);
  t.is((await move(source, 'push', target, operations)).bytes, 5000);
});

test('a path that leads out of the root is not read and not written', async t => {
  const {source, target} = await makePair(t);
  const outside = join(source.roots.main!, '../outside');
  writeFileSync(outside, 'secret');
  writeFileSync(join(source.roots.main!, 'a'), 'a');
  const record = await fileAt(source, 'a');
  for (const path of ['../outside', '/etc/passwd', 'a/../../outside', 'a\0b', '..']) {
    const operation: Operation = {op: 'put', record: {...record, path}, expect: {state: 'absent'}};
    const moved = await move(target, 'pull', source, [operation]).catch((error: unknown) => error);
    if (moved instanceof OperatorError)
      t.true(['UNSAFE_PATH', 'BAD_REQUEST'].includes(moved.code), moved.code);
    else t.is((moved as {missing: unknown[]}).missing.length, 1, path);
    const committed = await commitAt(target, [operation], {step: `s${path.length}`}).catch((e: unknown) => e);
    if (!(committed instanceof OperatorError))
      t.is((committed as {outcome: string}[])[0]?.outcome, 'skipped', path);
  }
  t.deepEqual(
    readdirSync(target.roots.main!).filter(name => !name.startsWith('.lockstep')),
    [],
  );
});

test('without the lease nothing is moved or committed, and only to agents that were introduced', async t => {
  const {source, target} = await makePair(t);
  writeFileSync(join(source.roots.main!, 'a'), 'a');
  await Promise.all([scan(source), scan(target)]);
  const operations = putAll(await changes(source));
  await target.console.call(releaseLease, {params: {site: 'main', runId}});
  const lost = await t.throwsAsync(move(source, 'push', target, operations), {instanceOf: OperatorError});
  t.is(lost?.code, 'LEASE_LOST');
  t.is((await t.throwsAsync(commitAt(target, operations), {instanceOf: OperatorError}))?.code, 'LEASE_LOST');
  const body = stream([
    {peer: {url: target.url, fingerprint: 'f'.repeat(64), site: 'main'}, way: 'push' as const},
    ...operations,
  ]);
  const stranger = await t.throwsAsync(
    async () => {
      const reply = await source.console.call(transferContent, {
        params: {site: 'main', runId},
        body,
      });
      await Array.fromAsync(reply);
    },
    {instanceOf: OperatorError},
  );
  t.is(stranger?.code, 'IDENTITY_REFUSED');
});

test('history names what was replaced', async t => {
  const {source, target} = await makePair(t);
  writeFileSync(join(source.roots.main!, 'a'), 'after');
  writeFileSync(join(target.roots.main!, 'a'), 'before');
  const operations = [putOver(await fileAt(source, 'a'), await fileAt(target, 'a'))];
  await move(source, 'push', target, operations);
  await commitAt(target, operations);
  const entries = await Array.fromAsync(
    await target.console.call(listHistory, {params: {site: 'main'}, query: {item: 'f:a'}}),
  );
  t.deepEqual(
    entries.map(({item, action, restorable, runId: run}) => ({item, action, restorable, run})),
    [{item: {type: 'file', path: 'a'}, action: 'update', restorable: true, run: runId}],
  );
});

test('what an interrupted transfer brought of a large file counts when it goes on', async t => {
  const {source, target} = await makePair(t);
  const content = randomBytes(4_000_000);
  writeFileSync(join(source.roots.main!, 'large'), content);
  const record = await fileAt(source, 'large');
  await scan(target);
  const staging = target.sites.get('main')!.run(runId).staging;
  const file = staging.beginFile(record.digest, record.size, false);
  await file.write(content.subarray(0, 3_000_000));
  await file.interrupt();
  const moved = await move(source, 'push', target, putAll([record]));
  t.deepEqual(moved.missing, []);
  t.true(moved.bytes < 1_100_000, `${moved.bytes}`);
  t.true(await staging.has(record.digest, record.size));
  renameSync(staging.pathOf(record.digest), join(target.roots.main!, 'moved'));
  t.true(readFileSync(join(target.roots.main!, 'moved')).equals(content));
});
