import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import test from 'ava';
import {createWorld, eventually, program, World} from '../helpers/lockstep.js';

/** Enough small files that a run is still under way when it is looked at. */
const many = Object.fromEntries(
  Array.from({length: 1500}, (_, index) => [`f${index}.html`, `file ${index}`]),
);

async function startedRun(world: World, argv: readonly string[], options: {detached?: boolean} = {}) {
  const child = world.spawn(argv, options);
  const outcome = World.outcome(argv, child);
  const runId = await new Promise<string>((resolve, reject) => {
    createInterface({input: child.stdout!}).on('line', line => {
      const event = JSON.parse(line) as {type: string; runId?: string};
      if (event.type === 'run.started') resolve(event.runId!);
    });
    outcome.then(ended => reject(new Error(`ended before it started: ${ended}`)), reject);
  });
  return {child, outcome, runId};
}

for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)
  test.serial(
    `X3: a run outlives its console that ends by ${signal}; runs watch re-attaches and ends with its status`,
    async t => {
      const world = createWorld(t);
      const {local, remote} = await world.pairOfServers({files: many});
      await world.profile('pair/all', '--items', 'templates');
      const {child, outcome, runId} = await startedRun(world, ['run', 'pair/all', '--json'], {
        detached: true,
      });
      // As a terminal does: to the whole group of the foreground process.
      process.kill(-child.pid!, signal);
      const ended = await outcome;
      t.is(ended.exitCode, code, String(ended));
      t.regex(ended.stderr, new RegExp(`${runId} goes on[\\s\\S]*runs watch[\\s\\S]*runs cancel`));

      const watched = await world.must('runs', 'watch', runId, '--json');
      const events = watched.events();
      t.like(events[0], {type: 'hello', version: 1});
      t.like(events[1], {type: 'run.started', runId});
      t.is(watched.summary().status, 'success');
      t.deepEqual(local.site.files(), remote.site.files());
      const listed = (await world.must('runs', 'list', '--json')).json<{
        runs: {runId: string; status: string}[];
      }>();
      t.like(listed.runs[0], {runId, status: 'success'});
    },
  );

test.serial('X3: a console killed outright does not end its run', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({files: many});
  await world.profile('pair/all', '--items', 'templates');
  const {child, outcome, runId} = await startedRun(world, ['run', 'pair/all', '--json']);
  child.kill('SIGKILL');
  await outcome;
  t.is((await world.must('runs', 'watch', runId, '--json')).summary().status, 'success');
  t.deepEqual(local.site.files(), remote.site.files());
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
  const {local, remote} = await world.pairOfServers({files: many});
  await world.profile('pair/all', '--items', 'templates');
  const runId = (await world.must('run', 'pair/all', '--detach')).stdout.trim();
  t.regex(runId, /^\d{8}-\d{6}-[0-9a-z]{6}$/);
  await world.must('runs', 'watch', runId);
  t.deepEqual(local.site.files(), remote.site.files());

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
  const {local, remote} = await world.pairOfServers({files: many});
  await world.profile('pair/all', '--items', 'templates');
  const {child, outcome} = await startedRun(world, ['run', 'pair/all', '--json', '--attached']);
  child.kill('SIGINT');
  const ended = await outcome;
  const {status} = ended.summary();
  t.true(status === 'cancelled' ? ended.exitCode === 130 : ended.exitCode === 0, String(ended));
  t.false(Object.keys(remote.site.files()).some(name => name.includes('.lockstep')));
  await world.run('pair/all');
  t.deepEqual(local.site.files(), remote.site.files());
});

test.serial('E14: a second run at the same site is refused with 6 and told who holds it', async t => {
  const world = createWorld(t);
  await world.pairOfServers({files: many});
  await world.profile('pair/all', '--items', 'templates');
  const {outcome, runId} = await startedRun(world, ['run', 'pair/all', '--json']);
  const second = await world.lockstep('run', 'pair/all', '--json');
  const first = await outcome;
  t.is(first.exitCode, 0, String(first));
  // On a fast machine the first may have been done already.
  if (second.exitCode === 0) return void t.is(second.summary().applied, 0);
  t.is(second.exitCode, 6, String(second));
  t.like(second.summary(), {status: 'refused', holder: {runId}});
  t.is(second.summary().error?.code, 'SITE_BUSY');
});

test.serial('E14: runs cancel ends a run; its watcher does not end with 0', async t => {
  const world = createWorld(t);
  await world.pairOfServers({files: many});
  await world.profile('pair/all', '--items', 'templates');
  const {outcome, runId} = await startedRun(world, ['run', 'pair/all', '--json']);
  const cancel = await world.lockstep('runs', 'cancel', runId);
  const ended = await outcome;
  if (ended.summary().status === 'success') return void t.is(ended.exitCode, 0);
  t.is(cancel.exitCode, 0);
  t.is(ended.summary().status, 'cancelled');
  t.not(ended.exitCode, 0);
});
