import {spawn} from 'node:child_process';
import test, {type ExecutionContext} from 'ava';
import {createHeldPair, startedRun} from '../helpers/held-run.js';
import {createWorld, eventually, program, type TestServer, World} from '../helpers/lockstep.js';

for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)
  test.serial(
    `X3: a run outlives its console that ends by ${signal}; runs watch re-attaches and ends with its status`,
    async t => {
      const world = createWorld(t);
      const {local, remote, letGo} = await createHeldPair(t, world);
      const {child, outcome, runId} = await startedRun(world, ['run', 'pair/all', '--json'], {
        detached: true,
      });
      // As a terminal does: to the whole group of the foreground process.
      process.kill(-child.pid!, signal);
      const ended = await outcome;
      t.is(ended.exitCode, code, String(ended));
      t.regex(ended.stderr, new RegExp(`${runId} goes on[\\s\\S]*runs watch[\\s\\S]*runs cancel`));

      await letGo();
      const watched = await world.must('runs', 'watch', runId, '--json');
      const events = watched.events();
      t.like(events[0], {type: 'hello', version: 1});
      t.like(events[1], {type: 'run.started', runId});
      t.is(watched.summary().status, 'success');
      assertAlike(t, local, remote);
      const listed = (await world.must('runs', 'list', '--json')).json<{
        runs: {runId: string; status: string}[];
      }>();
      t.like(listed.runs[0], {runId, status: 'success'});
    },
  );

test.serial('X3: a console killed outright does not end its run', async t => {
  const world = createWorld(t);
  const {local, remote, letGo} = await createHeldPair(t, world);
  const {child, outcome, runId} = await startedRun(world, ['run', 'pair/all', '--json']);
  child.kill('SIGKILL');
  await outcome;
  await letGo();
  t.is((await world.must('runs', 'watch', runId, '--json')).summary().status, 'success');
  assertAlike(t, local, remote);
});

test.serial('X3: a run waits for an agent that comes back, and its log names it once', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({files: {'a.html': 'a'}});
  await world.profile('pair/all', '--items', 'templates');
  await remote.stop();
  await remote.start({LOCKSTEP_FAULT: 'transfer.receiving'});
  const running = world.lockstep('run', 'pair/all', '--json');
  await remote.ended();
  const [runId] = world.runningRuns().map(run => run.runId);
  type Shown = {warnings: {text: string}[]};
  const waitsFor = async () =>
    (await world.must('runs', 'show', runId!, '--json')).json<Shown>().warnings.map(({text}) => text);
  await eventually('it says what it waits for', async () =>
    (await waitsFor()).some(text => /cannot be reached/.test(text)),
  );
  await remote.start();
  t.like((await running).summary(), {status: 'success', applied: 1});
  t.deepEqual(local.site.files(), remote.site.files());
  const told = await waitsFor();
  t.deepEqual([...new Set(told)], told);
  for (const text of told) t.regex(text, /\bthere \(127\.0\.0\.1:\d+\).*Trying again/);
});

test.serial('X3: --detach prints the run id; a reader that goes away changes nothing', async t => {
  const world = createWorld(t);
  const {local, remote, letGo} = await createHeldPair(t, world);
  const runId = (await world.must('run', 'pair/all', '--detach')).stdout.trim();
  t.regex(runId, /^\d{8}-\d{6}-[0-9a-z]{6}$/);
  await letGo();
  await world.must('runs', 'watch', runId);
  assertAlike(t, local, remote);

  local.site.write('later.html', 'later');
  const shell = spawn(
    'sh',
    [
      '-c',
      `"${process.execPath}" "${program}" run pair/all --json --home "${world.home}" | head -n 1; exit 0`,
    ],
    {stdio: ['ignore', 'pipe', 'pipe']},
  );
  const ended = await World.outcome(['run', '|', 'head'], shell);
  t.deepEqual(ended.events(), [{type: 'hello', version: 1} as never]);
  t.notRegex(ended.stderr, /EPIPE|at .*\.js/);
  await eventually('the run without a reader is done', () => remote.site.has('later.html'));
});

test.serial('E14: run --attached is cancelled cleanly by SIGINT; a rerun finishes the work', async t => {
  const world = createWorld(t);
  const {local, remote, letGo} = await createHeldPair(t, world);
  const {child, outcome} = await startedRun(world, ['run', 'pair/all', '--json', '--attached']);
  child.kill('SIGINT');
  const ended = await outcome;
  t.is(ended.summary().status, 'cancelled');
  t.is(ended.exitCode, 130, String(ended));
  t.deepEqual(Object.keys(remote.site.files()), ['a.html']);
  await letGo();
  await world.run('pair/all');
  assertAlike(t, local, remote);
});

test.serial('E14: a second run at the same site is refused with 6 and told who holds it', async t => {
  const world = createWorld(t);
  const {letGo} = await createHeldPair(t, world);
  const {outcome, runId} = await startedRun(world, ['run', 'pair/all', '--json']);
  const second = await world.lockstep('run', 'pair/all', '--json');
  t.is(second.exitCode, 6, String(second));
  t.like(second.summary(), {status: 'refused', holder: {runId}});
  t.is(second.summary().error?.code, 'SITE_BUSY');
  await letGo();
  const first = await outcome;
  t.is(first.exitCode, 0, String(first));
});

test.serial('E14: runs cancel ends a run; its watcher does not end with 0', async t => {
  const world = createWorld(t);
  await createHeldPair(t, world);
  const {outcome, runId} = await startedRun(world, ['run', 'pair/all', '--json']);
  const cancel = await world.lockstep('runs', 'cancel', runId);
  const ended = await outcome;
  t.is(cancel.exitCode, 0);
  t.is(ended.summary().status, 'cancelled');
  t.not(ended.exitCode, 0);
});

function assertAlike(t: ExecutionContext, local: TestServer, remote: TestServer): void {
  t.deepEqual(local.site.files(), remote.site.files());
  t.deepEqual(local.site.tables(), remote.site.tables());
}
