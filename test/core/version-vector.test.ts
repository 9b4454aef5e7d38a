import test from 'ava';
import fc from 'fast-check';
import {
  bumpVector,
  compareVectors,
  formatVector,
  mergeVectors,
  parseVector,
} from '../../source/core/version-vector.js';

const vector = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', 'c1'), fc.integer({min: 1, max: 3}))
  .map(counters => formatVector(new Map(Object.entries(counters))));

for (const [a, b, order] of [
  ['', '', 'equal'],
  ['a:1', '', 'newer'],
  ['', 'a:1', 'older'],
  ['a:1,b:1', 'a:1', 'newer'],
  ['a:2', 'a:10', 'older'],
  ['a:1', 'b:1', 'concurrent'],
  ['a:2,b:1', 'a:1,b:2', 'concurrent'],
] as const)
  test(`"${a}" against "${b}" is ${order}`, t => {
    t.is(compareVectors(a, b), order);
  });

test('merging is the least upper bound, and an edit is newer than what it came from', t => {
  const atLeast = (a: string, b: string) => ['equal', 'newer'].includes(compareVectors(a, b));
  fc.assert(
    fc.property(vector, vector, vector, (a, b, c) => {
      const merged = mergeVectors(a, b);
      return (
        formatVector(parseVector(a)) === a &&
        merged === mergeVectors(b, a) &&
        atLeast(merged, a) &&
        atLeast(merged, b) &&
        (!(atLeast(c, a) && atLeast(c, b)) || atLeast(c, merged)) &&
        compareVectors(bumpVector(a, 'b'), a) === 'newer'
      );
    }),
  );
  t.pass();
});

for (const text of [
  'a',
  'a:0',
  'a:1,a:2',
  'b:1,a:1',
  'A:1',
  'a:1.5',
  'a:-1',
  ',',
  'a:1,',
  'a:99999999999999999999',
])
  test(`refused as a vector: "${text}"`, t => {
    t.throws(() => parseVector(text), {instanceOf: RangeError});
  });
