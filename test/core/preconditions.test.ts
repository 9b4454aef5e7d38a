import test from 'ava';
import {
  checkInitialSync,
  checkPreconditions,
  clockSkewMs,
  type InitialSyncFacts,
  initialSyncError,
  preconditionError,
  type SideFacts,
} from '../../source/core/preconditions.js';

const clock = (agentMs: number) => ({agentMs, askedMs: 1_000_000, answeredMs: 1_000_100});
const side = (changes: Partial<SideFacts> = {}): SideFacts => ({
  fingerprint: 'a',
  site: 'main',
  version: '7.6.6',
  engine: 'sqlite',
  clock: clock(1_000_050),
  ...changes,
});

const cases: [string, SideFacts, boolean, string[]][] = [
  ['two sites of one version', side({fingerprint: 'b'}), true, []],
  ['two sites of one agent', side({site: 'other'}), true, []],
  ['a site with itself', side(), true, ['same-site']],
  ['another version', side({fingerprint: 'b', version: '7.6.7'}), true, ['version-differs']],
  [
    'a clock five minutes ahead is allowed',
    side({fingerprint: 'b', clock: clock(1_000_050 + 300_000)}),
    true,
    [],
  ],
  [
    'a clock more than five minutes ahead is not',
    side({fingerprint: 'b', clock: clock(1_000_051 + 300_000)}),
    true,
    ['clock-skew'],
  ],
  ['nor one behind', side({fingerprint: 'b', clock: clock(1_000_049 - 300_000)}), true, ['clock-skew']],
  ['another database engine', side({fingerprint: 'b', engine: 'mysql'}), true, ['engine-differs']],
  ['no database where one is needed', side({fingerprint: 'b', engine: null}), true, ['engine-differs']],
  ['no database where none is needed', side({fingerprint: 'b', engine: null}), false, []],
];

for (const [title, remote, includesDatabase, kinds] of cases)
  test(title, t => {
    const failed = checkPreconditions({local: side(), remote}, {includesDatabase});
    t.deepEqual(
      failed.map(({kind}) => kind),
      kinds as (typeof failed)[number]['kind'][],
    );
    for (const one of failed) {
      t.is(preconditionError(one).exitCode, 8);
      t.truthy(preconditionError(one).hint);
    }
  });

test('a slow answer is not taken for a wrong clock', t => {
  const slow = {agentMs: 1_300_000, askedMs: 1_000_000, answeredMs: 1_600_000};
  t.is(clockSkewMs(slow, clock(1_000_050)), 0);
});

const facts: InitialSyncFacts = {
  force: false,
  source: {files: 10, rows: 10},
  destination: {files: 0, rows: 0},
  allowForce: false,
  sitesAtDestination: 1,
  relationshipsOfDestination: ['r'],
};

const initial: [string, Partial<InitialSyncFacts>, string[]][] = [
  ['an empty destination is filled', {}, []],
  ['a destination of the same size is overwritten', {destination: {files: 10, rows: 10}}, []],
  ['a destination that was staged before is refused', {initialSync: {at: 't', from: 's'}}, ['staged-before']],
  ['a larger destination is refused', {destination: {files: 11, rows: 10}}, ['source-smaller']],
  ['force needs the configuration', {force: true, initialSync: {at: 't', from: 's'}}, ['force-not-allowed']],
  [
    'force overrides size and staging',
    {force: true, allowForce: true, destination: {files: 99, rows: 99}, initialSync: {at: 't', from: 's'}},
    [],
  ],
  [
    'force is refused for an agent with several sites',
    {force: true, allowForce: true, sitesAtDestination: 2},
    ['several-sites'],
  ],
  [
    'force is refused with several relationships',
    {force: true, allowForce: true, relationshipsOfDestination: ['r', 's']},
    ['several-relationships'],
  ],
];

for (const [title, changes, kinds] of initial)
  test(`initial sync: ${title}`, t => {
    const refusals = checkInitialSync({...facts, ...changes});
    t.deepEqual(
      refusals.map(({kind}) => kind),
      kinds as (typeof refusals)[number]['kind'][],
    );
    for (const refusal of refusals) t.is(initialSyncError(refusal).exitCode, 8);
  });

test('a site without a version is said to have none', t => {
  const {message} = preconditionError({kind: 'version-differs', local: '', remote: '8.0'});
  t.is(message, 'The sites are of different versions: local none, remote 8.0.');
});
