import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type {RolloutEvent} from '../../../source/core/rollout-event.js';
import {openEngineContext} from '../../../source/engine/engine-context.js';
import {launchRollout, mustBeIdle} from '../../../source/engine/rollouts/launch-rollout.js';
import {openJournalWriter} from '../../../source/state/journal-writer.js';
import {rolloutJournals} from '../../../source/state/rollout-journal.js';
import {rolloutFiles} from '../../../source/state/run-files.js';
import type {StoredRollout} from '../../../source/state/state.js';
import {ownProcess} from '../../../source/system/process-identity.js';

const planned: StoredRollout = {
  name: 'spring',
  release: 'shop-1.1',
  version: '1.1',
  digest: '0'.repeat(64),
  servers: [],
  waves: ['rest'],
  gates: [],
  approvers: [],
  items: [{text: 'announced'}],
  failuresAllowed: 0,
  concurrency: 1,
  bakeMs: 0,
  fourEyes: false,
  scheduled: false,
  patienceMs: 1000,
  createdBy: 'anna@desk',
  createdAt: '2026-12-01T00:00:00.000Z',
  status: 'failed',
  reason: 'Stopped: one server failed and 0 may: web1/main (Full.).',
  wanted: 'run',
  approvals: [],
  lockId: '20261201-000000-aaaaaa',
  leg: '20261201-000000-bbbbbb',
  legs: ['20261201-000000-bbbbbb'],
  members: [
    {
      server: 'web1',
      site: 'main',
      wave: 1,
      state: 'failed',
      updateId: '20261201-000000-cccccc',
      error: {code: 'NO_SPACE', message: 'Full.'},
    },
  ],
};

test('U16: a rollout whose process does not start is what it was, and leaves nothing behind', async t => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'lockstep-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  const context = await openEngineContext(home);
  await context.state.change(draft => {
    draft.rollouts = [structuredClone(planned)];
  });
  // Only a process that begins now reads this.
  process.env.NODE_OPTIONS = `--require=${path.join(home, 'no-such-file.cjs')}`;
  t.teardown(() => {
    delete process.env.NODE_OPTIONS;
  });
  const launched = launchRollout(context, 'spring', {
    wanted: 'abort',
    prepare(rollout) {
      rollout.members = rollout.members.map(({error: _, ...member}) => ({...member, state: 'waiting'}));
    },
  });
  await t.throwsAsync(launched, {message: /did not start: it ended with 1.*no-such-file/s});
  t.deepEqual((await context.state.read()).rollouts, [planned]);
  t.deepEqual(readdirSync(path.join(home, 'rollouts')), []);
});

test('U16: the name of a release that is not known any more is said, and nothing is changed', async t => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'lockstep-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  const context = await openEngineContext(home);
  await context.state.change(draft => {
    draft.rollouts = [structuredClone(planned)];
  });
  await t.throwsAsync(launchRollout(context, 'spring', {}), {
    code: 'NOT_FOUND',
    message: 'There is no release called shop-1.1.',
  });
  t.deepEqual((await context.state.read()).rollouts, [planned]);
});

test('U16: a process that only gives the servers free any more is waited for; one at work is named', async t => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'lockstep-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  const leg = planned.leg!;
  await rolloutJournals.create(home, leg);
  const journal = openJournalWriter<RolloutEvent>(rolloutFiles(home, leg).journal);
  t.teardown(() => journal.close());
  const {pid, startedAt: processStart} = ownProcess();
  const about = {rolloutId: leg, rollout: planned.name, kind: 'update', servers: []} as const;
  journal.append({
    ...{...about, type: 'rollout.started', release: planned.release, by: 'anna@desk', waves: ['rest']},
    ...{startedAt: planned.createdAt, pid, processStart, host: os.hostname()},
  });
  await t.throwsAsync(mustBeIdle(home, {...planned, status: 'running'}), {code: 'ROLLOUT_BUSY'});
  let isIdle = false;
  const idle = mustBeIdle(home, {...planned, status: 'aborted'}).then(() => {
    isIdle = true;
  });
  // Longer than it takes to see that the process is at work.
  await t.throwsAsync(mustBeIdle(home, {...planned, status: 'running'}), {code: 'ROLLOUT_BUSY'});
  t.false(isIdle);
  journal.append({
    ...{...about, type: 'rollout.finished', at: planned.createdAt, status: 'aborted'},
    ...{reason: 'Aborted.', durationMs: 1},
  });
  await idle;
  t.true(isIdle);
});
