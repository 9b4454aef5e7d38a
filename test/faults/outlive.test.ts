import test from 'ava';
import {createHeldPair, startedRun} from '../helpers/held-run.js';
import {createWorld, eventually} from '../helpers/lockstep.js';

test('X3: what watches a killed runner ends within 60 s and not with 0; its leases are free within 20 s', async t => {
  const world = createWorld(t);
  const {local, remote, letGo} = await createHeldPair(t, world);

  const argv = ['run', 'pair/all', '--json'];
  const {outcome: first, runId} = await startedRun(world, argv);
  const watching = world.lockstep('runs', 'watch', runId, '--json');
  const runner = world.runningRuns()[0];
  t.is(runner?.runId, runId, 'the run is under way and holds the leases');
  process.kill(runner!.pid, 'SIGKILL');
  const killed = performance.now();
  await letGo();
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

  await eventually('the leases of the dead run are free', async () => {
    const asked = performance.now();
    const outcome = await world.lockstep(...argv);
    if (outcome.exitCode === 6) {
      t.is(outcome.summary().holder?.runId, runId, 'whoever asks meanwhile is told who holds it');
      // Fifteen seconds from the last renewal, which came before the kill; nobody who asks later is refused.
      t.true(asked - killed < 20_000, `${Math.round(asked - killed)} ms`);
      return false;
    }
    t.is(outcome.exitCode, 0, String(outcome));
    return true;
  });
  t.deepEqual(local.site.files(), remote.site.files());
  t.like(await world.run('pair/all'), {applied: 0});
});
