import test from 'ava';
import {compareLogFiles, parseLogName} from '../../source/core/log-rotation.js';

const names: readonly [path: string, stem: string, compression: string | undefined][] = [
  ['logs/access.log', 'logs/access.log', undefined],
  ['logs/access.log.1', 'logs/access.log', undefined],
  ['logs/access.log.12.gz', 'logs/access.log', 'gz'],
  ['logs/access.log-20261101.zst', 'logs/access.log', 'zst'],
  ['logs/access.log-2026-11-01', 'logs/access.log', undefined],
  ['logs/access.log.2026-11-01-03.bz2', 'logs/access.log', 'unreadable'],
  ['logs/access.log.old', 'logs/access.log', undefined],
  ['logs/server2.log', 'logs/server2.log', undefined],
];

for (const [path, stem, compression] of names)
  test(`${path} belongs to ${stem}`, t => t.deepEqual(parseLogName(path), {stem, compression}));

test('oldest first: by date, by falling number, the one that is written to last', t => {
  const files = ['a.log', 'a.log.1', 'a.log.10.gz', 'a.log.2.gz', 'a.log-20261102', 'a.log-20261101.gz'];
  t.deepEqual(files.sort(compareLogFiles), [
    'a.log-20261101.gz',
    'a.log-20261102',
    'a.log.10.gz',
    'a.log.2.gz',
    'a.log.1',
    'a.log',
  ]);
});
