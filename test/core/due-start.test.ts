import test from 'ava';
import {countedStarts, dueStart, handledUntil, isVerifyDue} from '../../source/core/due-start.js';
import {lastStart, parseSchedule} from '../../source/core/schedule.js';

const at = (text: string) => Date.parse(text);
const minute = 60_000;

const cases: [string, string, string, string, {at: string; count: number; missed: boolean} | undefined][] = [
  [
    'nothing is due before the start',
    'daily 2026-12-01T02:00 UTC',
    '2026-11-01T00:00:00Z',
    '2026-12-01T01:59:59Z',
    undefined,
  ],
  [
    'a start is due at its moment',
    'daily 2026-12-01T02:00 UTC',
    '2026-11-01T00:00:00Z',
    '2026-12-01T02:00:00Z',
    {at: '2026-12-01T02:00:00Z', count: 1, missed: false},
  ],
  [
    'a start that was handled is not due again',
    'daily 2026-12-01T02:00 UTC',
    '2026-12-01T02:00:00Z',
    '2026-12-01T02:00:30Z',
    undefined,
  ],
  [
    'a start that nobody was there for is missed',
    'daily 2026-12-01T02:00 UTC',
    '2026-11-01T00:00:00Z',
    '2026-12-01T03:00:00Z',
    {at: '2026-12-01T02:00:00Z', count: 1, missed: true},
  ],
  [
    'many missed starts are one, counted',
    'daily 2026-12-01T02:00 Europe/Berlin',
    '2026-12-01T01:00:00Z',
    '2026-12-08T12:00:00Z',
    {at: '2026-12-08T01:00:00Z', count: 7, missed: true},
  ],
  [
    'after a long sleep the start of just now is on time',
    'hourly 2026-12-01T00:00 UTC',
    '2026-12-01T00:00:00Z',
    '2026-12-01T05:00:10Z',
    {at: '2026-12-01T05:00:00Z', count: 5, missed: false},
  ],
  [
    'hourly goes on through the hour that comes twice',
    'hourly 2026-10-25T00:30 Europe/Berlin',
    '2026-10-25T00:30:00Z',
    '2026-10-25T01:30:20Z',
    {at: '2026-10-25T01:30:00Z', count: 1, missed: false},
  ],
  [
    'a one-time start is found however late',
    'once 2026-12-01T02:00 UTC',
    '2026-11-01T00:00:00Z',
    '2027-12-01T02:00:00Z',
    {at: '2026-12-01T02:00:00Z', count: 1, missed: true},
  ],
  [
    'the 31st is found two months later',
    'monthly:31 2026-01-31T02:00 UTC',
    '2026-01-31T02:00:00Z',
    '2026-05-30T02:00:00Z',
    {at: '2026-03-31T02:00:00Z', count: 1, missed: true},
  ],
];

for (const [title, text, handled, now, expected] of cases)
  test(title, t => {
    t.deepEqual(
      dueStart(parseSchedule(text), at(handled), at(now), minute),
      expected && {atMs: at(expected.at), count: expected.count, missed: expected.missed},
    );
  });

test('years of missed starts are counted to a limit, and the latest is found', t => {
  const due = dueStart(
    parseSchedule('hourly 2020-01-01T00:00 UTC'),
    at('2020-01-01T00:00:00Z'),
    at('2026-12-01T05:30:00Z'),
    minute,
  );
  t.deepEqual(due, {atMs: at('2026-12-01T05:00:00Z'), count: countedStarts, missed: true});
});

test('the last start within a span', t => {
  const schedule = parseSchedule('weekly:mon 2026-12-01T02:00 UTC');
  t.is(
    lastStart(schedule, at('2026-12-01T00:00:00Z'), at('2026-12-20T00:00:00Z')),
    at('2026-12-14T02:00:00Z'),
  );
  t.is(lastStart(schedule, at('2026-12-14T02:00:00Z'), at('2026-12-20T00:00:00Z')), undefined);
});

test('a clock that goes back a little starts nothing twice, one that was far ahead is forgotten', t => {
  const schedule = parseSchedule('hourly 2026-12-01T00:00 UTC');
  const handled = at('2026-12-01T12:00:00Z');
  const back = at('2026-12-01T11:10:00Z');
  t.is(handledUntil(handled, back), handled);
  t.is(dueStart(schedule, handledUntil(handled, back), at('2026-12-01T12:00:30Z'), minute), undefined);
  t.is(dueStart(schedule, handled, at('2026-12-01T13:00:00Z'), minute)?.atMs, at('2026-12-01T13:00:00Z'));
  const wrong = at('2030-01-01T00:00:00Z');
  t.is(handledUntil(wrong, back), back);
});

test('a verify comes with the first scheduled run after its period', t => {
  const now = at('2026-12-08T02:00:00Z');
  t.false(isVerifyDue(undefined, undefined, now));
  t.false(isVerifyDue('off', undefined, now));
  t.true(isVerifyDue('every-run', now, now));
  t.true(isVerifyDue('weekly', undefined, now));
  t.true(isVerifyDue('weekly', at('2026-12-01T02:00:05Z'), now));
  t.false(isVerifyDue('weekly', at('2026-12-02T02:00:00Z'), now));
  t.true(isVerifyDue('daily', at('2026-12-07T02:00:00Z'), now));
  t.false(isVerifyDue('monthly', at('2026-12-01T02:00:00Z'), now));
});
