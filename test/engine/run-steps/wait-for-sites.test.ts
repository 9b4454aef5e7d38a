import test from 'ava';
import {OperatorError} from '../../../source/core/operator-error.js';
import {waitForSites} from '../../../source/engine/run-steps/wait-for-sites.js';

const busy = (runId: string) =>
  new OperatorError('SITE_BUSY', `Site main is being synchronised by run ${runId}.`, {
    details: {holder: {runId, by: 'anna', since: ''}},
  });

/** A site that is busy with the given runs, one a try, and a clock that only waiting moves. */
function world(...errors: Error[]) {
  let nowMs = 0;
  const told: string[] = [];
  const cancel = new AbortController();
  const over = new Set<string>();
  return {
    over,
    told,
    cancel,
    get nowMs() {
      return nowMs;
    },
    wait: (patienceMs: number) =>
      waitForSites(
        async () => {
          const error = errors.shift();
          if (error) throw error;
          return 'taken';
        },
        {
          patienceMs,
          signal: cancel.signal,
          tell: text => told.push(text),
          isOver: async runId => over.has(runId),
          monotonicMs: () => nowMs,
          async pause(ms) {
            nowMs += ms;
          },
        },
      ),
  };
}

test('a run that somebody started by hand is refused at once', async t => {
  const site = world(busy('a'));
  t.is((await t.throwsAsync(site.wait(0), {instanceOf: OperatorError}))?.code, 'SITE_BUSY');
  t.is(site.nowMs, 0);
});

test('a busy site is waited for, and each holder is named once', async t => {
  const site = world(busy('a'), busy('a'), busy('b'));
  t.is(await site.wait(60_000), 'taken');
  t.is(site.nowMs, 1000 + 2000 + 4000);
  t.is(site.told.length, 2);
  t.regex(site.told[0]!, /run a.*60 s at most/);
});

test('the hold of a run that is over is waited for whoever started this one, but not for ever', async t => {
  const site = world(busy('died'), busy('died'));
  site.over.add('died');
  t.is(await site.wait(0), 'taken');
  t.regex(site.told.join(), /run died.*That run is over; waiting for its hold to end, for 30 s at most/);
  const stuck = world(...Array.from({length: 100}, () => busy('died')));
  stuck.over.add('died');
  t.is((await t.throwsAsync(stuck.wait(0), {instanceOf: OperatorError}))?.code, 'SITE_BUSY');
  t.is(stuck.nowMs, 30_000);
});

test('waiting has an end, and is the last try’s error', async t => {
  const site = world(...Array.from({length: 100}, () => busy('a')));
  t.is((await t.throwsAsync(site.wait(60_000), {instanceOf: OperatorError}))?.code, 'SITE_BUSY');
  t.is(site.nowMs, 60_000);
});

test('any other failure ends the waiting, and so does a cancel', async t => {
  const broken = world(busy('a'), new OperatorError('UNREACHABLE', 'gone'));
  t.is((await t.throwsAsync(broken.wait(60_000), {instanceOf: OperatorError}))?.code, 'UNREACHABLE');
  const cancelled = world(busy('a'));
  cancelled.cancel.abort(new Error('cancelled'));
  await t.throwsAsync(cancelled.wait(60_000), {message: 'cancelled'});
});
