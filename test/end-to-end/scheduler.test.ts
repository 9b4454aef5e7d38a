import type {ChildProcess} from 'node:child_process';
import {createInterface} from 'node:readline';
import test from 'ava';
import {createWorld, eventually, type World} from '../helpers/lockstep.js';

type Event = {type: string; [name: string]: unknown};
type Next = {next: {relationship: string; profile: string; at: string; local: string; zone: string}[]};
type Tick = {started: Event[]; missed: Event[]; failed: Event[]};

/** A one-time schedule, in whole seconds from now. */
const inSeconds = (seconds: number) =>
  `once ${new Date(Math.ceil(Date.now() / 1000) * 1000 + seconds * 1000).toISOString().slice(0, 19)} UTC`;

async function runsOf(world: World, profile: string) {
  const {runs} = (await world.must('runs', 'list', '--profile', profile, '--json')).json<{
    runs: {runId: string; by: string; status: string; endedAt?: string}[];
  }>();
  return runs;
}

/** A scheduler as a service would start it. */
function startScheduler(world: World): {child: ChildProcess; events: Event[]} {
  const child = world.spawn(['scheduler', 'run', '--json']);
  const events: Event[] = [];
  createInterface({input: child.stdout!}).on('line', line => events.push(JSON.parse(line) as Event));
  return {child, events};
}

const has = (events: Event[], type: string) => () => events.some(event => event.type === type);

test('profiles start by themselves: daemon, ticks, what comes next, what was missed', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({files: {'a.html': 'first'}}, {});
  const upload = ['--items', 'templates', '--direction', 'upload'];

  // Refused where another starts at the same moment, which is named; a copy leaves the schedule behind.
  const daily = 'daily 2030-12-01T02:00 Europe/Berlin';
  await world.profile(
    'pair/nightly',
    ...upload,
    '--schedule',
    daily,
    '--missed',
    'run',
    '--verify',
    'weekly',
  );
  const same = await world.lockstep(
    ...['profile', 'create', 'pair/other', ...upload, '--schedule', 'daily 2030-12-01T01:00 UTC', '--json'],
  );
  t.is(same.exitCode, 64);
  t.regex(same.error().message, /pair\/nightly/);
  const copied = await world.lockstep(
    'profile',
    'copy',
    'pair/nightly',
    'copy',
    '--schedule',
    daily,
    '--json',
  );
  t.is(copied.exitCode, 64);
  t.regex(copied.error().message, /pair\/nightly/);
  t.is(
    (await world.must('profile', 'copy', 'pair/nightly', 'copy', '--json')).json<{schedule?: string}>()
      .schedule,
    undefined,
  );
  const {next} = (await world.must('scheduler', 'next', '--json', '--count', '2')).json<Next>();
  t.like(next, [
    {
      relationship: 'pair',
      profile: 'nightly',
      at: '2030-12-01T01:00:00.000Z',
      local: '2030-12-01T02:00:00+01:00',
      zone: 'Europe/Berlin',
    },
    {at: '2030-12-02T01:00:00.000Z'},
  ]);

  // A daemon starts what is due, and a second one is refused.
  const first = startScheduler(world);
  await eventually('the scheduler is at work', has(first.events, 'scheduler.started'));
  t.deepEqual(first.events[0], {type: 'hello', version: 1});
  await world.profile('pair/soon', ...upload, '--schedule', inSeconds(2));
  const second = await world.lockstep('scheduler', 'run', '--json');
  t.is(second.exitCode, 6);
  t.is(second.error().code, 'SCHEDULER_RUNNING');
  t.regex(second.error().message, new RegExp(`process ${first.child.pid}\\b`));
  await eventually('the run has ended', has(first.events, 'scheduler.run-finished'));
  t.is(remote.site.read('a.html'), 'first');
  t.like(await runsOf(world, 'pair/soon'), {length: 1, 0: {by: 'scheduler', status: 'success'}});

  // It survives being killed: what comes meanwhile is missed, said, and run once where the profile says so.
  const killed = new Promise(resolve => first.child.once('close', resolve));
  first.child.kill('SIGKILL');
  await killed;
  local.site.write('a.html', 'second', 10);
  await world.profile('pair/tick', ...upload, '--schedule', inSeconds(2));
  await eventually('it is due', async () => {
    const {started} = (await world.must('scheduler', 'tick', '--dry-run', '--json')).json<Tick>();
    return started.some(({profile}) => profile === 'tick');
  });
  const ticks = await Promise.all([
    world.must('scheduler', 'tick', '--json'),
    world.must('scheduler', 'tick', '--json'),
  ]);
  t.is(ticks.flatMap(tick => tick.json<Tick>().started).length, 1);
  await eventually('the run has ended', async () => {
    const [run] = await runsOf(world, 'pair/tick');
    return run?.endedAt !== undefined;
  });
  t.is((await runsOf(world, 'pair/tick')).length, 1);
  t.is(remote.site.read('a.html'), 'second');

  // A clean stop at SIGTERM; the lock of the killed one was taken over.
  const third = startScheduler(world);
  await eventually('the scheduler is at work', has(third.events, 'scheduler.started'));
  const closed = new Promise<number | null>(resolve => third.child.once('close', resolve));
  third.child.kill('SIGTERM');
  t.is(await closed, 0);
  t.like(third.events.at(-1), {type: 'scheduler.finished', started: 0, missed: 0});
  t.is((await world.run('pair/nightly')).status, 'success');
});
