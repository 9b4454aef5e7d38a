import test from 'ava';
import fc from 'fast-check';
import {compareItems, type ItemRecord, itemId} from '../../source/core/item.js';
import {mergeSorted} from '../../source/core/merge-streams.js';
import {OperatorError} from '../../source/core/operator-error.js';

const file = (path: string, seq = 1): ItemRecord => ({
  type: 'file',
  path,
  kind: 'file',
  vector: 'a:1',
  deleted: false,
  seq,
  digest: '',
  size: 0,
  mtime: '0',
  mode: 0o644,
});

async function* streamOf(records: readonly ItemRecord[]) {
  yield* records;
}

test('two streams become pairs, each item once', async t => {
  const paths = fc.uniqueArray(
    fc.string({unit: fc.constantFrom('a', 'b', '/', '-', '\u{1f600}', '\uffee'), minLength: 1}),
  );
  const sorted = (list: string[]) => list.map(path => file(path)).sort(compareItems);
  await fc.assert(
    fc.asyncProperty(paths, paths, async (left, right) => {
      const pairs = await Array.fromAsync(mergeSorted(streamOf(sorted(left)), streamOf(sorted(right))));
      const seen = pairs.map(({local, remote}) => {
        if (local && remote && itemId(local) !== itemId(remote)) throw new Error('two items in one pair');
        return itemId((local ?? remote)!);
      });
      const expected = new Set([...left, ...right].map(path => `f:${path}`));
      if (seen.length !== expected.size || !seen.every(id => expected.has(id)))
        throw new Error('lost or doubled');
      if (pairs.filter(pair => pair.local).length !== left.length) throw new Error('lost at the local side');
    }),
  );
  t.pass();
});

test('a stream out of order is refused', async t => {
  const error = await t.throwsAsync(
    () => Array.fromAsync(mergeSorted(streamOf([file('b'), file('a')]), streamOf([]))),
    {instanceOf: OperatorError},
  );
  t.is(error?.code, 'BAD_REQUEST');
});

test('both streams are closed when the reader stops early', async t => {
  const closed: string[] = [];
  async function* endless(name: string) {
    try {
      for (let at = 0; ; at++) yield file(String(at).padStart(9, '0'));
    } finally {
      closed.push(name);
    }
  }
  for await (const pair of mergeSorted(endless('local'), endless('remote'))) {
    t.truthy(pair.local);
    break;
  }
  t.deepEqual(closed.sort(), ['local', 'remote']);
});
