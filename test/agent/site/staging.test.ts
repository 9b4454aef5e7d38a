import {createHash, randomBytes} from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {digestRow} from '../../../source/agent/database/row-digest.js';
import {asSpaceError, checkSpace} from '../../../source/agent/site/no-space.js';
import {receiveContent} from '../../../source/agent/site/receive-content.js';
import {Staging} from '../../../source/agent/site/staging.js';
import {OperatorError} from '../../../source/core/operator-error.js';
import {decodeFrames, encodeFrame, type FrameHeader} from '../../../source/protocol/content-frames.js';
import {makeFolder} from './test-agent.js';

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function makeStaging(t: {teardown(work: () => Promise<void>): void}, runId = 'run-00000001') {
  const folder = await makeFolder();
  t.teardown(folder.remove);
  const root = join(folder.path, 'root');
  mkdirSync(root, {recursive: true});
  return {folder: folder.path, root, staging: new Staging(root, runId, join(folder.path, 'data', runId))};
}

function frames(list: readonly (readonly [FrameHeader, Uint8Array?])[]) {
  return decodeFrames(
    (async function* () {
      for (const [header, body] of list) yield* encodeFrame(header, body);
      yield* encodeFrame({type: 'done'});
    })(),
  );
}

test('a content that lies about its digest is refused and not kept; its neighbours are', async t => {
  const {staging} = await makeStaging(t);
  const honest = Buffer.from('honest');
  const lie = digestOf(Buffer.from('something else'));
  const received = await receiveContent(
    frames([
      [
        {
          type: 'batch',
          files: [
            [lie, 5],
            [digestOf(honest), 6],
          ],
        },
        Buffer.from('wronghonest'),
      ],
      [{type: 'begin', digest: lie, size: 5, delta: false}],
      [{type: 'piece'}, Buffer.from('wrong')],
      [{type: 'end', whole: true}],
    ]),
    staging,
  );
  t.deepEqual(
    received.refused.map(({digest}) => digest),
    [lie, lie],
  );
  t.deepEqual(readdirSync(staging.folder), [digestOf(honest)]);
});

test('a content that is longer than it says is refused', async t => {
  const {staging} = await makeStaging(t);
  const error = await t.throwsAsync(
    receiveContent(
      frames([
        [{type: 'begin', digest: digestOf(Buffer.alloc(0)), size: 3, delta: false}],
        [{type: 'piece'}, Buffer.alloc(4)],
      ]),
      staging,
    ),
    {instanceOf: OperatorError},
  );
  t.is(error?.code, 'LIMIT_EXCEEDED');
});

test('frames out of order are refused', async t => {
  const begin = {type: 'begin', digest: digestOf(Buffer.alloc(0)), size: 3, delta: false} as const;
  for (const list of [
    [[{type: 'piece'}, Buffer.alloc(1)]],
    [[{type: 'end', whole: true}]],
    [[{type: 'need', indexes: [1]}]],
    [[begin], [begin]],
    [[{type: 'table', table: 'a'}]],
    [[{type: 'rows', size: 3, zstd: false}, Buffer.from('{}x')]],
    [[{type: 'rows', size: 3, zstd: false}, Buffer.from('{}\n')]],
    [[{type: 'rows', size: 10 ** 9, zstd: true}, Buffer.from('bomb')]],
  ] as (readonly [FrameHeader, Uint8Array?])[][]) {
    const {staging} = await makeStaging(t);
    await t.throwsAsync(
      receiveContent(frames(list), staging),
      {instanceOf: OperatorError},
      JSON.stringify(list),
    );
  }
});

test('a row that is not what its digest says is refused', async t => {
  const {staging} = await makeStaging(t);
  const row = {id: 'i1', title: 'tone'};
  const staged = {table: 'page', key: ['1'], vector: 'a:1', digest: digestRow(row), row};
  const lines = (value: object) => Buffer.from(`${JSON.stringify(value)}\n`);
  const send = (value: object) =>
    receiveContent(frames([[{type: 'rows', size: lines(value).length, zstd: false}, lines(value)]]), staging);
  const error = await t.throwsAsync(send({...staged, row: {...row, title: 'ttwo'}}), {
    instanceOf: OperatorError,
  });
  t.is(error?.code, 'CONTENT_MISMATCH');
  t.is((await send(staged)).staged, 1);
  t.deepEqual(staging.rows.find({type: 'row', table: 'page', key: ['1']}, staged.digest), staged);
  staging.close();
});

test('what a killed process left half written does not count', async t => {
  const {staging, root, folder} = await makeStaging(t);
  const bytes = randomBytes(1000);
  staging.addBatch([[digestOf(bytes), 1000]], bytes);
  const restarted = () => new Staging(root, 'run-00000001', join(folder, 'data'));
  t.true(await restarted().has(digestOf(bytes), 1000));
  truncateSync(staging.pathOf(digestOf(bytes)), 500);
  t.false(await restarted().has(digestOf(bytes), 1000));
  t.false(existsSync(staging.pathOf(digestOf(bytes))));
});

test('what a dead run brought is taken over by the next', async t => {
  const {staging, root, folder} = await makeStaging(t);
  const bytes = randomBytes(1000);
  staging.addBatch([[digestOf(bytes), 1000]], bytes);
  const next = new Staging(root, 'run-00000002', join(folder, 'data', '2'));
  t.true(await next.has(digestOf(bytes), 1000));
  t.deepEqual(readFileSync(next.pathOf(digestOf(bytes))), bytes);
});

test('a link in the place of the staging folder or of a content is not followed', async t => {
  const {staging, root, folder} = await makeStaging(t);
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'precious'), 'precious');
  symlinkSync(outside, staging.folder);
  const bytes = Buffer.from('content');
  const error = t.throws(() => staging.addBatch([[digestOf(bytes), 7]], bytes), {instanceOf: OperatorError});
  t.is(error?.code, 'UNSAFE_PATH');
  const other = new Staging(root, 'run-00000002', join(folder, 'data', '2'));
  other.make();
  symlinkSync(join(outside, 'precious'), other.pathOf(digestOf(bytes)));
  other.addBatch([[digestOf(bytes), 7]], bytes);
  t.is(readFileSync(join(outside, 'precious'), 'utf8'), 'precious');
  t.is(readFileSync(other.pathOf(digestOf(bytes)), 'utf8'), 'content');
});

test('a missing root and a full disk are said as what they are', async t => {
  const {folder} = await makeStaging(t);
  const gone = new Staging(join(folder, 'gone'), 'run-00000001', join(folder, 'data'));
  const error = t.throws(() => gone.make(), {instanceOf: OperatorError});
  t.is(error?.code, 'ROOT_MISSING');
  await checkSpace(folder, 1);
  const space = await t.throwsAsync(checkSpace(folder, 2 ** 60), {instanceOf: OperatorError});
  t.is(space?.code, 'NO_SPACE');
  const full = asSpaceError(Object.assign(new Error('ENOSPC'), {code: 'ENOSPC'}), folder);
  t.true(full instanceof OperatorError && full.code === 'NO_SPACE');
});
