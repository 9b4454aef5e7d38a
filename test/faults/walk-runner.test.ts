import test from 'ava';
import {faultPoints} from '../../source/core/fault-point.js';
import {crashRunner, createWalk} from '../helpers/crash-walk.js';

test('X3: the runner dies at every fault point; afterwards all is whole and a rerun converges', async t => {
  const walk = await createWalk(t);
  for (const point of faultPoints.runner) t.true(await crashRunner(walk, point), point);
  t.log(`${faultPoints.runner.length} fault points`);
});
