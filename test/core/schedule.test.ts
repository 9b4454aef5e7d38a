import test from 'ava';
import {OperatorError} from '../../source/core/operator-error.js';
import {formatSchedule, nextStart, parseSchedule, sharedStart} from '../../source/core/schedule.js';

const at = (text: string) => Date.parse(text);
const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());

/** The first starts of a schedule after a moment. */
function starts(text: string, after: string, count: number): string[] {
  const found: string[] = [];
  let ms: number | undefined = at(after);
  while (found.length < count) {
    ms = nextStart(parseSchedule(text), ms);
    if (ms === undefined) break;
    found.push(iso(ms)!);
  }
  return found;
}

const cases: [string, string, string, string[]][] = [
  [
    'once is over after its start',
    'once 2026-12-01T02:00 Europe/Berlin',
    '2026-01-01T00:00:00Z',
    ['2026-12-01T01:00:00.000Z'],
  ],
  [
    'a start in the past of a one-time schedule never comes',
    'once 2026-12-01T02:00 Europe/Berlin',
    '2026-12-01T01:00:00Z',
    [],
  ],
  [
    'daily begins with its start date, not before',
    'daily 2026-12-01T02:00 Europe/Berlin',
    '2026-01-01T00:00:00Z',
    ['2026-12-01T01:00:00.000Z', '2026-12-02T01:00:00.000Z'],
  ],
  [
    'the next start is strictly later',
    'daily 2026-12-01T02:00 Europe/Berlin',
    '2026-12-01T01:00:00Z',
    ['2026-12-02T01:00:00.000Z'],
  ],
  [
    'half a second before the start it is still to come',
    'daily 2026-12-01T02:00 Europe/Berlin',
    '2026-12-01T00:59:59.500Z',
    ['2026-12-01T01:00:00.000Z'],
  ],
  [
    'daily keeps its local time over the end of summer time',
    'daily 2026-10-01T03:30 Europe/Berlin',
    '2026-10-23T12:00:00Z',
    ['2026-10-24T01:30:00.000Z', '2026-10-25T02:30:00.000Z', '2026-10-26T02:30:00.000Z'],
  ],
  [
    'a time left out by summer time starts when the clock jumps',
    'daily 2026-03-01T02:30 Europe/Berlin',
    '2026-03-28T02:00:00Z',
    ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
  ],
  [
    'a time that comes twice starts once',
    'daily 2026-10-01T02:30 Europe/Berlin',
    '2026-10-24T12:00:00Z',
    ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
  ],
  [
    'once in a gap starts when the clock jumps',
    'once 2026-03-29T02:30 Europe/Berlin',
    '2026-03-01T00:00:00Z',
    ['2026-03-29T01:00:00.000Z'],
  ],
  [
    'hourly goes on every hour when the clock jumps forward',
    'hourly 2026-03-01T00:15 Europe/Berlin',
    '2026-03-29T00:00:00Z',
    ['2026-03-29T00:15:00.000Z', '2026-03-29T01:15:00.000Z', '2026-03-29T02:15:00.000Z'],
  ],
  [
    'hourly goes on every hour when an hour comes twice',
    'hourly 2026-03-01T00:15 Europe/Berlin',
    '2026-10-24T23:59:00Z',
    ['2026-10-25T00:15:00.000Z', '2026-10-25T01:15:00.000Z', '2026-10-25T02:15:00.000Z'],
  ],
  [
    'weekly takes the weekday of its start',
    'weekly 2026-12-01T02:00 Europe/Berlin',
    '2026-11-01T00:00:00Z',
    ['2026-12-01T01:00:00.000Z', '2026-12-08T01:00:00.000Z'],
  ],
  [
    'weekly takes several weekdays',
    'weekly:thu,mon 2026-12-01T02:00 Europe/Berlin',
    '2026-11-01T00:00:00Z',
    ['2026-12-03T01:00:00.000Z', '2026-12-07T01:00:00.000Z', '2026-12-10T01:00:00.000Z'],
  ],
  [
    'monthly skips months without the day',
    'monthly:31 2026-01-01T02:00 UTC',
    '2026-01-01T00:00:00Z',
    [
      '2026-01-31T02:00:00.000Z',
      '2026-03-31T02:00:00.000Z',
      '2026-05-31T02:00:00.000Z',
      '2026-07-31T02:00:00.000Z',
      '2026-08-31T02:00:00.000Z',
    ],
  ],
  [
    'monthly on the 29th of February waits for a leap year in that month',
    'monthly:29 2027-01-30T02:00 UTC',
    '2027-01-30T00:00:00Z',
    ['2027-03-29T02:00:00.000Z'],
  ],
  [
    'seconds are kept where they are named',
    'daily 2026-12-01T02:00:07 UTC',
    '2026-12-01T00:00:00Z',
    ['2026-12-01T02:00:07.000Z', '2026-12-02T02:00:07.000Z'],
  ],
  [
    'monthly takes the day of its start',
    'monthly 2026-12-24T18:00 America/New_York',
    '2026-12-01T00:00:00Z',
    ['2026-12-24T23:00:00.000Z', '2027-01-24T23:00:00.000Z'],
  ],
];

for (const [title, text, after, expected] of cases)
  test(title, t => {
    t.deepEqual(starts(text, after, Math.max(1, expected.length)), expected);
  });

test('the text form survives reading and writing', t => {
  for (const text of [
    'once 2026-12-01T02:00 Europe/Berlin',
    'once 2026-12-01T02:00:30 Europe/Berlin',
    'hourly 2026-12-01T02:15 UTC',
    'daily 2026-12-01T02:00 America/New_York',
    'weekly:mon,thu 2026-12-01T02:00 Asia/Kolkata',
    'monthly:31 2026-12-01T02:00 Europe/Berlin',
  ])
    t.is(formatSchedule(parseSchedule(text)), text);
  t.is(
    formatSchedule(parseSchedule('weekly:Thursday,monday 2026-12-01T02:00 UTC')),
    'weekly:mon,thu 2026-12-01T02:00 UTC',
  );
});

for (const [title, text] of [
  ['an unknown kind', 'yearly 2026-12-01T02:00 Europe/Berlin'],
  ['a day that does not exist', 'daily 2026-02-30T02:00 Europe/Berlin'],
  ['a time that does not exist', 'daily 2026-02-01T24:00 Europe/Berlin'],
  ['a second that does not exist', 'daily 2026-02-01T12:00:60 Europe/Berlin'],
  ['an unknown zone', 'daily 2026-12-01T02:00 Europe/Atlantis'],
  ['an offset in place of a zone', 'daily 2026-12-01T02:00 +01:00'],
  ['a missing zone', 'daily 2026-12-01T02:00'],
  ['a 32nd', 'monthly:32 2026-12-01T02:00 UTC'],
  ['an unknown weekday', 'weekly:mon,noday 2026-12-01T02:00 UTC'],
  ['nothing', ''],
] as const)
  test(`refused as a schedule: ${title}`, t => {
    t.is(t.throws(() => parseSchedule(text), {instanceOf: OperatorError})?.code, 'USAGE');
  });

test('schedules that would start at the same moment are found, also across zones', t => {
  const shared = (a: string, b: string) =>
    iso(sharedStart(parseSchedule(a), parseSchedule(b), at('2026-01-01T00:00:00Z')));
  t.is(shared('daily 2026-01-01T02:00 UTC', 'daily 2026-01-01T03:00 UTC'), undefined);
  t.is(
    shared('daily 2026-01-10T02:00 UTC', 'daily 2026-01-01T03:00 Europe/Berlin'),
    '2026-01-10T02:00:00.000Z',
  );
  t.is(
    shared('hourly 2026-01-01T00:15 UTC', 'hourly 2026-01-05T00:15 Europe/Berlin'),
    '2026-01-04T23:15:00.000Z',
  );
  t.is(shared('hourly 2026-01-01T00:15 UTC', 'hourly 2026-01-01T00:16 UTC'), undefined);
  t.is(
    shared('monthly:31 2026-01-01T02:00 UTC', 'weekly:mon 2026-01-01T02:00 UTC'),
    '2026-08-31T02:00:00.000Z',
  );
  t.is(shared('once 2026-02-01T02:00 UTC', 'daily 2026-03-01T02:00 UTC'), undefined);
});
