import test from 'ava';
import fc from 'fast-check';
import {
  type NaturalKeySettings,
  naturalKeyOf,
  naturalKeyProblem,
  proposeName,
} from '../../source/core/natural-key.js';

const table = (name: string, columns: string, primaryKey = 'id') => ({
  table: name,
  columns: columns.split(' '),
  primaryKey: primaryKey.split(' '),
});

const detected: [name: string, columns: string, kind: string, key: string, created?: string][] = [
  ['users', 'id name email created_at', 'users', 'name', 'created_at'],
  ['User', 'id login', 'users', 'login'],
  ['groups', 'id name', 'groups', 'name'],
  ['folders', 'id parent_id name owner_id', 'folders', 'parent_id name'],
  ['metadata_definitions', 'id name kind', 'metadata', 'name'],
  ['messages', 'id reply_to subject text sent_at', 'messages', 'reply_to subject', 'sent_at'],
];

for (const [name, columns, kind, key, created] of detected)
  test(`the natural key of ${name} (${columns}) is ${key}`, t => {
    const found = naturalKeyOf(table(name, columns));
    t.is(found?.kind, kind);
    t.deepEqual(found?.columns, key.split(' '));
    t.is(found?.nameColumn, key.split(' ').at(-1));
    t.is(found?.createdColumn, created);
  });

const none: [title: string, ...Parameters<typeof naturalKeyOf>][] = [
  ['a table of another name', table('pages', 'id name')],
  ['a table without the column', table('users', 'id email')],
  ['a table whose name is its primary key', table('metadata_definitions', 'name kind', 'name')],
  ['a table without a primary key', {table: 'users', columns: ['name'], primaryKey: []}],
  ['a table whose configuration says that it has none', table('users', 'id name'), {naturalKey: []}],
  ['columns that there are not', table('pages', 'id name'), {naturalKey: ['title']}],
];

for (const [title, shape, settings] of none)
  test(`no natural key: ${title}`, t => t.is(naturalKeyOf(shape, settings), undefined));

test('agent.json decides over what is detected', t => {
  const settings: NaturalKeySettings = {
    kind: 'sections',
    naturalKey: ['site', 'label', 'parent_id'],
    nameColumn: 'label',
    created: 'made',
  };
  t.deepEqual(naturalKeyOf(table('folders', 'id parent_id name label site made'), settings), {
    kind: 'sections',
    columns: ['site', 'label', 'parent_id'],
    nameColumn: 'label',
    createdColumn: 'made',
  });
  t.deepEqual(naturalKeyOf(table('pages', 'id folder title'), {naturalKey: ['folder', 'title']}), {
    kind: 'pages',
    columns: ['folder', 'title'],
    nameColumn: 'title',
  });
  t.regex(
    naturalKeyProblem(table('pages', 'id name'), {naturalKey: ['title']}) ?? '',
    /does not have: title/,
  );
  t.regex(
    naturalKeyProblem(table('pages', 'id name title'), {naturalKey: ['title'], nameColumn: 'name'}) ?? '',
    /must be part/,
  );
  t.is(naturalKeyProblem(table('users', 'id name'), {naturalKey: []}), undefined);
});

const names: [
  original: string,
  key: string[],
  attempt: number,
  limit: number | undefined,
  proposed: string,
][] = [
  ['Marketing', ['11329'], 0, undefined, 'Marketing11329'],
  ['Marketing', ['11329'], 1, undefined, 'Marketing11329-2'],
  ['Marketing', ['de', '7'], 0, undefined, 'Marketingde-7'],
  ['Marketing', ['11329'], 0, 10, 'Marke11329'],
  ['Marketing', ['11329'], 1, 10, 'Mar11329-2'],
  ['Köln 🏰🏰', ['12'], 0, 8, 'Köln 🏰12'],
  ['a', ['123456'], 0, 4, '3456'],
];

for (const [original, key, attempt, limit, proposed] of names)
  test(`"${original}" ${key} becomes "${proposed}"${limit === undefined ? '' : ` within ${limit}`}`, t =>
    t.is(proposeName(original, key, attempt, limit), proposed));

test('a proposed name never exceeds its limit, and attempts differ as long as there is room', t => {
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.string({unit: 'grapheme', maxLength: 40}),
        fc.nat(1e9).map(String),
        fc.integer({min: 14, max: 60}),
        (original, id, limit) => {
          const proposed = [0, 1, 2, 3].map(attempt => proposeName(original, [id], attempt, limit));
          return proposed.every(name => [...name].length <= limit) && new Set(proposed).size === 4;
        },
      ),
    ),
  );
});
