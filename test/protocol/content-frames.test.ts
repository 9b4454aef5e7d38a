import test from 'ava';
import fc from 'fast-check';
import {OperatorError} from '../../source/core/operator-error.js';
import {decodeFrames, encodeFrame, type Frame, frameLimits} from '../../source/protocol/content-frames.js';

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array, void> {
  let offset = 0;
  for (let turn = 0; offset < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}

async function decode(bytes: Uint8Array, sizes: readonly number[] = [1 << 20]): Promise<Frame[]> {
  return Array.fromAsync(decodeFrames(cut(bytes, sizes)));
}

const done = encodeFrame({type: 'done'});

test('frames come out as they went in, however the stream is cut', t =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({maxLength: 300}), {maxLength: 20}),
      fc.array(fc.integer({min: 1, max: 64}), {minLength: 1, maxLength: 5}),
      async (bodies, sizes) => {
        const stream = Buffer.concat([
          ...bodies.flatMap(body => encodeFrame({type: 'piece'}, body)),
          ...done,
        ]);
        const frames = await decode(stream, sizes);
        t.deepEqual(
          frames.slice(0, -1).map(({body}) => [...body]),
          bodies.map(body => [...body]),
        );
      },
    ),
    {numRuns: 100},
  ));

test('a stream that is cut off anywhere is refused', async t => {
  const stream = Buffer.concat([...encodeFrame({type: 'piece'}, Buffer.from('content')), ...done]);
  for (let length = 0; length < stream.length; length++)
    await t.throwsAsync(decode(stream.subarray(0, length)), {instanceOf: OperatorError}, `${length} bytes`);
});

test('whatever bytes come, they are frames or they are refused', t =>
  fc.assert(
    fc.asyncProperty(fc.uint8Array({maxLength: 200}), async bytes => {
      await t.throwsAsync(decode(bytes), {instanceOf: OperatorError});
    }),
    {numRuns: 300},
  ));

test('a frame that announces too much is refused before it is read', async t => {
  for (const [header, body] of [
    [frameLimits.header + 1, 0],
    [10, frameLimits.body + 1],
    [0xffffffff, 0xffffffff],
  ] as const) {
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32BE(header, 0);
    lengths.writeUInt32BE(body, 4);
    const error = await t.throwsAsync(decode(lengths), {instanceOf: OperatorError});
    t.is(error?.code, 'LIMIT_EXCEEDED');
  }
});

test('a header of no known kind, and one with more than belongs there, are refused', async t => {
  for (const header of [
    '{"type":"other"}',
    '[]',
    'null',
    '{"type":"piece","more":1}',
    '{"type":"batch","files":[["..",1]]}',
  ]) {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(header.length, 0);
    const error = await t.throwsAsync(decode(Buffer.concat([head, Buffer.from(header)])), {
      instanceOf: OperatorError,
    });
    t.is(error?.code, 'BAD_REQUEST');
  }
});

test('nothing may follow the end', async t => {
  await t.throwsAsync(decode(Buffer.concat([...done, ...done])), {instanceOf: OperatorError});
});
