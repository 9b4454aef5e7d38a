import test from 'ava';
import {applyCollisions, type Resolution} from '../../source/core/apply-collisions.js';
import {
  type CollisionRules,
  findCandidates,
  findClashes,
  findSameNames,
  type KnownCandidate,
  tablesInQuestion,
} from '../../source/core/find-collisions.js';
import type {RowRecord} from '../../source/core/item.js';
import type {ItemPair} from '../../source/core/merge-streams.js';
import type {NaturalKey} from '../../source/core/natural-key.js';
import type {Side} from '../../source/core/plan.js';
import {describeTable, operations, pair, plan, row, shown} from './records.js';

const naturalKey: NaturalKey = {kind: 'things', columns: ['name'], nameColumn: 'name'};
const keys = new Map([['t', naturalKey]]);
const replicas = {local: 'l', remote: 'r'};
const rules: CollisionRules = {replicas, numbers: {local: 1, remote: 2}};
const both = {
  replicas: {local: {files: 'f', database: 'l'}, remote: {files: 'g', database: 'r'}},
  tables: {local: [describeTable('t')], remote: [describeTable('t')]},
} as const;

/** `key@side`, in the order found. */
function candidates(pairs: ItemPair[], source?: Side): string[] {
  const profile = source === undefined ? {} : {profile: oneWay(source)};
  return findCandidates(plan(pairs, {...both, ...profile}), pairs, keys, source).map(
    ({home, record, clashes}) => `${record.key}@${home}${clashes ? ' clash' : ''}`,
  );
}

function oneWay(source: Side) {
  return {
    direction: source === 'local' ? ('upload' as const) : ('download' as const),
    policy: 'local-wins' as const,
    replace: 'newer' as const,
  };
}

const candidateCases: [title: string, pairs: ItemPair[], source: Side | undefined, expected: string[]][] = [
  [
    'new rows of both sides',
    [pair(row('1', 'l:1', 'a'), undefined), pair(undefined, row('2', 'r:1', 'b'))],
    undefined,
    ['1@local', '2@remote'],
  ],
  [
    'the changed version of a row that both have',
    [pair(row('1', 'l:2', 'a'), row('1', 'l:1', 'b'))],
    undefined,
    ['1@local'],
  ],
  [
    'both rows under one key',
    [pair(row('1', 'l:1', 'a'), row('1', 'r:1', 'b'))],
    undefined,
    ['1@local clash', '1@remote clash'],
  ],
  [
    'the winner of a conflict about one row',
    [pair(row('1', 'l:2,r:1', 'a'), row('1', 'l:1,r:2', 'b'))],
    undefined,
    ['1@local'],
  ],
  ['nothing of a row that goes', [pair(row('1', 'l:2', ''), row('1', 'l:1', 'b'))], undefined, []],
  [
    "the destination's own rows where one side is the source",
    [pair(row('1', 'l:1', 'a'), undefined), pair(undefined, row('2', 'r:1', 'b'))],
    'local',
    ['1@local', '2@remote'],
  ],
  [
    'nothing of what the destination had from the source',
    [pair(row('1', 'l:1', 'a'), row('1', 'l:1,r:1', 'b'))],
    'local',
    ['1@local'],
  ],
];

for (const [title, pairs, source, expected] of candidateCases)
  test(`candidates: ${title}`, t => t.deepEqual(candidates(pairs, source), expected));

test('rows of tables without a natural key, or without a partner, are not asked for', t => {
  const pairs = [pair(row('1', 'l:1', 'a', 'u'), undefined), pair(undefined, row('2', 'r:1', 'b', 'u'))];
  const tables = [describeTable('t'), describeTable('u')];
  t.deepEqual(
    findCandidates(plan(pairs, {tables: {local: tables, remote: tables}}), pairs, keys, undefined),
    [],
  );
  const alone = [pair(row('1', 'l:1', 'a'), undefined)];
  t.is(tablesInQuestion(findCandidates(plan(alone, both), alone, keys, undefined)).size, 0);
});

function known(
  home: Side,
  key: string,
  name: string,
  {
    vector = `${replicas[home]}:1`,
    created,
    clashes = false,
  }: {vector?: string; created?: string; clashes?: boolean} = {},
): KnownCandidate {
  const record = row(key, vector, `${home}-${key}`);
  return {
    home,
    record,
    pair: {[home]: record},
    clashes,
    values: [`t${name}`],
    ...(created === undefined ? {} : {created}),
  };
}

const losers = (found: readonly {loser: KnownCandidate}[]) =>
  found.map(({loser}) => `${loser.record.key}@${loser.home}`);

const nameCases: [
  title: string,
  rows: KnownCandidate[],
  change: Partial<CollisionRules>,
  expected: string[],
][] = [
  [
    'the server with the higher number gives way',
    [known('local', '9', 'x'), known('remote', '1', 'x')],
    {},
    ['1@remote'],
  ],
  [
    'the later one gives way where a time is known',
    [known('local', '1', 'x', {created: 't2026-11-20'}), known('remote', '2', 'x', {created: 't2026-11-19'})],
    {},
    ['1@local'],
  ],
  [
    'times are compared as numbers where they are numbers',
    [known('local', '1', 'x', {created: 'i1000'}), known('remote', '2', 'x', {created: 'i999'})],
    {},
    ['1@local'],
  ],
  [
    'without numbers the higher key gives way',
    [known('local', '10', 'x'), known('remote', '9', 'x')],
    {numbers: {}},
    ['10@local'],
  ],
  ['other names are no matter', [known('local', '1', 'x'), known('remote', '2', 'y')], {}, []],
  ['two of one side are that side’s business', [known('local', '1', 'x'), known('local', '2', 'x')], {}, []],
  [
    'all of the other side give way to the earliest',
    [known('local', '1', 'x'), known('remote', '2', 'x'), known('remote', '3', 'x')],
    {},
    ['2@remote', '3@remote'],
  ],
  [
    'only the destination gives way',
    [known('local', '9', 'x', {created: 't9'}), known('remote', '1', 'x', {created: 't1'})],
    {source: 'local'},
    ['1@remote'],
  ],
  ['an empty name is none', [known('local', '1', ''), known('remote', '2', '')], {}, []],
];

for (const [title, rows, change, expected] of nameCases)
  test(`names: ${title}`, t => {
    for (const order of [rows, rows.toReversed()]) {
      const found = findSameNames(order, () => 0, {...rules, ...change});
      t.deepEqual(losers(found.collisions).sort(), expected.toSorted());
      t.deepEqual(found.doubtful, []);
    }
  });

test('names that differ in case are for the database to judge', t => {
  const {collisions, doubtful} = findSameNames(
    [known('local', '1', 'Ann'), known('remote', '2', 'ANN ')],
    () => 0,
    rules,
  );
  t.deepEqual([losers(collisions), losers(doubtful)], [[], ['2@remote']]);
});

const clash = (home: Side, name: string, options = {}) => known(home, '5', name, {clashes: true, ...options});
const clashCases: [
  title: string,
  rows: KnownCandidate[],
  change: Partial<CollisionRules>,
  expected: string[],
][] = [
  ['different names are different rows', [clash('local', 'a'), clash('remote', 'b')], {}, ['5@remote']],
  ['one name is one row', [clash('local', 'a'), clash('remote', 'a')], {}, []],
  [
    'what others may refer to already keeps its key',
    [clash('local', 'a'), clash('remote', 'b', {vector: 'z:1', created: 't9'})],
    {},
    ['5@local'],
  ],
  ['the source keeps its key', [clash('local', 'a'), clash('remote', 'b')], {source: 'remote'}, ['5@local']],
];

for (const [title, rows, change, expected] of clashCases)
  test(`keys: ${title}`, t => t.deepEqual(losers(findClashes(rows, {...rules, ...change})), expected));

const moved = (home: Side, p: ItemPair, key: string, changes: Resolution['changes']): Resolution => ({
  home,
  pair: p,
  changes,
  key: [key],
  digest: 'new',
  reason: 'because',
  collision: {kind: 'things', table: 't', key: [key], column: 'name', original: 'x', modified: 'x2'},
});

test('a renamed row is written on both sides under one version that is new to both', t => {
  const pairs = [pair(row('1', 'l:1', 'a'), undefined), pair(undefined, row('2', 'r:1', 'b'))];
  const before = plan(pairs, both);
  const after = applyCollisions(before, [moved('local', pairs[0]!, '1', {name: 'tx1'})], rules);
  t.deepEqual(shown(after), ['update t:1@local', 'create t:1@remote', 'create t:2@local']);
  t.deepEqual(after.actions.map(operations), [
    ['put t:1@local l:1,r:1'],
    ['put t:1@remote l:1,r:1'],
    ['put t:2@local r:1'],
  ]);
  const [home, away] = after.actions.map(action => action.operations[0]!.operation);
  t.like(home, {
    derived: {here: true, key: ['1'], digest: 'a', changes: {name: 'tx1'}},
    expect: {state: 'present', digest: 'a'},
  });
  t.like(away, {derived: {here: false}, expect: {state: 'absent'}});
  t.truthy(after.actions[0]!.collision);
  t.is(after.actions[1]!.collision, undefined);
  t.not(after.hash, before.hash);
  const other = applyCollisions(before, [moved('local', pairs[0]!, '1', {name: 'tx1-2'})], rules);
  t.not(other.hash, after.hash, 'the new name is part of the hash');
});

test('a renumbered row leaves its key to the other side’s row', t => {
  const clashing = pair(row('5', 'l:1', 'a'), row('5', 'r:1', 'b'));
  const after = applyCollisions(plan([clashing], both), [moved('local', clashing, '6', {id: 'i6'})], rules);
  t.deepEqual(
    after.actions.map(action => [action.kind, action.side, ...operations(action)]),
    [
      ['update', 'local', 'put t:6@local r:1', 'put t:5@local l:2,r:1', 'adopt t:5@remote l:2,r:1'],
      ['create', 'remote', 'put t:6@remote r:1'],
    ],
  );
  t.is(after.counts.conflicts, 0);
});

test('a number that was used before goes on from the version of its deletion', t => {
  const clashing = pair(row('5', 'l:1', 'a'), row('5', 'r:1', 'b'));
  const former = pair(row('6', 'l:1,r:4', ''), row('6', 'l:3', ''));
  const after = applyCollisions(
    plan([clashing], both),
    [{...moved('local', clashing, '6', {id: 'i6'}), former}],
    rules,
  );
  t.is(operations(after.actions[0])[0], 'put t:6@local l:3,r:5');
});

test('a row whose key holds a renumbered one moves with it', t => {
  const follower = pair(row('5', 'l:1', 'a'), undefined);
  const after = applyCollisions(plan([follower], both), [moved('local', follower, '6', {id: 'i6'})], rules);
  t.deepEqual(after.actions.map(operations), [
    ['put t:6@local r:1', 'delete t:5@local l:1,r:1'],
    ['put t:6@remote r:1'],
  ]);
});

test('one way, only the destination is written', t => {
  const own = pair(undefined, row('2', 'r:1', 'b'));
  const pairs = [pair(row('1', 'l:1', 'a'), undefined), own];
  const upload = plan(pairs, {...both, profile: oneWay('local')});
  const after = applyCollisions(upload, [moved('remote', own, '2', {name: 'tx2'})], {
    ...rules,
    source: 'local',
  });
  t.deepEqual(after.actions.map(operations), [['put t:1@remote l:1'], ['put t:2@remote r:2']]);
});

test('rows of one conflict are left as they were decided', t => {
  const parent = pair(row('1', 'l:2', ''), row('1', 'l:1', 'p'));
  const child = pair(undefined, row('2', 'r:1', 'c'));
  const families = {
    local: [],
    remote: [{child: child.remote as RowRecord, parent: {type: 'row' as const, table: 't', key: ['1']}}],
  };
  const decided = plan([parent, child], {...both, families});
  t.is(decided.counts.conflicts, 1);
  t.is(applyCollisions(decided, [moved('remote', child, '2', {name: 'tx2'})], rules).hash, decided.hash);
});
