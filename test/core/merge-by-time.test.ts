import test from 'ava';
import {mergeByTime, type TimedLine} from '../../source/core/merge-by-time.js';

async function* stream(text: string): AsyncGenerator<TimedLine> {
  for (const word of text.split(' ').filter(part => part !== ''))
    yield {at: Number(/\d+/.exec(word)?.[0]), line: word};
}

const cases: readonly [name: string, streams: string[], expected: string][] = [
  ['nothing', [], ''],
  ['empty streams', ['', ''], ''],
  ['two streams', ['a1 a4 a5', 'b2 b3 b6'], 'a1 b2 b3 a4 a5 b6'],
  ['of one moment those of the earlier stream come first', ['a1 a2x a2y', 'b1 b2'], 'a1 b1 a2x a2y b2'],
  ['a stream keeps its order though its times go back', ['a1 a5 a3 a6', 'b4 b5'], 'a1 b4 a5 a3 b5 a6'],
];

for (const [name, streams, expected] of cases)
  test(name, async t => {
    const merged = await Array.fromAsync(mergeByTime(streams.map(stream)));
    t.is(merged.map(({line}) => line).join(' '), expected);
    t.deepEqual(
      merged.map(({at}) => at),
      merged.map(({at}) => at).toSorted((a, b) => a - b),
    );
  });

test('a stream that fails fails the merging, and the others are left', async t => {
  let left = false;
  async function* endless(): AsyncGenerator<TimedLine> {
    try {
      for (let at = 1; ; at += 1) yield {at, line: String(at)};
    } finally {
      left = true;
    }
  }
  async function* failing(): AsyncGenerator<TimedLine> {
    yield {at: 2, line: 'x'};
    throw new Error('gone');
  }
  await t.throwsAsync(Array.fromAsync(mergeByTime([endless(), failing()])), {message: 'gone'});
  t.true(left);
});
