import {mkdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {RolloutEvent} from '../../source/core/rollout-event.js';
import type {RolloutEntry} from '../../source/engine/rollouts/rollout-verbs.js';
import {createWorld, eventually} from '../helpers/lockstep.js';
import {updatableServer} from '../helpers/updatable-server.js';

const minuteMs = 60_000;

test('U1, U16: a scheduled start that fails is tried again in the same window; what is rolled back by hand is told of; a release that is wanted stays', async t => {
  const world = createWorld(t);
  const {service} = await updatableServer(world, 'web1', '1.0');
  const folder = path.join(world.folder, 'release');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'version.txt'), '1.1');
  await world.must('release', 'add', folder, '--name', 'shop', '--version', '1.1', '--push');
  const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  await world.must(
    ...['rollout', 'create', 'nightly', '--release', 'shop-1.1', '--servers', 'web1', '--scheduled'],
    ...['--window', `daily ${clock(Date.now() - 60 * minuteMs)}-${clock(Date.now() + 120 * minuteMs)} UTC`],
  );
  const show = async () =>
    (await world.must('rollout', 'show', 'nightly', '--json')).json<RolloutEntry & {dueAt?: string}>();
  const tick = async () => {
    const outcome = await world.lockstep('scheduler', 'tick', '--json');
    const {failed, rollouts} = outcome.json<{
      failed: {rollout: string; error: {code: string}}[];
      rollouts: {rollout: string}[];
    }>();
    return {
      exitCode: outcome.exitCode,
      failed: failed.map(({rollout, error}) => `${rollout} ${error.code}`),
      started: rollouts.map(({rollout}) => rollout),
    };
  };
  const nothing = {exitCode: 0, failed: [], started: []};

  const kept = await world.lockstep('release', 'delete', 'shop-1.1', '--yes');
  t.is(kept.exitCode, 64, String(kept));
  t.regex(kept.stderr, /rollout nightly, which is planned[\s\S]*rollout delete nightly/);
  t.is((await world.lockstep('release', 'delete', 'shop-1.1', '--dry-run')).exitCode, 64);

  // Something is in the way of the start, not for ever.
  const release = path.join(world.home, 'releases', 'shop-1.1');
  renameSync(release, `${release}.aside`);
  const before = Date.now();
  t.deepEqual(await tick(), {exitCode: 1, failed: ['nightly NOT_FOUND'], started: []});
  const waiting = await show();
  t.is(waiting.status, 'planned');
  t.regex(
    waiting.reason ?? '',
    /could not start it: There is no release called shop-1\.1\. It tries again at /,
  );
  const dueMs = Date.parse(waiting.dueAt!);
  t.true(dueMs >= before + minuteMs && dueMs <= Date.now() + minuteMs, waiting.dueAt);
  t.deepEqual(await tick(), nothing, 'not before that');

  renameSync(`${release}.aside`, release);
  // As if that time had come.
  const file = path.join(world.home, 'state.json');
  const state = JSON.parse(readFileSync(file, 'utf8')) as {rollouts: {dueAt?: string}[]};
  state.rollouts[0]!.dueAt = new Date().toISOString();
  writeFileSync(file, JSON.stringify(state));
  t.deepEqual(await tick(), {exitCode: 0, failed: [], started: ['nightly']});
  const done = await world.lockstep('rollout', 'watch', 'nightly', '--json');
  t.is(done.exitCode, 0, String(done));
  t.is(service.version, '1.1');
  t.is((await show()).dueAt, undefined);
  t.deepEqual(await tick(), nothing);

  // Nobody needs the release for this.
  await world.must('release', 'delete', 'shop-1.1', '--yes');
  const back = await world.must('rollout', 'rollback', 'nightly', '--yes', '--confirm', 'nightly', '--json');
  t.like(back.events<RolloutEvent>().at(-1), {type: 'rollout.finished', status: 'done'});
  t.is(service.version, '1.0');
  await eventually('the rollout says so', async () =>
    /^Done, but for web1\/main, which runs the version it had\.$/.test((await show()).reason ?? ''),
  );
  const again = await world.lockstep('rollout', 'rollback', 'nightly');
  t.is(again.exitCode, 64);
  t.regex(again.stderr, /No server of nightly was brought to the new version/, 'nothing has to be confirmed');
});

test('U16: going on after an abort begins anew what it took back, before the waves that follow', async t => {
  const world = createWorld(t);
  const [one, two] = [
    await updatableServer(world, 'web1', '1.0'),
    await updatableServer(world, 'web2', '1.0'),
  ];
  const folder = path.join(world.folder, 'release');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'version.txt'), '1.1');
  await world.must('release', 'add', folder, '--name', 'shop', '--version', '1.1', '--push');
  await world.must(
    ...[
      'rollout',
      'create',
      'spring',
      '--release',
      'shop-1.1',
      '--servers',
      'web1,web2',
      '--waves',
      '1,rest',
    ],
  );
  const unbegun = await world.lockstep('rollout', 'journal', 'spring', 'web1');
  t.is(unbegun.exitCode, 64);
  t.regex(unbegun.stderr, /The rollout spring has not been started yet/);

  one.service.sessions = 1;
  await world.must('rollout', 'start', 'spring', '--detach');
  const show = async () => (await world.must('rollout', 'show', 'spring', '--json')).json<RolloutEntry>();
  await eventually('web1 waits for its users', async () =>
    (await show()).servers.some(({state, step}) => state === 'running' && step === 'drain'),
  );
  await world.must('rollout', 'abort', 'spring');
  t.is((await world.lockstep('rollout', 'watch', 'spring')).exitCode, 1);
  t.deepEqual(
    (await show()).servers.map(({state}) => state),
    ['aborted', 'waiting'],
  );
  one.service.sessions = 0;
  const resumed = await world.lockstep('rollout', 'resume', 'spring', '--json');
  t.is(resumed.exitCode, 0, String(resumed));
  t.like(resumed.events<RolloutEvent>().at(-1), {status: 'done', reason: 'All servers run the new version.'});
  t.deepEqual([one.service.version, two.service.version], ['1.1', '1.1']);
});
