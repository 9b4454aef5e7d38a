import test from 'ava';
import type {RowRecord} from '../../source/core/item.js';
import type {ItemPair} from '../../source/core/merge-streams.js';
import {mirrorPlan} from '../../source/core/mirror.js';
import type {ReconcileInput} from '../../source/core/reconcile.js';
import {
  copy,
  describeTable,
  file,
  folder,
  gone,
  operations,
  pair,
  plan,
  replicas,
  row,
  shown,
} from './records.js';

const upload = {profile: {direction: 'upload', policy: 'remote-wins', replace: 'newer'}} as const;
const download = {profile: {direction: 'download', policy: 'remote-wins', replace: 'newer'}} as const;
const remoteWins = {profile: {direction: 'bidirectional', policy: 'remote-wins', replace: 'newer'}} as const;

type Case = [
  title: string,
  pairs: ItemPair[],
  input: Partial<ReconcileInput>,
  expected: string[],
  conflict?: string,
];

const cases: Case[] = [
  ['a new row goes to the other side', [pair(row('1', 'l:1', 'a'), undefined)], {}, ['create t:1@remote']],
  [
    'only one side changed: it wins',
    [pair(row('1', 'l:1', 'a'), row('1', 'l:1,r:1', 'b'))],
    {},
    ['update t:1@local'],
  ],
  ['a deletion travels', [pair(row('1', 'l:1', 'a'), row('1', 'l:1,r:1', ''))], {}, ['delete t:1@local']],
  ['equal content is never a conflict', [pair(row('1', 'l:1', 'a'), row('1', 'r:1', 'a'))], {}, []],
  [
    'created on both sides',
    [pair(row('1', 'l:1', 'a'), row('1', 'r:1', 'b'))],
    {},
    ['conflict t:1@remote'],
    'insert_exists',
  ],
  [
    'changed on both sides',
    [pair(row('1', 'l:1,o:1', 'a'), row('1', 'o:1,r:1', 'b'))],
    remoteWins,
    ['conflict t:1@local'],
    'update_differing',
  ],
  [
    'changed where it wins, deleted there',
    [pair(row('1', 'l:2', 'a'), row('1', 'l:1,r:1', ''))],
    {},
    ['conflict t:1@remote'],
    'update_recently_deleted',
  ],
  [
    'changed here, deleted where it wins',
    [pair(row('1', 'l:2', 'a'), row('1', 'l:1,r:1', ''))],
    remoteWins,
    ['conflict t:1@local'],
    'delete_recently_updated',
  ],
  [
    'upload overwrites what only the destination changed',
    [pair(row('1', 'l:1', 'a'), row('1', 'l:1,r:1', 'b'))],
    upload,
    ['update t:1@remote'],
  ],
  [
    'upload overwrites what both changed',
    [pair(row('1', 'l:2', 'a'), row('1', 'l:1,r:1', 'b'))],
    upload,
    ['update t:1@remote'],
  ],
  [
    'upload brings back what the destination deleted',
    [pair(row('1', 'l:1', 'a'), row('1', 'l:1,r:1', ''))],
    upload,
    ['create t:1@remote'],
  ],
  [
    'upload deletes what the source deleted',
    [pair(row('1', 'l:2', ''), row('1', 'l:1', 'a'))],
    upload,
    ['delete t:1@remote'],
  ],
  [
    'upload deletes it also where it was changed',
    [pair(row('1', 'l:2', ''), row('1', 'l:1,r:1', 'b'))],
    upload,
    ['delete t:1@remote'],
  ],
  [
    'upload leaves alone a key that the destination used again',
    [pair(row('1', 'l:2', ''), row('1', 'l:2,r:1', 'b'))],
    upload,
    [],
  ],
  ['upload leaves alone what only the destination has', [pair(undefined, row('1', 'r:1', 'b'))], upload, []],
  [
    'download is upload mirrored',
    [pair(row('1', 'l:1,r:1', 'a'), row('1', 'r:1', 'b')), pair(row('2', 'l:1', 'x'), undefined)],
    download,
    ['update t:1@local'],
  ],
  [
    'the first run of files leaves the direction of rows',
    [pair(undefined, row('1', 'r:1', 'b'))],
    {...upload, firstFileRun: true},
    [],
  ],
  [
    'what was undone is held',
    [pair(row('1', 'l:1', 'a'), undefined)],
    {held: new Map([['r:t:["1"]', 'run-1']])},
    ['skip t:1@remote'],
  ],
];

for (const [title, pairs, input, expected, conflict] of cases)
  test(title, t => {
    const result = plan(pairs, input);
    t.deepEqual(shown(result), expected);
    t.is(result.actions[0]?.conflict, conflict);
  });

test('a one-way run gives the destination a version that is newer than both, and the source learns of it', t => {
  const {actions} = plan([pair(row('1', 'l:2', 'a'), row('1', 'l:1,r:1', 'b'))], upload);
  t.deepEqual(operations(actions[0]), ['put t:1@remote l:2,r:2', 'adopt t:1@local l:2,r:2']);
});

// Families.

const two = {
  local: [describeTable('p'), describeTable('c')],
  remote: [describeTable('p'), describeTable('c')],
};
const child = (key: string, vector = 'r:1') => row(key, vector, 'c', 'c');
const parentGone = pair(row('1', 'l:2', '', 'p'), row('1', 'l:1', 'p', 'p'));
const edge = (from: RowRecord, key: string, table = 'p') =>
  ({child: from, parent: {type: 'row', table, key: [key]}}) as const;
const atRemote = (...edges: ReturnType<typeof edge>[]) => ({
  tables: two,
  families: {local: [], remote: edges},
});

test('a parent deleted here and a child added there are one conflict: the child goes', t => {
  const {actions, counts} = plan([parentGone, pair(undefined, child('7'))], atRemote(edge(child('7'), '1')));
  t.deepEqual(shown({actions}), ['conflict p:1@remote']);
  t.is(actions[0]?.conflict, 'delete_recently_updated');
  t.deepEqual(operations(actions[0]), ['delete p:1@remote l:2', 'delete c:7@remote r:2']);
  t.is(counts.conflicts, 1);
});

test('a parent deleted here and a child added there are one conflict: the parent comes back', t => {
  const {actions} = plan([parentGone, pair(undefined, child('7'))], {
    ...atRemote(edge(child('7'), '1')),
    ...remoteWins,
  });
  t.deepEqual(shown({actions}), ['conflict p:1@local']);
  t.is(actions[0]?.conflict, 'update_recently_deleted');
  t.deepEqual(operations(actions[0]), ['put p:1@local l:3', 'adopt p:1@remote l:3', 'put c:7@local r:1']);
});

test('the winner decides for grandparents and grandchildren too', t => {
  const pairs = [
    parentGone,
    pair(row('2', 'l:2', '', 'p'), row('2', 'l:1', 'p', 'p')),
    pair(undefined, child('7')),
    pair(undefined, child('8')),
  ];
  const parent = row('2', 'l:1', 'p', 'p');
  const families = atRemote(edge(parent, '1'), edge(child('7'), '2'), edge(child('8'), '7', 'c'));
  const {actions} = plan(pairs, families);
  t.deepEqual(shown({actions}), ['conflict p:1@remote']);
  t.deepEqual(
    operations(actions[0]).map(text => text.split(' ').slice(0, 2).join(' ')),
    ['delete p:1@remote', 'delete p:2@remote', 'delete c:7@remote', 'delete c:8@remote'],
  );
});

test('a child that goes with its parent anyway is no conflict', t => {
  const goes = child('7', 'l:1');
  const {actions} = plan([parentGone, pair(row('7', 'l:2', '', 'c'), goes)], atRemote(edge(goes, '1')));
  t.deepEqual(shown({actions}), ['delete c:7@remote', 'delete p:1@remote']);
});

test('a child that the other side moved elsewhere is no conflict', t => {
  const moved = child('7', 'l:1');
  const {actions} = plan(
    [parentGone, pair(row('7', 'l:2', 'new parent', 'c'), moved)],
    atRemote(edge(moved, '1')),
  );
  t.deepEqual(shown({actions}), ['update c:7@remote', 'delete p:1@remote']);
});

test('a child that is alike on both sides is no conflict', t => {
  const {actions} = plan([parentGone, pair(child('7'), child('7'))], atRemote(edge(child('7'), '1')));
  t.deepEqual(shown({actions}), ['delete p:1@remote']);
});

test('a child that was moved to the deleted parent goes back to where the winner has it', t => {
  const moved = row('7', 'l:1,r:1', 'moved', 'c');
  const pairs = [parentGone, pair(row('7', 'l:1', 'before', 'c'), moved)];
  t.deepEqual(operations(plan(pairs, atRemote(edge(moved, '1'))).actions[0]), [
    'delete p:1@remote l:2',
    'put c:7@remote l:1,r:2',
    'adopt c:7@local l:1,r:2',
  ]);
});

test('upload: a parent that the source deleted goes with the children that only the destination has', t => {
  const {actions} = plan([parentGone, pair(undefined, child('7'))], {
    ...atRemote(edge(child('7'), '1')),
    ...upload,
  });
  t.deepEqual(shown({actions}), ['delete p:1@remote']);
  t.deepEqual(operations(actions[0]), ['delete p:1@remote l:2', 'delete c:7@remote r:2']);
});

test('a row that refers to itself is no family', t => {
  const self = row('1', 'l:1', 'p', 'p');
  t.deepEqual(shown(plan([parentGone], atRemote(edge(self, '1')))), ['delete p:1@remote']);
});

// Tables.

const tableCases: [string, Partial<ReconcileInput>, ItemPair[], string[], RegExp][] = [
  [
    'a table that one side lacks is one skip that names it',
    {tables: {local: [describeTable('t'), describeTable('u')], remote: [describeTable('t')]}},
    [pair(row('1', 'l:1', 'a', 'u'), undefined), pair(row('1', 'l:1', 'a'), undefined)],
    ['create t:1@remote', 'skip u@remote'],
    /u: the remote site has no such table/,
  ],
  [
    'a column that one side lacks leaves out that table',
    {tables: {local: [describeTable('t', {columns: ['id', 'x', 'y']})], remote: [describeTable('t')]}},
    [pair(row('1', 'l:1', 'a'), undefined)],
    ['skip t@remote'],
    /t: the remote site has no column y/,
  ],
  [
    'a column that the local side lacks does too',
    {tables: {local: [describeTable('t')], remote: [describeTable('t', {columns: ['id', 'x', 'y', 'z']})]}},
    [pair(row('1', 'l:1', 'a'), undefined)],
    ['skip t@local'],
    /t: the local site has no column y, z/,
  ],
  [
    'another order of columns does not matter',
    {tables: {local: [describeTable('t', {columns: ['x', 'id']})], remote: [describeTable('t')]}},
    [pair(row('1', 'l:1', 'a'), undefined)],
    ['create t:1@remote'],
    /^$/,
  ],
  [
    'different primary keys leave the table out',
    {tables: {local: [describeTable('t', {primaryKey: ['x']})], remote: [describeTable('t')]}},
    [pair(row('1', 'l:1', 'a'), undefined)],
    ['skip t@remote'],
    /primary keys differ/,
  ],
  [
    'a table that cannot take part says why',
    {tables: {local: [describeTable('t', {problem: 'a virtual table'})], remote: [describeTable('t')]}},
    [],
    ['skip t@remote'],
    /local: a virtual table/,
  ],
  [
    'a table that one site excludes is not mentioned, whether it has it or not',
    {excluded: ['T*'], tables: {local: [], remote: [describeTable('t')]}},
    [pair(undefined, row('1', 'r:1', 'a'))],
    [],
    /^$/,
  ],
  [
    'both ways, a table without a primary key is left alone',
    {tables: {local: [describeTable('k', {primaryKey: []})], remote: [describeTable('k', {primaryKey: []})]}},
    [pair(copy('k', 'l:1', 'a'), copy('k', 'r:1', 'b'))],
    ['skip k@remote'],
    /no primary key/,
  ],
  [
    'one way, it is copied as a whole',
    {
      ...upload,
      tables: {local: [describeTable('k', {primaryKey: []})], remote: [describeTable('k', {primaryKey: []})]},
    },
    [pair(copy('k', 'l:1', 'a'), copy('k', 'r:1', 'b'))],
    ['update k@remote'],
    /as a whole/,
  ],
  [
    'one way, equal copies are nothing to do',
    {
      ...upload,
      tables: {local: [describeTable('k', {primaryKey: []})], remote: [describeTable('k', {primaryKey: []})]},
    },
    [pair(copy('k', 'l:1', 'a'), copy('k', 'r:1', 'a'))],
    [],
    /^$/,
  ],
];

for (const [title, input, pairs, expected, reason] of tableCases)
  test(title, t => {
    const result = plan(pairs, input);
    t.deepEqual(shown(result), expected);
    t.regex(result.actions.find(({item}) => item.type === 'table')?.reason ?? '', reason);
    t.true(
      result.actions.every(
        ({item, reason: text}) => item.type !== 'table' || text?.includes(item.table) || text !== '',
      ),
    );
  });

test('a skipped table counts, one without a primary key does not', t => {
  const tables = (primaryKey: string[]) => ({
    local: [describeTable('k', {primaryKey}), describeTable('t')],
    remote: [describeTable('k', {primaryKey})],
  });
  t.is(plan([], {tables: tables([])}).counts.skipped, 1);
  t.deepEqual(
    plan([], {tables: tables([])}).actions.map(({counted}) => counted),
    [false, undefined],
  );
});

test('a copied table expects the copy that was seen', t => {
  const keyless = [describeTable('k', {primaryKey: []})];
  const {actions} = plan([pair(copy('k', 'l:1', 'a'), copy('k', 'r:1', 'b'))], {
    ...upload,
    tables: {local: keyless, remote: keyless},
  });
  t.deepEqual(actions[0]?.operations, [
    {
      side: 'remote',
      operation: {op: 'copy-table', table: 'k', keyed: false, expect: {state: 'present', digest: 'b'}},
    },
  ]);
});

// Initial sync.

test('the initial sync makes the destination equal to the source and copies tables as a whole', t => {
  const result = mirrorPlan({
    source: 'local',
    replicas,
    occupied: {local: new Set(), remote: new Set(['kept'])},
    tables: {
      local: [describeTable('t'), describeTable('k', {primaryKey: []}), describeTable('u')],
      remote: [describeTable('t'), describeTable('k', {primaryKey: []})],
    },
    pairs: [
      pair(file('same', 'l:1'), file('same', 'r:1')),
      pair(file('new', 'l:1'), undefined),
      pair(file('changed', 'l:1'), file('changed', 'l:1,r:1', {digest: 'e'})),
      pair(undefined, file('extra', 'r:1')),
      pair(undefined, folder('kept', 'r:1')),
      pair(gone('old', 'l:2'), gone('old', 'l:1')),
      pair(row('1', 'l:1', 'a'), row('1', 'r:1', 'b')),
    ],
  });
  t.deepEqual(shown(result), [
    'update changed@remote',
    'delete extra@remote',
    'create new@remote',
    'update k@remote',
    'update t@remote',
    'skip u@remote',
  ]);
  t.deepEqual(operations(result.actions[1]), ['delete extra@remote r:2']);
  t.deepEqual(operations(result.actions[4]), ['copy-table t@remote']);
  t.is(result.counts.skipped, 1);
});

test('an initial download mirrors the remote site', t => {
  const result = mirrorPlan({
    source: 'remote',
    replicas,
    occupied: {local: new Set(), remote: new Set()},
    tables: {local: [], remote: []},
    pairs: [pair(file('a', 'l:1'), undefined), pair(undefined, file('b', 'r:1'))],
  });
  t.deepEqual(shown(result), ['delete a@local', 'create b@local']);
});
