import test from 'ava';
import {crashAgent, createWalk} from '../helpers/crash-walk.js';
import {expectedAt, recoveryPoints, walked} from '../helpers/walked-points.js';

test('X3: the local agent dies at every fault point of a run; afterwards all is whole and converges', async t => {
  const walk = await createWalk(t);
  const hit: string[] = [];
  for (const point of walked) if (await crashAgent(walk, 'local', point)) hit.push(point);
  t.deepEqual(hit.toSorted(), expectedAt.local.toSorted());
  // The agent dies again while it recovers, before and after it has.
  t.true(await crashAgent(walk, 'local', 'commit.files-applying', recoveryPoints));
  t.true(await crashAgent(walk, 'local', 'commit.database-committed', recoveryPoints));
  t.log(`${hit.length} fault points, and ${2 * recoveryPoints.length} while recovering`);
});
