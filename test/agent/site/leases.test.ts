import {join} from 'node:path';
import test from 'ava';
import {Lease} from '../../../source/agent/site/leases.js';
import {OperatorError} from '../../../source/core/operator-error.js';
import {makeFolder} from './test-agent.js';

async function makeLease(t: {teardown(work: () => Promise<void>): void}) {
  const folder = await makeFolder();
  t.teardown(folder.remove);
  const clock = {ms: 1000};
  const open = () =>
    new Lease({
      file: join(folder.path, 'lease.json'),
      site: 'main',
      monotonicMs: () => clock.ms,
      wallClock: () => 'now',
    });
  return {clock, open, lease: open()};
}

test('one run holds a site; another is told which, until 15 s after the last renewal', async t => {
  const {clock, lease} = await makeLease(t);
  lease.take('run-a', 'anna');
  clock.ms += 14_999;
  const error = t.throws(() => lease.take('run-b', 'bert'), {instanceOf: OperatorError});
  t.is(error?.code, 'SITE_BUSY');
  t.deepEqual(error?.details, {holder: {runId: 'run-a', by: 'anna', since: 'now'}});
  lease.take('run-a', 'anna');
  clock.ms += 14_999;
  t.throws(() => lease.take('run-b', 'bert'));
  clock.ms += 1;
  t.is(lease.take('run-b', 'bert').runId, 'run-b');
  t.is(t.throws(() => lease.begin('run-a'), {instanceOf: OperatorError})?.code, 'LEASE_LOST');
});

test('an agent that was restarted does not give the lease to another for 15 s', async t => {
  const {clock, lease, open} = await makeLease(t);
  lease.take('run-a', 'anna');
  clock.ms = 5;
  const restarted = open();
  t.throws(() => restarted.take('run-b', 'bert'));
  t.is(restarted.take('run-a', 'anna').runId, 'run-a');
  clock.ms += 15_000;
  t.is(restarted.take('run-b', 'bert').runId, 'run-b');
});

test('a lease that was given back is free at once, also after a restart', async t => {
  const {lease, open} = await makeLease(t);
  lease.take('run-a', 'anna');
  lease.release('run-b');
  t.is(lease.holder?.runId, 'run-a');
  lease.release('run-a');
  t.is(lease.holder, undefined);
  t.is(open().holder, undefined);
});

test('work in progress holds the lease however long it takes', async t => {
  const {clock, lease} = await makeLease(t);
  lease.take('run-a', 'anna');
  await lease.during('run-a', async () => {
    clock.ms += 100_000;
    t.throws(() => lease.take('run-b', 'bert'));
  });
  t.throws(() => lease.take('run-b', 'bert'));
  clock.ms += 15_000;
  t.is(lease.take('run-b', 'bert').runId, 'run-b');
});
