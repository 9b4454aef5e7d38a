import test from 'ava';
import {
  endOf,
  type JournalLine,
  newProgress,
  stepAfter,
  type UpdateProgress,
  withLine,
} from '../../source/core/update-journal.js';
import type {UpdateStepName} from '../../source/core/update-steps.js';

type Without<T> = T extends unknown ? Omit<T, 'seq' | 'at'> : never;

/** Lines that come a second apart. */
function progressOf(...lines: readonly Without<JournalLine>[]): UpdateProgress {
  return lines
    .map((line, index) => ({
      ...line,
      seq: index + 1,
      at: new Date(Date.UTC(2026, 10, 21, 11, 0, index)).toISOString(),
    }))
    .reduce<UpdateProgress>((progress, line) => withLine(progress, line as JournalLine), newProgress);
}

const error = {code: 'HEALTH_FAILED', message: 'It is not well.'};
const ran = (...steps: readonly UpdateStepName[]): Without<JournalLine>[] =>
  steps.flatMap(step => [
    {type: 'begun', step},
    {type: 'done', step},
  ]);

test('a step that ended is known with its time', t => {
  const {steps, last} = progressOf(
    {type: 'begun', step: 'download'},
    {type: 'done', step: 'download', detail: '5 bytes.'},
  );
  t.deepEqual(last, {step: 'download', phase: 'done'});
  t.like(steps[0], {step: 'download', state: 'done', durationMs: 1000, detail: '5 bytes.'});
});

test('a step that was begun again after a crash stands there once, and its time counts from the first beginning', t => {
  const {steps} = progressOf(
    {type: 'begun', step: 'carry'},
    {type: 'begun', step: 'carry'},
    {type: 'done', step: 'carry'},
  );
  t.is(steps.length, 1);
  t.is(steps[0]?.durationMs, 2000);
});

test('facts are known from the entry that begins a step on, before its effect', t => {
  const {facts} = progressOf({type: 'begun', step: 'swap-old', facts: {aside: '/srv/app_old0001'}});
  t.is(facts.aside, '/srv/app_old0001');
});

test('a failure whose consequence was not written down yet makes the step be taken again', t => {
  t.deepEqual(progressOf({type: 'begun', step: 'health'}, {type: 'failed', step: 'health', error}).last, {
    step: 'health',
    phase: 'begun',
  });
});

test('a failure that is only reported does not hold up what follows', t => {
  const {last, warnings} = progressOf(
    {type: 'begun', step: 'clean-up'},
    {type: 'failed', step: 'clean-up', error},
  );
  t.deepEqual(last, {step: 'clean-up', phase: 'done'});
  t.deepEqual(warnings, ['Remove temporary and old folder: It is not well.']);
});

test('a migration that was skipped leaves the data as it was', t => {
  t.false(
    progressOf({type: 'begun', step: 'migrate'}, {type: 'skipped', step: 'migrate', detail: 'none'})
      .migrating,
  );
  t.true(progressOf({type: 'begun', step: 'migrate'}).migrating);
});

test('the commit is its entry in the journal, not the step before it', t => {
  t.false(progressOf({type: 'begun', step: 'commit'}).committed);
  t.true(progressOf(...ran('commit')).committed);
});

test('a rollback that a person asks for after the end goes on with the same update, and warns the users anew', t => {
  const progress = progressOf(
    {type: 'begun', step: 'drain', facts: {sessionsEndAt: '2026-11-21T11:00:00.000Z', drained: true}},
    ...ran('migrate', 'commit'),
    {type: 'ended', step: 'notify', state: 'done'},
    {type: 'track', step: 'notify', track: 'rollback', error, withData: true, by: 'bert'},
  );
  t.like(progress, {
    state: 'running',
    track: 'rollback',
    withData: true,
    rolledBackBy: 'bert',
    endedAt: undefined,
  });
  t.is(progress.facts.sessionsEndAt, undefined);
});

for (const [name, track, code, expected] of [
  ['forward', 'forward', undefined, 'done'],
  ['withdrawn because a check failed', 'withdraw', 'PREFLIGHT_FAILED', 'failed'],
  ['withdrawn because it was too late', 'withdraw', 'UPDATE_DEFERRED', 'deferred'],
  ['withdrawn by a person', 'withdraw', 'UPDATE_ABORTED', 'aborted'],
  ['rolled back', 'rollback', 'HEALTH_FAILED', 'rolled-back'],
  ['rolled back by a person', 'rollback', 'UPDATE_ABORTED', 'aborted'],
] as const)
  test(`an update that went ${name} ends ${expected}`, t => {
    t.is(endOf({track, error: code && {code, message: ''}, rolledBackBy: undefined}), expected);
  });

test('an update that a person takes back after its end is rolled back, not aborted', t => {
  const error = {code: 'UPDATE_ABORTED', message: ''};
  t.is(endOf({track: 'rollback', error, rolledBackBy: 'anna'}), 'rolled-back');
});

test('the tracks end with the mails', t => {
  for (const track of ['forward', 'withdraw', 'rollback'] as const)
    t.is(stepAfter(track, 'notify'), undefined);
  t.is(stepAfter('forward', undefined), 'scheduled');
  t.is(stepAfter('withdraw', 'withdraw-clean-up'), 'notify');
});
