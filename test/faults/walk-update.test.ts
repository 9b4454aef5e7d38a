import test from 'ava';
import {UpdateWalk} from '../helpers/update-walk.js';

test('X6: the agent is killed at every place of an update, and while it recovers; each server runs the old version with the old data or the new with the new', async t => {
  const walk = await UpdateWalk.create(t, ['forward', 'rollback', 'swap-back', 'by-hand', 'withdraw']);
  t.timeout(1_200_000);
  await walk.startAgent(true);
  await walk.startUpdates();
  await walk.startRollbacks();
  const held = await walk.killAtPlaces();
  t.is(held, walk.sites.length, 'every place is one that an update comes by');
  // Those that come by their place once more are killed there again.
  await walk.startAgent(true);
  const again = await walk.killAtPlaces();
  await walk.startAgent(false);
  await walk.end();
  const problems: string[] = [];
  for (const site of walk.sites) {
    const problem = await walk.problemAt(site);
    if (problem !== undefined) problems.push(problem);
  }
  t.deepEqual(problems, []);
  t.log(`${held} places, ${again} of them a second time`);
});
