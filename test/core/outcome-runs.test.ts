import test from 'ava';
import {joinOutcomes, packOutcomes, unpackOutcomes} from '../../source/core/outcome-runs.js';
import type {OperationOutcome} from '../../source/core/site-description.js';

const cases: Record<string, {outcomes: OperationOutcome[]; packed: number}> = {
  nothing: {outcomes: [], packed: 0},
  'one outcome': {outcomes: [{index: 0, outcome: 'applied'}], packed: 1},
  'a run': {outcomes: [0, 1, 2].map(index => ({index, outcome: 'applied'})), packed: 1},
  'a run with a gap': {outcomes: [0, 1, 5, 6].map(index => ({index, outcome: 'applied'})), packed: 2},
  'two kinds': {
    outcomes: [
      {index: 0, outcome: 'applied'},
      {index: 1, outcome: 'unchanged'},
      {index: 2, outcome: 'unchanged'},
    ],
    packed: 2,
  },
  'one that needs words': {
    outcomes: [
      {index: 0, outcome: 'applied'},
      {index: 1, outcome: 'skipped', error: 'is gone'},
      {index: 2, outcome: 'applied', rows: 7},
      {index: 3, outcome: 'applied'},
      {index: 4, outcome: 'applied'},
    ],
    packed: 4,
  },
};

for (const [name, {outcomes, packed}] of Object.entries(cases))
  test(`outcomes are the same after they were joined: ${name}`, t => {
    const joined = [...packOutcomes(outcomes)];
    t.is(joined.length, packed);
    t.deepEqual([...unpackOutcomes(joined)], outcomes);
  });

test('two lists of outcomes become one, in order', t => {
  const files = [...packOutcomes([0, 1, 4].map(index => ({index, outcome: 'applied' as const})))];
  const rows: OperationOutcome[] = [
    {index: 2, outcome: 'applied'},
    {index: 3, outcome: 'skipped', error: 'is gone'},
    {index: 5, outcome: 'applied'},
  ];
  t.deepEqual(joinOutcomes(files, rows), [
    {from: 0, count: 3, outcome: 'applied'},
    {index: 3, outcome: 'skipped', error: 'is gone'},
    {from: 4, count: 2, outcome: 'applied'},
  ]);
  t.is(joinOutcomes([], rows), rows);
  t.is(joinOutcomes(files, []), files);
});
