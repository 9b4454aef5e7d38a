import {createInterface} from 'node:readline';
import test from 'ava';
import {createWorld, eventually, World} from '../helpers/lockstep.js';

/** Enough small files that a run is still under way when something is done to it. */
const many = Object.fromEntries(
  Array.from({length: 1500}, (_, index) => [`f${index}.html`, `file ${index}`]),
);

test('X3: what watches a killed runner ends within 60 s and not with 0; its leases are free within 20 s', async t => {
  const world = createWorld(t);
  const {local, remote} = await world.pairOfServers({files: many});
  await world.profile('pair/all', '--items', 'templates');

  const argv = ['run', 'pair/all', '--json'];
  const child = world.spawn(argv);
  const first = World.outcome(argv, child);
  const runId = await new Promise<string>(resolve => {
    createInterface({input: child.stdout!}).on('line', line => {
      const event = JSON.parse(line) as {type: string; runId?: string; phase?: string};
      if (event.type === 'run.phase' && event.phase === 'scan') resolve(world.runningRuns()[0]?.runId ?? '');
    });
    void first.then(() => resolve(''));
  });
  const watching = world.lockstep('runs', 'watch', runId, '--json');
  const runner = world.runningRuns()[0];
  t.is(runner?.runId, runId, 'the run is under way and holds the leases');
  process.kill(runner!.pid, 'SIGKILL');
  const killed = performance.now();
  for (const outcome of await Promise.all([first, watching])) {
    t.true(performance.now() - killed < 60_000);
    t.not(outcome.exitCode, 0, String(outcome));
    t.not(outcome.exitCode, undefined, String(outcome));
  }
  t.not(
    (await world.lockstep('runs', 'watch', runId, '--json')).exitCode,
    0,
    'nor does one that comes later',
  );

  let asked = 0;
  await eventually('the leases of the dead run are free', async () => {
    asked = performance.now();
    const outcome = await world.lockstep(...argv);
    if (outcome.exitCode === 6) {
      t.is(outcome.summary().holder?.runId, runId, 'whoever asks meanwhile is told who holds it');
      return false;
    }
    t.is(outcome.exitCode, 0, String(outcome));
    return true;
  });
  // Fifteen seconds from the last renewal, which came before the kill; and some for a busy machine to start a command.
  t.true(asked - killed < 20_000 + 5_000, `${Math.round(asked - killed)} ms`);
  t.deepEqual(local.site.files(), remote.site.files());
  t.like(await world.run('pair/all'), {applied: 0});
});
