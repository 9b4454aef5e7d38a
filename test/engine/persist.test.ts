import test from 'ava';
import {OperatorError} from '../../source/core/operator-error.js';
import {persist} from '../../source/engine/run-steps/persist.js';

const lost = () => new OperatorError('CONNECTION_LOST', 'gone');

test('a lost connection is tried again, after the leases were taken back', async t => {
  const order: string[] = [];
  const result = await persist(
    async () => {
      order.push('work');
      if (order.length < 3) throw lost();
      return 'done';
    },
    {signal: new AbortController().signal, beforeRetry: async () => void order.push('renew')},
  );
  t.is(result, 'done');
  t.deepEqual(order, ['work', 'renew', 'work']);
});

test('anything else fails at once', async t => {
  let tries = 0;
  await t.throwsAsync(
    persist(
      async () => {
        tries += 1;
        throw new OperatorError('SITE_BUSY', 'held');
      },
      {signal: new AbortController().signal, beforeRetry: async () => {}},
    ),
    {code: 'SITE_BUSY'},
  );
  t.is(tries, 1);
});

test('a lease that went to another run ends the trying', async t => {
  await t.throwsAsync(
    persist(() => Promise.reject(lost()), {
      signal: new AbortController().signal,
      beforeRetry: () => Promise.reject(new OperatorError('SITE_BUSY', 'held')),
    }),
    {code: 'SITE_BUSY'},
  );
});

test('cancelling ends the waiting at once, with the reason', async t => {
  const cancel = new AbortController();
  const reason = new OperatorError('RUN_CANCELLED', 'enough');
  const working = persist(() => Promise.reject(lost()), {signal: cancel.signal, beforeRetry: async () => {}});
  setImmediate(() => cancel.abort(reason));
  t.is(await t.throwsAsync(working), reason);
});

test('a failure that repeats itself is told of once, another one as well, and then that it is over', async t => {
  const failures = [
    ...['b cannot be reached', 'b cannot be reached', 'b broke off', 'b cannot be reached'],
    undefined,
  ];
  const told: string[] = [];
  await persist(
    async () => {
      const message = failures.shift();
      if (message !== undefined) throw new OperatorError('UNREACHABLE', `${message}.`);
    },
    {
      signal: new AbortController().signal,
      beforeRetry: async () => {},
      tell: (level, text) => told.push(`${level} ${text.replace(/after \d+ s/, 'after N s')}`),
    },
  );
  t.deepEqual(told, [
    'warn b cannot be reached. Trying again for up to 30 s.',
    'warn b broke off. Trying again for up to 30 s.',
    'info It works again: try 5, after N s.',
  ]);
});
