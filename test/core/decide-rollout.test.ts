import test from 'ava';
import fc from 'fast-check';
import {
  decideRollout,
  type RolloutDecision,
  type RolloutRules,
  type RolloutServerState,
  type RolloutWill,
  type ServerProgress,
} from '../../source/core/decide-rollout.js';
import {parseWindow} from '../../source/core/rollout-window.js';

const now = Date.parse('2026-12-05T21:00:00Z');
const minute = 60_000;
const rules: RolloutRules = {concurrency: 2, failuresAllowed: 0, bakeMs: 0, gates: []};
const goOn: RolloutWill = {wanted: 'run', approvedWaves: [], blockedWaves: []};

/** `w` waiting, `r` running, `d` done, `f` failed, `!` attention, `a` aborted, a word for each wave. */
function servers(text: string, changes: Partial<ServerProgress> = {}): ServerProgress[] {
  const states: Record<string, RolloutServerState> = {
    ...{w: 'waiting', r: 'running', d: 'done', f: 'failed', '!': 'attention', a: 'aborted', b: 'rolled-back'},
  };
  let number = 0;
  return text.split(' ').flatMap((wave, index) =>
    [...wave].map(letter => ({
      address: `s${++number}`,
      wave: index + 1,
      state: states[letter]!,
      worstCaseMs: 10 * minute,
      ...('wr'.includes(letter) ? {} : {endedMs: now}),
      ...changes,
    })),
  );
}

const start = (...names: string[]): RolloutDecision => ({kind: 'start', servers: names});
const atWork: RolloutDecision = {kind: 'wait', for: 'servers'};
const end = (status: 'done' | 'failed' | 'aborted' | 'attention'): RolloutDecision => ({kind: 'end', status});

type Case = [
  name: string,
  world: string,
  expected: RolloutDecision,
  changes?: Partial<RolloutRules & RolloutWill>,
];
const cases: Case[] = [
  ['the first wave starts', 'w www', start('s1')],
  ['no more at work than allowed', 'rww', start('s2')],
  ['all places taken', 'rrw', atWork],
  ['the next wave waits for the one before', 'dr ww', atWork],
  ['the next wave starts after the one before', 'dd ww', start('s3', 's4')],
  ['all done', 'd dd', end('done')],
  ['a failure that is not allowed: those at work finish', 'd frw wwwwww', atWork, {concurrency: 3}],
  ['a failure that is not allowed: nothing more starts', 'd fdw wwwwww', end('failed')],
  ['a server that was rolled back has failed', 'd bdw wwwwww', end('failed')],
  ['a failure that is allowed', 'd fdw www', start('s4'), {failuresAllowed: 1}],
  ['as many failures as allowed, and all tried', 'd fd', end('done'), {failuresAllowed: 1}],
  ['attention: those at work finish', '!r ww', atWork, {failuresAllowed: 5}],
  ['attention stops whatever may fail', '!d ww', end('attention'), {failuresAllowed: 5}],
  ['attention is graver than an abort', '!a ww', end('attention'), {wanted: 'abort'}],
  ['abort: those at work settle first', 'dr ww', atWork, {wanted: 'abort'}],
  ['abort', 'da ww', end('aborted'), {wanted: 'abort'}],
  ['abort of a last server', 'da', end('aborted'), {wanted: 'abort'}],
  ['an abort that came too late', 'dd', end('done'), {wanted: 'abort'}],
  ['pause: those at work finish', 'dr ww', atWork, {wanted: 'pause'}],
  ['paused', 'dd ww', {kind: 'end', status: 'paused', why: {kind: 'operator'}}, {wanted: 'pause'}],
  ['a pause of the last server changes nothing', 'dd', end('done'), {wanted: 'pause'}],
  [
    'a gate that nobody approved',
    'd ww',
    {kind: 'end', status: 'paused', why: {kind: 'gate', wave: 2}},
    {gates: [2, 3]},
  ],
  ['an approved gate', 'd ww', start('s2', 's3'), {gates: [2, 3], approvedWaves: [2]}],
  [
    'a gate before the first wave',
    'w ww',
    {kind: 'end', status: 'paused', why: {kind: 'gate', wave: 1}},
    {gates: [1]},
  ],
  ['a gate is for the whole wave', 'd dw', start('s3'), {gates: [2]}],
  [
    'an open item of the checklist comes before the gate',
    'd ww',
    {kind: 'end', status: 'paused', why: {kind: 'checklist', wave: 2}},
    {gates: [2], blockedWaves: [2]},
  ],
  [
    'the bake time',
    'd ww',
    {kind: 'wait', for: 'bake', wave: 2, untilMs: now + 5 * minute},
    {bakeMs: 5 * minute, gates: [2]},
  ],
  ['no bake time before the first wave', 'w ww', start('s1'), {bakeMs: 5 * minute}],
];
for (const [name, world, expected, changes = {}] of cases)
  test(name, t => {
    t.deepEqual(decideRollout({...rules, ...changes}, {...goOn, ...changes}, servers(world), now), expected);
  });

const window = parseWindow('sat 22:00-22:15 Europe/Berlin');
const opensMs = now + 7 * 24 * 60 * minute;

test('a server starts only if its worst case fits the window; the others are deferred', t => {
  const [quick, slow] = servers('ww');
  const both = [quick!, {...slow!, worstCaseMs: 16 * minute}];
  t.deepEqual(decideRollout({...rules, window}, goOn, both, now), start('s1'));
  t.deepEqual(
    decideRollout({...rules, window}, goOn, [{...both[0]!, state: 'running'}, both[1]!], now),
    atWork,
  );
  t.deepEqual(decideRollout({...rules, window}, goOn, [{...both[0]!, state: 'done'}, both[1]!], now), {
    kind: 'end',
    status: 'paused',
    why: {kind: 'window', wave: 1, deferred: ['s2'], opensMs},
  });
});

test('the window closes while servers are at work: they finish, the rest is deferred', t => {
  const later = now + 20 * minute;
  t.deepEqual(decideRollout({...rules, window}, goOn, servers('rww w'), later), atWork);
  t.deepEqual(decideRollout({...rules, window}, goOn, servers('dww w'), later), {
    kind: 'end',
    status: 'paused',
    why: {kind: 'window', wave: 1, deferred: ['s2', 's3'], opensMs},
  });
});

test('a server that somebody else holds is asked again, then given up for now', t => {
  const [held, free] = servers('ww');
  const busy = {...held!, busyUntilMs: now + 5_000};
  t.deepEqual(decideRollout(rules, goOn, [busy, free!], now), start('s2'));
  t.deepEqual(decideRollout(rules, goOn, [busy, {...free!, state: 'done'}], now), {
    kind: 'wait',
    for: 'busy',
    wave: 1,
    untilMs: now + 5_000,
  });
  t.deepEqual(decideRollout(rules, goOn, [busy], now + 5_000), start('s1'));
  t.deepEqual(
    decideRollout(
      rules,
      goOn,
      [
        {...busy, givenUp: true},
        {...free!, state: 'done'},
      ],
      now,
    ),
    {
      kind: 'end',
      status: 'paused',
      why: {kind: 'busy', wave: 1, servers: ['s1']},
    },
  );
});

/** A rollout of random rules whose servers settle in random order with random results, to its end. */
test('property: bounds, order, gates and failures hold whatever happens', t => {
  const world = fc.record({
    waves: fc.array(fc.integer({min: 1, max: 6}), {minLength: 1, maxLength: 4}),
    concurrency: fc.integer({min: 1, max: 4}),
    failuresAllowed: fc.integer({min: 0, max: 3}),
    bakeMs: fc.constantFrom(0, minute),
    gates: fc.uniqueArray(fc.integer({min: 1, max: 4}), {maxLength: 4}),
    luck: fc.infiniteStream(
      fc.constantFrom<RolloutServerState>('done', 'done', 'done', 'failed', 'rolled-back', 'attention'),
    ),
    whom: fc.infiniteStream(fc.nat()),
    will: fc.infiniteStream(fc.constantFrom('run', 'run', 'run', 'run', 'pause', 'abort')),
  });
  fc.assert(
    fc.property(world, ({waves, luck, whom, will: wills, ...laid}) => {
      let all = servers(waves.map(size => 'w'.repeat(size)).join(' '));
      const approved: number[] = [];
      const startedOnce = new Set<string>();
      let nowMs = now;
      let will: RolloutWill['wanted'] = 'run';
      const settle = () => {
        const running = all.filter(({state}) => state === 'running');
        const chosen = running[whom.next().value! % running.length]!;
        const state = will === 'abort' ? 'aborted' : luck.next().value!;
        all = all.map(server => (server === chosen ? {...server, state, endedMs: nowMs} : server));
      };
      // Every turn starts, settles, waits or ends: more than these there cannot be.
      for (let turn = 0; turn < 200; turn++) {
        if (will === 'run') will = wills.next().value!;
        const decision = decideRollout(
          {...laid},
          {wanted: will, approvedWaves: approved, blockedWaves: []},
          all,
          nowMs,
        );
        const running = all.filter(({state}) => state === 'running');
        if (decision.kind === 'start') {
          t.true(decision.servers.length > 0);
          t.true(running.length + decision.servers.length <= laid.concurrency);
          t.is(will, 'run');
          t.false(all.some(({state}) => state === 'attention'));
          t.true(
            all.filter(({state}) => ['failed', 'rolled-back'].includes(state)).length <= laid.failuresAllowed,
          );
          for (const address of decision.servers) {
            t.false(startedOnce.has(address), 'started twice');
            startedOnce.add(address);
            const {wave} = all.find(server => server.address === address)!;
            t.false(all.some(server => server.wave < wave && ['waiting', 'running'].includes(server.state)));
            if (laid.gates.includes(wave)) t.true(approved.includes(wave), 'before its gate');
            const before = all.filter(server => server.wave < wave).map(({endedMs}) => endedMs!);
            const isFirst = !all.some(server => server.wave === wave && server.state !== 'waiting');
            if (isFirst && before.length > 0) t.true(nowMs >= Math.max(...before) + laid.bakeMs);
          }
          all = all.map(server =>
            decision.servers.includes(server.address) ? {...server, state: 'running'} : server,
          );
        } else if (decision.kind === 'wait') {
          if (decision.for === 'servers') {
            t.true(running.length > 0, 'waits for nobody');
            settle();
            nowMs += 1000;
          } else {
            t.true(decision.untilMs > nowMs);
            nowMs = decision.untilMs;
          }
        } else {
          t.is(running.length, 0, 'ended with servers at work');
          if (decision.status !== 'paused') return;
          if (decision.why.kind === 'operator') will = 'run';
          else if (decision.why.kind === 'gate') approved.push(decision.why.wave);
          else t.fail(decision.why.kind);
        }
      }
      t.fail('does not end');
    }),
    {numRuns: 300},
  );
});
