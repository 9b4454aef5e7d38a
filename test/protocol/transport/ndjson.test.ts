import test from 'ava';
import {Type} from '#typebox';
import {OperatorError} from '../../../source/core/operator-error.js';
import {decodeLines, encodeLines} from '../../../source/protocol/transport/ndjson.js';

async function* from<T>(items: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer, void, undefined> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** Lets everything happen that is ready to. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

const collect = <T>(source: AsyncIterable<T>) => Array.fromAsync(source);

test('values arrive as they were sent, however the bytes are cut', async t => {
  const values = [{a: 'ü𝄞\n"'}, null, 1.5, 'x'.repeat(100_000), [], {deep: [{er: true}]}];
  const bytes = Buffer.concat(await collect(encodeLines(from(values))));
  for (const size of [1, 7, 4096, bytes.length])
    t.deepEqual(await collect(decodeLines(inPieces(bytes, size), undefined)), values);
});

test('a source that fails says so in the last line, and the reader throws it', async t => {
  const source = (async function* () {
    yield 1;
    throw new OperatorError('SITE_BUSY', 'main is busy.', {hint: 'Wait.', details: {runId: 'x'}});
  })();
  const seen: unknown[] = [];
  const error = await t.throwsAsync(
    (async () => {
      for await (const value of decodeLines(encodeLines(source), undefined)) seen.push(value);
    })(),
    {instanceOf: OperatorError, code: 'SITE_BUSY'},
  );
  t.deepEqual(seen, [1]);
  t.like(error, {hint: 'Wait.', details: {runId: 'x'}});
});

test('a line that is not what the schema says is refused', async t => {
  const lines = decodeLines(from([Buffer.from('1\n"x"\n')]), Type.Integer());
  t.deepEqual(await lines.next(), {value: 1, done: false});
  await t.throwsAsync(lines.next(), {code: 'BAD_REQUEST'});
});

test('empty lines are heartbeats, and a last line needs no line feed', async t => {
  t.deepEqual(await collect(decodeLines(from([Buffer.from('\n\n1\n\n2')]), undefined)), [1, 2]);
});

test('a line leaves when its source has to wait for the next', async t => {
  let release: () => void = () => {};
  const source = (async function* () {
    yield 1;
    await new Promise<void>(resolve => {
      release = resolve;
    });
    yield 2;
  })();
  const lines = decodeLines(encodeLines(source), undefined);
  t.is((await lines.next()).value, 1);
  release();
  t.is((await lines.next()).value, 2);
});

test('a source is read no further than its reader is', async t => {
  let made = 0;
  const source = (async function* () {
    for (;;) {
      made += 1;
      yield 'x'.repeat(10_000);
    }
  })();
  const stream = encodeLines(source);
  stream.read(0);
  await turns(100);
  const before = made;
  await turns(100);
  t.is(made, before);
  t.true(made < 200, String(made));
  stream.destroy();
});

test('leaving a stream early ends its source', async t => {
  let ended = false;
  const source = (async function* () {
    try {
      for (;;) yield 1;
    } finally {
      ended = true;
    }
  })();
  const stream = encodeLines(source);
  for await (const _ of decodeLines(stream, undefined)) break;
  stream.destroy();
  while (!ended) await new Promise(setImmediate);
  t.true(ended);
});

test('a stream of good lines that never ends is refused', async t => {
  const endless = (async function* () {
    for (;;) yield Buffer.from('1\n'.repeat(1000));
  })();
  await t.throwsAsync(collect(decodeLines(endless, Type.Integer(), 1_000_000)), {code: 'LIMIT_EXCEEDED'});
});
