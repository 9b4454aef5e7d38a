import test from 'ava';
import {
  stepNamed,
  stepsOf,
  type UpdateTimings,
  updateSteps,
  worstCaseFrom,
  worstCaseOf,
} from '../../source/core/update-steps.js';

const timings: UpdateTimings = {
  graceMs: 90_000,
  leaveMs: 30_000,
  stopMs: 60_000,
  startMs: 60_000,
  healthMs: 60_000,
  migrateMs: 600_000,
  commandMs: 30_000,
  archiveBytes: 50_000_000,
  unpackedBytes: 200_000_000,
  carriedBytes: 1_000_000,
  dataBytes: 100_000_000,
};

test('each step has a name of its own and a title', t => {
  t.is(new Set(updateSteps.map(({name}) => name)).size, updateSteps.length);
  for (const {title} of updateSteps) t.regex(title, /^[A-Z][^.]+[^.]$/);
});

test('an abort is at once before the service is stopped, a way back until the commit, refused after it', t => {
  const rules = stepsOf('forward').map(({name, abort}) => [name, abort]);
  const stop = rules.findIndex(([name]) => name === 'stop');
  const commit = rules.findIndex(([name]) => name === 'commit');
  for (const [index, [name, abort]] of rules.entries())
    t.is(abort, index < stop ? 'at-once' : index <= commit ? 'roll-back' : 'refused', name);
});

test('a failure withdraws before the stop, rolls back after it, restores the data from the migration on, and is only reported after the commit', t => {
  const failures = Object.fromEntries(updateSteps.map(({name, failure}) => [name, failure]));
  t.like(failures, {
    unpack: 'withdraw',
    backup: 'withdraw',
    stop: 'roll-back',
    health: 'roll-back',
    migrate: 'roll-back-with-data',
    commit: 'roll-back-with-data',
    'clean-up': 'report',
    'rollback-health': 'attention',
    'rollback-start': 'attention',
    notify: 'report',
  });
  for (const {name, failure, pastCommit} of updateSteps) if (pastCommit) t.is(failure, 'report', name);
});

test('the service is down only between the stop and the commit, or on the way back', t => {
  for (const {name, track, serviceDown} of updateSteps)
    if (serviceDown) t.true(track === 'rollback' || stepNamed(name).failure.startsWith('roll-back'), name);
});

test('the worst case is the way there to the last check and the whole way back', t => {
  const names = stepsOf('forward').map(({name}) => name);
  const there = names.slice(names.indexOf('preflight'), names.indexOf('commit'));
  const back = [
    'rollback-stop',
    'rollback-new',
    'rollback-old',
    'rollback-data',
    'rollback-start',
    'rollback-health',
    'rollback-reopen',
  ] as const;
  const sum = [...there, ...back].reduce((total, name) => total + worstCaseOf(name, timings), 0);
  t.is(worstCaseFrom('preflight', timings), Math.ceil(sum));
  t.true(worstCaseFrom('drain', timings) < worstCaseFrom('download', timings));
});

test('without a migration nothing is restored, and no time is kept for it', t => {
  const plain = {...timings, migrateMs: 0};
  t.is(worstCaseOf('rollback-data', plain), 0);
  t.is(worstCaseOf('health-migrated', plain), 0);
  t.is(worstCaseOf('migrate', plain), 0);
});
