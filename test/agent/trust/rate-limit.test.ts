import test from 'ava';
import {createRateLimit} from '../../../source/agent/trust/rate-limit.js';

test('a key may do so much at once, and more as time goes by', t => {
  let now = 0;
  const limit = createRateLimit({perKey: 2, overall: 100, windowMs: 1000}, () => now);
  t.true(limit.take('a').allowed);
  t.true(limit.take('a').allowed);
  t.deepEqual(limit.take('a'), {allowed: false, waitMs: 500});
  t.true(limit.take('b').allowed);
  now = 500;
  t.true(limit.take('a').allowed);
  t.false(limit.take('a').allowed);
});

test('many keys together are held by the common limit, and what was rightful is given back', t => {
  const limit = createRateLimit({perKey: 10, overall: 3, windowMs: 1000}, () => 0);
  for (const key of ['a', 'b', 'c']) t.true(limit.take(key).allowed);
  t.false(limit.take('d').allowed);
  limit.giveBack('a');
  t.true(limit.take('d').allowed);
});

test('a flood of keys is held without a bucket for each', t => {
  const limit = createRateLimit({perKey: 1, overall: 10, windowMs: 1000}, () => 0);
  let allowed = 0;
  for (let key = 0; key < 20_000; key += 1) if (limit.take(String(key)).allowed) allowed += 1;
  t.is(allowed, 10);
});
