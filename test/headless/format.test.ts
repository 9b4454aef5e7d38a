import test from 'ava';
import {formatSize} from '../../source/core/byte-size.js';
import {formatDuration, formatItem, printable} from '../../source/headless/format.js';

for (const [durationMs, text] of [
  [0, '0 ms'],
  [850, '850 ms'],
  [12_000, '12 s'],
  [60_000, '1 m'],
  [133_000, '2 m 13 s'],
  [11_100_000, '3 h 5 m'],
  [180_000_000, '2 d 2 h'],
] as const)
  test(`a duration of ${durationMs} ms is ${text}`, t => t.is(formatDuration(durationMs), text));

for (const [sizeBytes, text] of [
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [421_888, '412 KiB'],
  [1_887_437, '1.8 MiB'],
  [1_048_575, '1.0 MiB'],
  [4_294_967_296, '4.0 GiB'],
] as const)
  test(`${sizeBytes} bytes are ${text}`, t => t.is(formatSize(sizeBytes), text));

test('an item is written as the command line takes it', t => {
  t.is(formatItem({type: 'file', path: 'a/b.txt'}), 'a/b.txt');
  t.is(formatItem({type: 'row', table: 'content', key: ['1042']}), 'content:1042');
  t.is(formatItem({type: 'row', table: 'members', key: ['1', 'x']}), 'members:["1","x"]');
  t.is(formatItem({type: 'table', table: 'visits'}), 'table visits');
});

test('text from elsewhere cannot steer the terminal', t => {
  t.is(printable('a\x1b[2Jb\rc\u202ed\ne'), 'a\\u001b[2Jb\\u000dc\\u202ed\ne');
});
