import test from 'ava';
import {drain} from '../../../source/agent/update/drain.js';
import type {StepContext} from '../../../source/agent/update/step-context.js';
import {OperatorError} from '../../../source/core/operator-error.js';

/** A step's context whose service counts as told; `broken` is a count that fails. */
function contextOf(counts: (number | 'broken')[]) {
  const left: (number | undefined)[] = [];
  const context = {
    settings: {users: 'logoff'},
    progress: {facts: {sessionsEndAt: new Date(Date.now() + 60_000).toISOString()}},
    command: {environment: {}},
    signal: new AbortController().signal,
    now: Date.now,
    notice: () => {},
    usersLeft: (count: number | undefined) => left.push(count),
    service: {
      can: () => true,
      state: async () => 'running',
      tell: async () => {},
      async sessions() {
        const count = counts.shift();
        if (typeof count === 'number') return count;
        throw new OperatorError('SERVICE_FAILED', 'The sessions could not be counted.', {hint: 'x'});
      },
    },
  };
  return {context: context as unknown as StepContext, left};
}

test('a count of the sessions that fails now and then is asked for again (U4)', async t => {
  const {context, left} = contextOf(['broken', 2, 'broken', 'broken', 1, 'broken', 0]);
  t.like(await drain(context, '1', '2'), {kind: 'done', detail: '2 users left by themselves.'});
  t.deepEqual(left, [1, 0, undefined]);
});

test('a count that goes on failing ends the update before anything is stopped', async t => {
  const {context, left} = contextOf([3, 2]);
  const error = await t.throwsAsync(drain(context, '1', '2'));
  t.like(error, {code: 'SERVICE_FAILED'});
  t.deepEqual(left, [2, undefined]);
});
