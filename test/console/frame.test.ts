import test from 'ava';
import {formatAge, formatDuration, formatTime} from '../../source/console/format.js';
import {keyReference} from '../../source/console/key-reference.js';
import {layoutColumns} from '../../source/console/view/layout-columns.js';
import {cut, cutLeft, fitText, printable, widthOf, wrap} from '../../source/console/view/lines.js';
import {formatSize} from '../../source/core/byte-size.js';
import {drive, frameText} from './helpers/drive.js';
import {fakePlan, fakeWorld} from './helpers/fake-engine.js';
import {misfits} from './helpers/misfits.js';

const sizes = [
  [60, 15],
  [80, 24],
  [120, 40],
  [200, 60],
] as const;

const screens: readonly (readonly [name: string, keys: string])[] = [
  ['overview', ''],
  ['servers', 'S'],
  ['server', 'S enter'],
  ['add server', 'S a'],
  ['doctor', '!'],
  ['rename server', 'S N'],
  ['relationship', 'enter'],
  ['wizard', 'n'],
  ['wizard, last step', 'n enter enter enter'],
  ['profile form', 'enter n ctrl-s'],
  ['preview', 'enter p'],
  ['preview with a diff', 'enter p down down enter'],
  ['confirmation', 'enter p r'],
  ['run', 'enter r enter'],
  ['runs', 'R'],
  ['schedule', 's'],
  ['selection', 'enter s'],
  ['backups', 'S enter enter'],
  ['collisions', 'c'],
  ['history', 'enter H'],
  ['undo', 'R enter u'],
  ['live form', 'V e'],
  ['clusters', 'C'],
  ['live syncs', 'V'],
  ['cluster form', 'C e'],
  ['cluster relationship', 'C w'],
  ['package sites', 'P'],
  ['packages', 'P enter'],
  ['package', 'P enter enter'],
  ['package form', 'P enter n ctrl-s'],
  ['files to add', 'P enter down a'],
  ['registered files', 'P enter F'],
  ['import of a file', 'P enter F i ctrl-s'],
  ['link to a package', 'P enter K ctrl-s'],
  ['fetching a package', 'P enter f'],
  ['log', 'R enter'],
  ['skipped items', 'R s'],
  ['help', '?'],
  ['palette', ':'],
];

for (const [columns, rows] of sizes) {
  for (const [name, keys] of screens) {
    test(`${name} fills ${columns}x${rows} exactly`, async t => {
      const world = Object.assign(fakeWorld(), {plan: fakePlan(100)});
      const console = await drive({world, columns, rows});
      if (keys !== '') await console.press(...keys.split(' '));
      t.deepEqual(misfits(console.model()), []);
    });
  }
}

test('a terminal that is too small says so and keeps its size', async t => {
  const console = await drive({columns: 40, rows: 10});
  t.regex(console.text(), /needs\s+60x15/);
  t.is(frameText(console.model()).length, 10);
});

test('text from outside is written out where a terminal would obey it', t => {
  t.is(printable('a\x1b[31mb\u202ec\n'), 'a\\x1b[31mb\\u202ec\\x0a');
});

test('text is cut and padded by the columns it takes', t => {
  t.is(cut('abcdef', 4), 'abc~');
  t.is(cut('日本語', 5), '日本~');
  t.is(widthOf(fitText('日本語', 4)), 4);
  t.is(cutLeft('/a/long/path', 6), '~/path');
  t.is(fitText('7', 3, 'right'), '  7');
  t.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  t.deepEqual(wrap('at /srv/main/日本 it is', 6), ['at', '/srv/m', 'ain/日', '本 it', 'is']);
});

test('a table gives up optional columns before it cuts others', t => {
  const columns = [
    {title: 'Name', grow: true, text: String},
    {title: 'Direction', optional: 2, text: String},
    {title: 'By', optional: 1, text: String},
  ];
  const titles = columns.map(column => column.title);
  const cells = [['a'.repeat(30), 'bidirectional', 'anna']];
  const shown = (width: number) => layoutColumns(columns, titles, cells, width).map(column => column.index);
  t.deepEqual(shown(80), [0, 1, 2]);
  t.deepEqual(shown(45), [0, 2]);
  t.deepEqual(shown(30), [0]);
});

test('durations, sizes and times are human', t => {
  t.deepEqual([640, 7_000, 12_345, 133_000, 11_040_000].map(formatDuration), [
    '640 ms',
    '7.0 s',
    '12 s',
    '2 m 13 s',
    '3 h 4 m',
  ]);
  t.deepEqual([412, 1_887_437, 222_298_112, 1_048_575].map(formatSize), [
    '412 B',
    '1.8 MiB',
    '212 MiB',
    '1.0 MiB',
  ]);
  t.is(formatAge(300), 'now');
  const now = Date.parse('2026-11-21T14:02:11Z');
  const berlin = {timeZone: 'Europe/Berlin', show: 'local-named'} as const;
  t.is(formatTime('2026-11-21T02:00:41Z', now, berlin), 'today 03:00:41 Europe/Berlin');
  t.is(formatTime('2025-03-03T18:50:00Z', now, {timeZone: 'UTC', show: 'local'}), '3 Mar 2025 18:50');
});

test('the reference of keys comes from the tables and leaves none out', t => {
  const reference = keyReference();
  for (const text of ['`Ctrl-S`', '`⏎`', '### Preview', '### Everywhere', 'Run exactly what is shown']) {
    t.true(reference.includes(text), text);
  }
});
