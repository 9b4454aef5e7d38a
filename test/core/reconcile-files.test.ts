import test from 'ava';
import type {ItemPair} from '../../source/core/merge-streams.js';
import {orderOperations} from '../../source/core/order-operations.js';
import type {ReconcileInput} from '../../source/core/reconcile.js';
import {file, folder, gone, operations, pair, plan, shown} from './records.js';

const upload = {profile: {direction: 'upload', policy: 'remote-wins', replace: 'newer'}} as const;
const download = {profile: {direction: 'download', policy: 'local-wins', replace: 'newer'}} as const;
const always = {profile: {...upload.profile, replace: 'always'}} as const;
const remoteWins = {profile: {direction: 'bidirectional', policy: 'remote-wins', replace: 'newer'}} as const;

type Case = [title: string, pairs: ItemPair[], input: Partial<ReconcileInput>, expected: string[]];

const cases: Case[] = [
  // Both ways (E10).
  ['a new file goes to the other side', [pair(file('a', 'l:1'), undefined)], {}, ['create a@remote']],
  ['a new file comes from the other side', [pair(undefined, file('a', 'r:1'))], {}, ['create a@local']],
  [
    'only one side changed: it wins',
    [pair(file('a', 'l:1', {digest: 'e'}), file('a', 'l:1,r:1'))],
    {},
    ['update a@local'],
  ],
  ['a deletion travels', [pair(gone('a', 'l:2'), file('a', 'l:1'))], {}, ['delete a@remote']],
  [
    'both changed: local wins',
    [pair(file('a', 'l:2,r:1'), file('a', 'l:1,r:2', {digest: 'e'}))],
    {},
    ['conflict a@remote'],
  ],
  [
    'both changed: remote wins',
    [pair(file('a', 'l:2,r:1'), file('a', 'l:1,r:2', {digest: 'e'}))],
    remoteWins,
    ['conflict a@local'],
  ],
  [
    'changed here, deleted there: local wins',
    [pair(file('a', 'l:2'), gone('a', 'l:1,r:1'))],
    {},
    ['conflict a@remote'],
  ],
  [
    'changed here, deleted there: remote wins',
    [pair(file('a', 'l:2'), gone('a', 'l:1,r:1'))],
    remoteWins,
    ['conflict a@local'],
  ],
  ['equal content is never a conflict', [pair(file('a', 'l:1'), file('a', 'r:1', {mtime: '9'}))], {}, []],
  ['deleted on both sides is nothing to do', [pair(gone('a', 'l:2'), gone('a', 'l:1,r:1'))], {}, []],
  [
    'equal versions of different content are a conflict',
    [pair(file('a', 'l:1'), file('a', 'l:1', {digest: 'e'}))],
    {},
    ['conflict a@remote'],
  ],
  [
    'a third site knows better than both',
    [pair(file('a', 'l:1,o:2,r:1'), file('a', 'l:1,r:1', {digest: 'e'}))],
    {},
    ['update a@remote'],
  ],
  // Attributes.
  [
    'a touched file moves no content',
    [pair(file('a', 'l:2', {mtime: '5'}), file('a', 'l:1'))],
    {},
    ['update a@remote'],
  ],
  [
    'permissions travel',
    [pair(file('a', 'l:1'), file('a', 'l:1,r:1', {mode: 0o600}))],
    {},
    ['update a@local'],
  ],
  [
    'permissions of equal files that differ are decided by policy',
    [pair(file('a', 'l:1', {mode: 0o600}), file('a', 'r:1'))],
    remoteWins,
    ['update a@local'],
  ],
  ['the time of a folder is no change', [pair(folder('a', 'l:2', {mtime: '5'}), folder('a', 'l:1'))], {}, []],
  [
    'permissions of a folder are',
    [pair(folder('a', 'l:2', {mode: 0o700}), folder('a', 'l:1'))],
    {},
    ['update a@remote'],
  ],
  [
    'mode and time of a link mean nothing',
    [
      pair(
        file('a', 'l:2', {kind: 'link', mode: 0o700, mtime: '5'}),
        file('a', 'l:1', {kind: 'link', mode: 0o777}),
      ),
    ],
    {},
    [],
  ],
  // One way, replace newer (E11).
  [
    'upload replaces what the source changed',
    [pair(file('a', 'l:2', {digest: 'e'}), file('a', 'l:1'))],
    upload,
    ['update a@remote'],
  ],
  [
    'upload leaves alone what is newer at the destination',
    [pair(file('a', 'l:1'), file('a', 'l:1,r:1', {digest: 'e'}))],
    upload,
    [],
  ],
  [
    'both changed: the younger source replaces',
    [pair(file('a', 'l:2', {mtime: '6'}), file('a', 'l:1,r:1', {digest: 'e', mtime: '5'}))],
    upload,
    ['update a@remote'],
  ],
  [
    'both changed: the older source does not',
    [pair(file('a', 'l:2', {mtime: '5'}), file('a', 'l:1,r:1', {digest: 'e', mtime: '5'}))],
    upload,
    [],
  ],
  [
    'times are compared as numbers',
    [pair(file('a', 'l:2', {mtime: '10'}), file('a', 'l:1,r:1', {digest: 'e', mtime: '9'}))],
    upload,
    ['update a@remote'],
  ],
  [
    'upload creates what the destination lacks',
    [pair(file('a', 'l:1'), undefined)],
    upload,
    ['create a@remote'],
  ],
  ['upload leaves alone what only the destination has', [pair(undefined, file('a', 'r:1'))], upload, []],
  [
    'upload deletes what the source deleted',
    [pair(gone('a', 'l:2'), file('a', 'l:1'))],
    upload,
    ['delete a@remote'],
  ],
  [
    'deleted at the source, changed at the destination: left alone',
    [pair(gone('a', 'l:2'), file('a', 'l:1,r:1'))],
    upload,
    [],
  ],
  [
    'changed at the source, deleted at the destination: created',
    [pair(file('a', 'l:2'), gone('a', 'l:1,r:1'))],
    upload,
    ['create a@remote'],
  ],
  ['deleted at the destination only: left alone', [pair(file('a', 'l:1'), gone('a', 'l:1,r:1'))], upload, []],
  [
    'a touch at the destination does not travel up',
    [pair(file('a', 'l:1'), file('a', 'l:1,r:1', {mode: 0o600}))],
    upload,
    [],
  ],
  [
    'permissions come from the source',
    [pair(file('a', 'l:1'), file('a', 'r:1', {mode: 0o600}))],
    upload,
    ['update a@remote'],
  ],
  [
    'download is upload mirrored',
    [
      pair(undefined, file('a', 'r:1')),
      pair(file('b', 'l:1'), undefined),
      pair(file('c', 'l:1,r:1'), file('c', 'l:1,r:2', {digest: 'e'})),
    ],
    download,
    ['create a@local', 'update c@local'],
  ],
  // One way, always.
  [
    'always: the destination is overwritten whoever changed',
    [pair(file('a', 'l:1'), file('a', 'l:1,r:1', {digest: 'e'}))],
    always,
    ['update a@remote'],
  ],
  [
    'always: what the destination deleted comes back',
    [pair(file('a', 'l:1'), gone('a', 'l:1,r:1'))],
    always,
    ['create a@remote'],
  ],
  [
    'always: a deletion wins over a change',
    [pair(gone('a', 'l:2'), file('a', 'l:1,r:1'))],
    always,
    ['delete a@remote'],
  ],
  [
    'always: what was made again after the deletion stays',
    [pair(gone('a', 'l:2'), file('a', 'l:2,r:1'))],
    always,
    [],
  ],
  ['always: what only the destination has stays', [pair(undefined, file('a', 'r:1'))], always, []],
  // First run (E10).
  [
    'the first run goes both ways, and the source of an upload wins',
    [pair(undefined, file('a', 'r:1')), pair(file('b', 'l:1'), file('b', 'r:1', {digest: 'e'}))],
    {...upload, firstFileRun: true},
    ['create a@local', 'conflict b@remote'],
  ],
  [
    'the first run goes both ways, and the source of a download wins',
    [pair(file('b', 'l:1'), file('b', 'r:1', {digest: 'e'}))],
    {...download, firstFileRun: true},
    ['conflict b@local'],
  ],
  // Folders.
  [
    'a folder and what is in it are separate actions',
    [pair(folder('a', 'l:1'), undefined), pair(file('a/x', 'l:1'), undefined)],
    {},
    ['create a@remote', 'create a/x@remote'],
  ],
  [
    'something new in a deleted folder survives, with the folder',
    [
      pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1')),
      pair(gone('a/x', 'l:2'), file('a/x', 'l:1')),
      pair(undefined, file('a/new', 'r:1')),
    ],
    {},
    ['create a@local', 'create a/new@local', 'delete a/x@remote'],
  ],
  [
    'something new deep in a deleted folder brings back all folders above it',
    [
      pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1')),
      pair(gone('a/b', 'l:2', 'folder'), folder('a/b', 'l:1')),
      pair(undefined, file('a/b/new', 'r:1')),
    ],
    {},
    ['create a@local', 'create a/b@local', 'create a/b/new@local'],
  ],
  [
    'a change that lost against a deletion does not keep the folder',
    [pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1')), pair(gone('a/x', 'l:2'), file('a/x', 'l:1,r:1'))],
    {},
    ['delete a@remote', 'conflict a/x@remote'],
  ],
  [
    'a change that won against a deletion brings the folder back',
    [pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1')), pair(gone('a/x', 'l:2'), file('a/x', 'l:1,r:1'))],
    remoteWins,
    ['create a@local', 'conflict a/x@local'],
  ],
  [
    'a folder with content that is not in scope is kept silently',
    [pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1')), pair(gone('a/x', 'l:2'), file('a/x', 'l:1'))],
    {occupied: {local: new Set(), remote: new Set(['a'])}},
    ['delete a/x@remote'],
  ],
  [
    'so is every folder above it',
    [
      pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1')),
      pair(gone('a/b', 'l:2', 'folder'), folder('a/b', 'l:1')),
    ],
    {occupied: {local: new Set(), remote: new Set(['a/b'])}},
    [],
  ],
  [
    'content that is not in scope on the other side keeps nothing',
    [pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1'))],
    {occupied: {local: new Set(['a']), remote: new Set()}},
    ['delete a@remote'],
  ],
  [
    'upload: the destination keeps a deleted folder for what only it has',
    [pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1')), pair(undefined, file('a/own', 'r:1'))],
    upload,
    [],
  ],
  [
    'upload: a folder that the destination deleted comes back for what is new in it',
    [pair(folder('a', 'l:1'), gone('a', 'l:1,r:1', 'folder')), pair(file('a/new', 'l:1'), undefined)],
    upload,
    ['create a@remote', 'create a/new@remote'],
  ],
  [
    'names that only begin alike are not below each other',
    [
      pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1')),
      pair(undefined, file('a-b', 'r:1')),
      pair(undefined, file('ab', 'r:1')),
    ],
    {},
    ['delete a@remote', 'create a-b@local', 'create ab@local'],
  ],
  // Changes of type.
  [
    'file and link are two contents of one name',
    [pair(file('a', 'l:2', {kind: 'link'}), file('a', 'l:1'))],
    {},
    ['update a@remote'],
  ],
  [
    'file and link changed on both sides are one conflict',
    [pair(file('a', 'l:2', {kind: 'link'}), file('a', 'l:1,r:1'))],
    {},
    ['conflict a@remote'],
  ],
  [
    'a folder that became a file on one side',
    [pair(file('a', 'l:2'), folder('a', 'l:1')), pair(gone('a/x', 'l:2'), file('a/x', 'l:1'))],
    {},
    ['update a@remote', 'delete a/x@remote'],
  ],
  [
    'a file that became a folder on one side',
    [pair(folder('a', 'l:2'), file('a', 'l:1')), pair(file('a/x', 'l:1'), undefined)],
    {},
    ['update a@remote', 'create a/x@remote'],
  ],
  [
    'a folder and a file made on both sides are one conflict for the subtree',
    [
      pair(folder('a', 'l:1'), file('a', 'r:1')),
      pair(file('a/x', 'l:1'), undefined),
      pair(folder('a/b', 'l:1'), undefined),
      pair(file('a/b/y', 'l:1'), undefined),
    ],
    {},
    ['conflict a@remote'],
  ],
  [
    'a folder that became a file here and got something new there is one conflict',
    [
      pair(file('a', 'l:2'), folder('a', 'l:1')),
      pair(gone('a/x', 'l:2'), file('a/x', 'l:1')),
      pair(undefined, file('a/new', 'r:1')),
    ],
    remoteWins,
    ['conflict a@local'],
  ],
  [
    'a file does not replace a folder with content that is not in scope',
    [pair(file('a', 'l:2'), folder('a', 'l:1')), pair(gone('a/x', 'l:2'), file('a/x', 'l:1'))],
    {occupied: {local: new Set(), remote: new Set(['a/kept'])}},
    ['skip a@remote'],
  ],
  [
    'upload, newer: a file does not replace a folder with changes of its own',
    [pair(file('a', 'l:2'), folder('a', 'l:1')), pair(undefined, file('a/own', 'r:1'))],
    upload,
    ['skip a@remote'],
  ],
  [
    'upload, always: it does',
    [pair(file('a', 'l:2'), folder('a', 'l:1')), pair(undefined, file('a/own', 'r:1'))],
    always,
    ['update a@remote'],
  ],
  [
    'upload: nothing is created below what stays a file',
    [pair(folder('a', 'l:1'), file('a', 'l:1,r:1')), pair(file('a/x', 'l:1'), undefined)],
    upload,
    [],
  ],
  // Problems.
  [
    'an unreadable file is one skip',
    [pair(file('a', 'l:2', {problem: 'EACCES'}), file('a', 'l:1'))],
    {},
    ['skip a@remote'],
  ],
  [
    'nothing below an unreadable folder is taken for deleted',
    [
      pair(folder('a', 'l:1', {problem: 'EACCES'}), folder('a', 'l:1')),
      pair(gone('a/x', 'l:2'), file('a/x', 'l:1')),
      pair(undefined, file('a/y', 'r:1')),
    ],
    {},
    ['skip a@remote'],
  ],
  [
    'nor below what has become a special file',
    [
      pair(file('a', 'l:2', {problem: 'a FIFO'}), folder('a', 'l:1')),
      pair(gone('a/x', 'l:2'), file('a/x', 'l:1')),
    ],
    {},
    ['skip a@remote'],
  ],
  [
    'upload: a special file that only the destination has is its own business',
    [pair(undefined, file('a', 'r:1', {problem: 'a FIFO'}))],
    upload,
    [],
  ],
  [
    'upload: one in the way is a skip at the destination',
    [pair(file('a', 'l:1'), file('a', 'r:1', {problem: 'a FIFO'}))],
    upload,
    ['skip a@remote'],
  ],
  [
    'download: one at the source is a skip at the destination',
    [pair(undefined, file('a', 'r:1', {problem: 'a FIFO'}))],
    download,
    ['skip a@local'],
  ],
  [
    'a folder to be deleted stays for what cannot be read in it',
    [
      pair(gone('a', 'l:2', 'folder'), folder('a', 'l:1')),
      pair(undefined, file('a/f', 'r:1', {problem: 'a FIFO'})),
    ],
    {},
    ['skip a/f@local'],
  ],
  [
    'a problem that is over is none',
    [pair({...gone('a', 'l:2'), problem: 'EACCES'}, file('a', 'l:1'))],
    {},
    ['delete a@remote'],
  ],
  // Names that one side cannot hold both.
  [
    'names that differ in case only are skipped where both cannot be',
    [pair(file('A', 'l:1'), undefined), pair(file('a', 'l:1'), undefined)],
    {caseInsensitive: {local: false, remote: true}},
    ['create A@remote', 'skip a@remote'],
  ],
  [
    'names that differ in Unicode form only are skipped, with what is below',
    [
      pair(folder('\u00fc', 'l:1'), folder('\u00fc', 'l:1')),
      pair(folder('u\u0308', 'l:1'), undefined),
      pair(file('u\u0308/x', 'l:1'), undefined),
    ],
    {caseInsensitive: {local: false, remote: true}},
    ['skip u\u0308@remote'],
  ],
  [
    'a rename that only changes case is done',
    [pair(gone('A', 'l:2'), file('A', 'l:1')), pair(file('a', 'l:1'), undefined)],
    {caseInsensitive: {local: false, remote: true}},
    ['delete A@remote', 'create a@remote'],
  ],
  [
    'where both can be, both are created',
    [pair(file('A', 'l:1'), undefined), pair(file('a', 'l:1'), undefined)],
    {caseInsensitive: {local: true, remote: false}},
    ['create A@remote', 'create a@remote'],
  ],
  // Held after an undo.
  [
    'what was undone is held',
    [pair(file('a', 'l:2', {digest: 'e'}), file('a', 'l:1'))],
    {held: new Map([['f:a', 'run-1']])},
    ['skip a@remote'],
  ],
];

for (const [title, pairs, input, expected] of cases)
  test(title, t => {
    t.deepEqual(shown(plan(pairs, input)), expected);
    t.deepEqual(shown(plan(pairs.toReversed(), input)), expected, 'in another order');
  });

test('the losing side writes the version that is newer than both, and the winner learns of it', t => {
  const {actions, counts} = plan([pair(file('a', 'l:2'), file('a', 'l:1,r:1', {digest: 'e'}))]);
  t.deepEqual(operations(actions[0]), ['put a@remote l:2,r:2', 'adopt a@local l:2,r:2']);
  t.is(actions[0]?.conflict, 'update_differing');
  t.is(actions[0]?.winner, 'local');
  t.deepEqual(counts.conflicts, 1);
  t.deepEqual(counts.remote, {create: 0, update: 0, delete: 0});
});

test('a newer version travels as it is', t => {
  t.deepEqual(operations(plan([pair(file('a', 'l:2'), file('a', 'l:1', {digest: 'e'}))]).actions[0]), [
    'put a@remote l:2',
  ]);
  t.deepEqual(operations(plan([pair(gone('a', 'l:2'), file('a', 'l:1'))]).actions[0]), [
    'delete a@remote l:2',
  ]);
  t.deepEqual(operations(plan([pair(file('a', 'l:2', {mtime: '2'}), file('a', 'l:1'))]).actions[0]), [
    'touch a@remote l:2',
  ]);
});

test('equal content under versions that do not know of each other is adopted on both sides', t => {
  const result = plan([pair(file('a', 'l:1'), file('a', 'r:1'))]);
  t.deepEqual(result.actions, []);
  t.deepEqual(
    result.adoptions.map(({side, operation}) => [
      side,
      operation.op,
      'vector' in operation && operation.vector,
    ]),
    [
      ['local', 'adopt', 'l:1,r:1'],
      ['remote', 'adopt', 'l:1,r:1'],
    ],
  );
});

test('an operation says what it expects to find', t => {
  const [update, create] = plan([
    pair(file('a', 'l:2', {digest: 'e'}), file('a', 'l:1')),
    pair(file('b', 'l:2'), gone('b', 'l:1')),
  ]).actions;
  t.deepEqual(update?.operations[0]?.operation.expect, {
    state: 'present',
    kind: 'file',
    digest: 'd',
    mode: 0o644,
  });
  t.deepEqual(create?.operations[0]?.operation.expect, {state: 'absent'});
});

test('a conflict of types moves the whole subtree in one action', t => {
  const pairs = [
    pair(folder('a', 'l:1'), file('a', 'r:1')),
    pair(folder('a/b', 'l:1'), undefined),
    pair(file('a/b/y', 'l:1'), undefined),
  ];
  t.deepEqual(operations(plan(pairs).actions[0]), [
    'put a@remote l:1,r:2',
    'adopt a@local l:1,r:2',
    'put a/b@remote l:1',
    'put a/b/y@remote l:1',
  ]);
  t.is(plan(pairs).actions[0]?.conflict, 'type_differs');
  t.deepEqual(operations(plan(pairs, remoteWins).actions[0]), [
    'put a@local l:2,r:1',
    'adopt a@remote l:2,r:1',
    'delete a/b@local l:2',
    'delete a/b/y@local l:2',
  ]);
});

test('operations come in an order that works', t => {
  const {actions} = plan([
    pair(gone('old', 'l:2', 'folder'), folder('old', 'l:1')),
    pair(gone('old/x', 'l:2'), file('old/x', 'l:1')),
    pair(gone('old/y', 'l:2', 'folder'), folder('old/y', 'l:1')),
    pair(gone('old/y/z', 'l:2'), file('old/y/z', 'l:1')),
    pair(folder('locked', 'l:2', {mode: 0o555}), folder('locked', 'l:1')),
    pair(file('locked/new', 'l:1'), undefined),
    pair(folder('new', 'l:1'), undefined),
    pair(file('new/x', 'l:1'), undefined),
  ]);
  t.deepEqual(
    orderOperations(actions, 'remote').map(({operation}) =>
      'record' in operation && operation.record.type === 'file'
        ? `${operation.op} ${operation.record.path}`
        : 'item' in operation && operation.item.type === 'file'
          ? `${operation.op} ${operation.item.path}`
          : '',
    ),
    [
      'delete old/y/z',
      'delete old/y',
      'delete old/x',
      'delete old',
      'put locked/new',
      'put new',
      'put new/x',
      'touch locked',
    ],
  );
  t.deepEqual(orderOperations(actions, 'local'), []);
});

test('reasons say what stood in the way', t => {
  const reasonOf = (pairs: ItemPair[], input: Partial<ReconcileInput> = {}) =>
    plan(pairs, input).actions[0]?.reason ?? '';
  t.regex(
    reasonOf([pair(file('a', 'l:2', {problem: 'EACCES: permission denied'}), undefined)]),
    /local: EACCES/,
  );
  const held = plan([pair(file('a', 'l:1'), undefined)], {
    held: new Map([['f:a', '20261201-020000-abcdef']]),
  });
  t.is(held.actions[0]?.reason, 'held after undo of 20261201-020000-abcdef');
  t.is(held.actions[0]?.counted, false);
  t.is(held.counts.skipped, 0);
});

test('the hash tells one world from another, not one listing from another', t => {
  const world = [pair(file('a', 'l:2'), file('a', 'l:1', {digest: 'e'})), pair(undefined, file('b', 'r:1'))];
  const hash = plan(world).hash;
  t.regex(hash, /^[0-9a-f]{64}$/);
  t.is(plan(world.toReversed()).hash, hash);
  t.is(plan([pair(file('a', 'l:2', {seq: 77}), file('a', 'l:1', {digest: 'e'})), world[1]!]).hash, hash);
  t.not(plan([pair(file('a', 'l:2', {digest: 'f'}), file('a', 'l:1', {digest: 'e'})), world[1]!]).hash, hash);
  t.not(plan([pair(file('a', 'l:2'), file('a', 'l:1', {digest: 'f'})), world[1]!]).hash, hash);
  t.not(plan(world.slice(1)).hash, hash);
});
