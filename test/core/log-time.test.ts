import test from 'ava';
import {createLogClock, type LogTimeFormat} from '../../source/core/log-time.js';

const cases: readonly [name: string, format: LogTimeFormat, line: string, expected: string | undefined][] = [
  [
    'combined',
    {format: 'combined'},
    '127.0.0.1 - ann [10/Oct/2026:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "x"',
    '2026-10-10T20:55:36.000Z',
  ],
  ['combined without a time', {format: 'combined'}, 'at Object.<anonymous> (x.js:1)', undefined],
  [
    'common',
    {format: 'common'},
    '::1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.0" 404 -',
    '2026-01-01T00:00:00.000Z',
  ],
  ['ISO with a zone', {}, '2026-11-21T08:09:10.123+02:00 INFO x', '2026-11-21T06:09:10.123Z'],
  ['ISO in UTC with a comma', {}, '2026-11-21 08:09:10,5Z x', '2026-11-21T08:09:10.500Z'],
  ['in brackets', {}, '[2026-11-21 08:09:10 UTC] x', '2026-11-21T08:09:10.000Z'],
  ['without a zone', {}, '2026/11/21 08:09:10 [error] x', 'local 2026-11-21T08:09:10.000Z'],
  ['seconds since 1970', {}, '1795248000.250 443 TCP_MISS', '2026-11-21T08:00:00.250Z'],
  ['milliseconds since 1970', {}, '1795248000250 x', '2026-11-21T08:00:00.250Z'],
  ['a number that is none', {}, '17952480002 x', undefined],
  ['no time at all', {}, 'just words', undefined],
  ['no such month', {}, '2026-13-21 08:09:10Z x', undefined],
  ['common found by itself', {}, 'x - - [10/Oct/2026:13:55:36 +0000] "GET /"', '2026-10-10T13:55:36.000Z'],
  ['JSON', {format: 'json'}, '{"level":30,"time":1795248000250,"msg":"x"}', '2026-11-21T08:00:00.250Z'],
  ['JSON text', {format: 'json'}, '{"@timestamp": "2026-11-21T08:09:10Z"}', '2026-11-21T08:09:10.000Z'],
  [
    'configured',
    {timestamp: '%d.%m.%Y %H:%M:%S'},
    'host 21.11.2026 08:09:10 x',
    'local 2026-11-21T08:09:10.000Z',
  ],
  [
    'configured with month and zone',
    {timestamp: '(%d %b %Y, %H:%M:%S %z)'},
    'x (21 Nov 2026, 08:09:10 +0100)',
    '2026-11-21T07:09:10.000Z',
  ],
  ['configured seconds', {timestamp: 't=%s.%f'}, 'a t=1795248000.5 b', '2026-11-21T08:00:00.500Z'],
];

for (const [name, format, line, expected] of cases)
  test(name, t => {
    const found = createLogClock(format)(line);
    const text = found && `${found.zoned ? '' : 'local '}${new Date(found.ms).toISOString()}`;
    t.is(text, expected);
  });

test('a timestamp that cannot be understood is refused', t => {
  t.throws(() => createLogClock({timestamp: '%Q'}), {instanceOf: RangeError});
  t.throws(() => createLogClock({timestamp: '%H:%M:%S'}), {instanceOf: RangeError});
});
