import test from 'ava';
import {backupName, isBackupOf, parseBackupName} from '../../source/core/backup-name.js';
import {expiredBackups} from '../../source/core/backup-retention.js';

const at = (text: string) => Date.parse(text);

test('a name tells database and moment', t => {
  const ms = at('2026-12-01T02:03:04.005Z');
  t.is(backupName('content', ms), 'content20261201020304005.lockstep.bak');
  t.deepEqual(parseBackupName('content20261201020304005.lockstep.bak'), {database: 'content', atMs: ms});
  t.deepEqual(parseBackupName(backupName('shop2026', ms)), {database: 'shop2026', atMs: ms});
  t.true(isBackupOf(backupName('my db/ü', ms), 'my db/ü'));
  for (const name of [
    'content.lockstep.bak',
    'content20261301020304005.lockstep.bak',
    'content20261201020304005.bak',
    '20261201020304005.lockstep.bak',
    '.content20261201020304005.lockstep.bak',
    'a/b20261201020304005.lockstep.bak',
  ])
    t.is(parseBackupName(name), undefined, name);
});

const day = 86_400_000;
const backup = (daysAgo: number, good = true) => ({
  name: `${daysAgo}${good ? '' : '!'}`,
  atMs: 100 * day - daysAgo * day,
  good,
});
const gone = (...args: Parameters<typeof expiredBackups>) => expiredBackups(...args).map(({name}) => name);

test('what is more than the number, or too old, goes', t => {
  const all = [3, 1, 2, 0].map(days => backup(days));
  t.deepEqual(gone(all, {keep: 2}, 100 * day), ['2', '3']);
  t.deepEqual(gone(all, {keep: 10, maxAgeMs: 1.5 * day}, 100 * day), ['2', '3']);
  t.deepEqual(gone(all, {keep: 10}, 100 * day), []);
});

test('the newest good one stays whatever happens, and no bad one takes its place', t => {
  t.deepEqual(gone([backup(50), backup(60)], {keep: 1, maxAgeMs: day}, 100 * day), ['60']);
  t.deepEqual(gone([backup(0, false), backup(1, false), backup(2)], {keep: 1}, 100 * day), []);
  t.deepEqual(gone([backup(0), backup(1, false), backup(2)], {keep: 1}, 100 * day), ['1!', '2']);
  t.deepEqual(gone([backup(0), backup(1)], {keep: 1}, 100 * day, new Set(['1'])), []);
});
