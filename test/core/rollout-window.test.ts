import test from 'ava';
import {OperatorError} from '../../source/core/operator-error.js';
import {nextAttempt, parseWindow, windowAt} from '../../source/core/rollout-window.js';

const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());

const cases: [window: string, now: string, untilOrClosed: string, opens: string | undefined][] = [
  // 2026-12-05 is a Saturday; Berlin is an hour ahead of UTC in winter, two in summer.
  ['sat 22:00-23:30 Europe/Berlin', '2026-12-05T20:59:59Z', 'closed', '2026-12-05T21:00:00.000Z'],
  [
    'sat 22:00-23:30 Europe/Berlin',
    '2026-12-05T21:00:00Z',
    '2026-12-05T22:30:00.000Z',
    '2026-12-12T21:00:00.000Z',
  ],
  ['sat 22:00-23:30 Europe/Berlin', '2026-12-05T22:30:00Z', 'closed', '2026-12-12T21:00:00.000Z'],
  // Across midnight: open until the next day.
  ['daily 22:00-02:00 UTC', '2026-12-06T01:30:00Z', '2026-12-06T02:00:00.000Z', '2026-12-06T22:00:00.000Z'],
  ['daily 00:00-24:00 UTC', '2026-12-06T01:30:00Z', '2026-12-07T00:00:00.000Z', '2026-12-07T00:00:00.000Z'],
  // One day only.
  ['2026-12-05 22:00-23:30 Europe/Berlin', '2026-12-05T21:10:00Z', '2026-12-05T22:30:00.000Z', undefined],
  ['2026-12-05 22:00-23:30 Europe/Berlin', '2026-12-05T22:40:00Z', 'closed', undefined],
  ['2026-12-05 22:00-23:30 Europe/Berlin', '2026-11-05T22:40:00Z', 'closed', '2026-12-05T21:00:00.000Z'],
  // The night in which the clocks go back has an hour more (2026-10-25 in Berlin).
  [
    'sat 22:00-04:00 Europe/Berlin',
    '2026-10-24T20:00:00Z',
    '2026-10-25T03:00:00.000Z',
    '2026-10-31T21:00:00.000Z',
  ],
];
for (const [text, now, until, opens] of cases)
  test(`${text} at ${now}`, t => {
    const found = windowAt(parseWindow(text), Date.parse(now));
    t.is(found.kind === 'open' ? iso(found.untilMs) : 'closed', until);
    t.is(iso(found.opensMs), opens);
  });

for (const text of [
  'sat 22:00-23:30',
  'someday 22:00-23:30 UTC',
  'sat 22:00-25:30 UTC',
  'sat 22:00-23:30 Mars/Base',
  '2026-02-31 22:00-23:30 UTC',
  'sat 22:00 23:30 UTC',
  '',
])
  test(`refused: "${text}"`, t => {
    const error = t.throws(() => parseWindow(text), {instanceOf: OperatorError});
    t.is(error?.code, 'USAGE');
    t.regex(error?.hint ?? '', /22:00-02:00 Europe\/Berlin/);
  });

const attempts: [text: string, now: string, next: string | undefined][] = [
  ['daily 22:00-02:00 UTC', '2026-12-06T01:30:00Z', '2026-12-06T01:35:00.000Z'],
  ['daily 22:00-02:00 UTC', '2026-12-06T01:56:00Z', '2026-12-06T22:00:00.000Z'],
  ['daily 22:00-02:00 UTC', '2026-12-06T12:00:00Z', '2026-12-06T22:00:00.000Z'],
  ['2026-12-05 22:00-23:30 UTC', '2026-12-05T22:10:00Z', '2026-12-05T22:15:00.000Z'],
  ['2026-12-05 22:00-23:30 UTC', '2026-12-05T23:26:00Z', undefined],
];
for (const [text, now, next] of attempts)
  test(`U1: what could not begin at ${now} is tried again in ${text}`, t => {
    t.is(iso(nextAttempt(parseWindow(text), Date.parse(now), 5 * 60_000)), next);
  });
