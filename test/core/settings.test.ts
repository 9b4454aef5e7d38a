import test from 'ava';
import {defaultSettings, isChoice, nextChoice, parseSettings} from '../../source/core/settings.js';

const documents: readonly (readonly [name: string, value: unknown, expected: object])[] = [
  ['nothing', undefined, {}],
  ['a list', ['utc'], {}],
  ['an unknown value', {times: 'mars', refresh: 5}, {}],
  ['known values among unknown names', {times: 'utc', refresh: '5', other: 1}, {times: 'utc', refresh: '5'}],
];
for (const [name, value, expected] of documents)
  test(`settings from ${name}`, t => t.deepEqual(parseSettings(value), {...defaultSettings, ...expected}));

test('values follow one another in a ring', t => {
  t.is(nextChoice('times', 'local'), 'local-named');
  t.is(nextChoice('times', 'utc'), 'local');
  t.true(isChoice('colours', 'never'));
  t.false(isChoice('colours', 'utc'));
});
