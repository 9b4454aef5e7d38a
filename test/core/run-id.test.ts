import test from 'ava';
import {formatRunId, isRunId} from '../../source/core/run-id.js';

test('a run id tells its start in UTC and sorts by time', t => {
  const random = Uint8Array.from([0, 31, 32, 255]);
  const id = formatRunId(Date.parse('2026-12-01T23:05:09.999Z'), random);
  t.is(id, '20261201-230509-z92z2z');
  t.true(isRunId(id));
  t.true(id < formatRunId(Date.parse('2027-01-01T00:00:00Z'), random));
});

test('run ids of one second sort by their milliseconds', t => {
  const ids = Array.from({length: 1000}, (_, ms) =>
    formatRunId(Date.parse('2026-12-01T23:05:09Z') + ms, Uint8Array.of(255 - (ms % 256), 0, 0, 0)),
  );
  t.deepEqual(ids.toSorted(), ids);
  t.true(ids.every(isRunId));
});

test('what is not a run id is not taken for one', t => {
  for (const text of ['', '../x', '20261201-230509-23Z2z6', '20261201-230509-23z2z6/..'])
    t.false(isRunId(text));
});
