import os from 'node:os';
import test from 'ava';
import {newProfile} from '../../../source/engine/profiles.js';
import {localTime, nextStarts} from '../../../source/engine/scheduler/next-starts.js';
import {settleStart, takeStarts} from '../../../source/engine/scheduler/take-starts.js';
import {emptyState, type State, type StoredProfile} from '../../../source/state/state.js';

const at = (text: string) => Date.parse(text);
const minute = 60_000;

function stateWith(...profiles: Partial<StoredProfile>[]): State {
  return {
    ...emptyState(),
    profiles: profiles.map((profile, index) => ({
      ...newProfile({
        relationship: 'web',
        name: `p${index}`,
        items: ['templates'],
        direction: 'upload',
        policy: 'local-wins',
        filter: {kind: 'none'},
        replace: 'newer',
        backup: 'off',
        maxDelete: 50,
      }),
      ...profile,
    })),
  };
}

let made = 0;
const pass = (state: State, now: string, begun: readonly string[] = []) =>
  takeStarts(state, {
    nowMs: at(now),
    onTimeMs: minute,
    newRunId: () => `run-${++made}`,
    hasBegun: runId => begun.includes(runId),
  });

test('a start is taken once, however many look', t => {
  const state = stateWith({
    schedule: 'daily 2026-12-01T02:00 UTC',
    scheduling: {handled: '2026-11-30T12:00:00Z'},
  });
  t.deepEqual(pass(state, '2026-12-01T01:59:59Z').starts, []);
  const [start] = pass(state, '2026-12-01T02:00:01Z').starts;
  t.is(start?.dueMs, at('2026-12-01T02:00:00Z'));
  t.is(start?.starter.profile, 'p0');
  t.deepEqual(pass(state, '2026-12-01T02:00:01Z').starts, []);
  settleStart(state, start!, at('2026-12-01T02:00:02Z'), true);
  t.is(state.profiles[0]!.scheduling?.starting, undefined);
  t.deepEqual(pass(state, '2026-12-02T01:00:00Z').starts, []);
  t.is(pass(state, '2026-12-02T02:00:00Z').starts.length, 1);
});

test('a live sync is started like a profile, once', t => {
  const state = stateWith();
  state.lives = [
    {
      ...{
        name: 'news',
        local: {server: 'a', site: 'main'},
        servers: [{server: 'b', site: 'main'}],
        tenants: [],
      },
      ...{policy: 'local-wins', maxDelete: 50, createdAt: '2026-11-01T00:00:00Z', revision: 'r', memory: {}},
      ...{schedule: 'daily 2026-12-01T02:00 UTC', scheduling: {handled: '2026-11-30T12:00:00Z'}},
    },
  ];
  const [start] = pass(state, '2026-12-01T02:00:01Z').starts;
  t.deepEqual(start?.starter, {relationship: '', profile: '', live: 'news'});
  t.deepEqual(pass(state, '2026-12-01T02:00:02Z').starts, []);
  settleStart(state, start!, at('2026-12-01T02:00:03Z'), true);
  t.is(state.lives[0]!.scheduling?.starting, undefined);
  t.is(pass(state, '2026-12-02T02:00:00Z').starts.length, 1);
});

test('a missed start is told once, and runs once where the profile says so', t => {
  const scheduling = {handled: '2026-12-01T02:00:00Z'};
  const state = stateWith(
    {schedule: 'daily 2026-12-01T02:00 UTC', scheduling: {...scheduling}},
    {schedule: 'daily 2026-12-01T02:30 UTC', missed: 'run', scheduling: {...scheduling}},
  );
  const {starts, missed} = pass(state, '2026-12-05T12:00:00Z');
  t.deepEqual(
    missed.map(({starter, count, runsNow}) => [starter.profile, count, runsNow]),
    [
      ['p0', 4, false],
      ['p1', 5, true],
    ],
  );
  t.deepEqual(
    starts.map(({starter, dueMs}) => [starter.profile, dueMs]),
    [['p1', at('2026-12-05T02:30:00Z')]],
  );
  t.deepEqual(pass(state, '2026-12-05T12:00:20Z'), {starts: [], missed: []});
});

test('a start whose taker died is taken again, unless its run exists', t => {
  const dead = {host: os.hostname(), pid: 999_999_999, startedAt: '1'};
  const starting = (runId: string) => ({
    due: '2026-12-01T02:00:00.000Z',
    runId,
    verify: false,
    takenAt: '2026-12-01T02:00:00.000Z',
    by: dead,
  });
  const state = stateWith(
    {
      schedule: 'daily 2026-12-01T02:00 UTC',
      scheduling: {handled: '2026-12-01T02:00:00Z', starting: starting('lost')},
    },
    {
      schedule: 'daily 2026-12-01T02:10 UTC',
      scheduling: {handled: '2026-12-01T02:10:00Z', starting: starting('begun')},
    },
    {
      schedule: 'daily 2026-12-01T02:20 UTC',
      scheduling: {
        handled: '2026-12-01T02:20:00Z',
        starting: {...starting('elsewhere'), by: {...dead, host: 'another'}, takenAt: '2026-12-01T02:20:00Z'},
      },
    },
  );
  const {starts} = pass(state, '2026-12-01T02:21:00Z', ['begun']);
  t.deepEqual(
    starts.map(({starter, dueMs}) => [starter.profile, dueMs]),
    [['p0', at('2026-12-01T02:00:00Z')]],
  );
  t.is(state.profiles[1]!.scheduling?.starting, undefined);
  t.is(state.profiles[2]!.scheduling?.starting?.runId, 'elsewhere');
  t.is(pass(state, '2026-12-01T02:40:00Z').starts[0]?.starter.profile, 'p2');
});

test('a schedule that nobody has looked at begins now', t => {
  const state = stateWith({schedule: 'hourly 2020-01-01T00:00 UTC', scheduling: undefined as never});
  t.deepEqual(pass(state, '2026-12-01T12:30:00Z'), {starts: [], missed: []});
  t.is(pass(state, '2026-12-01T13:00:10Z').starts.length, 1);
});

test('a verify goes with the start that is due for one, and counts once it has begun', t => {
  const state = stateWith({
    schedule: 'daily 2026-12-01T02:00 UTC',
    verify: 'weekly',
    scheduling: {handled: '2026-11-30T12:00:00Z'},
  });
  const [first] = pass(state, '2026-12-01T02:00:00Z').starts;
  t.true(first!.verify);
  settleStart(state, first!, at('2026-12-01T02:00:00Z'), true);
  const [second] = pass(state, '2026-12-02T02:00:00Z').starts;
  t.false(second!.verify);
  settleStart(state, second!, at('2026-12-02T02:00:00Z'), true);
  t.true(pass(state, '2026-12-08T02:00:00Z').starts[0]!.verify);
});

test('what comes when, over all profiles, in their own zones', t => {
  const state = stateWith(
    {schedule: 'daily 2026-12-01T02:00 Europe/Berlin', scheduling: {handled: '2026-11-01T00:00:00Z'}},
    {schedule: 'once 2026-12-01T22:00 America/New_York', scheduling: {handled: '2026-11-01T00:00:00Z'}},
    {},
  );
  t.deepEqual(
    nextStarts(state, at('2026-12-01T00:00:00Z'), 3).map(({profile, at: utc, local, zone}) => [
      profile,
      utc,
      local,
      zone,
    ]),
    [
      ['p0', '2026-12-01T01:00:00.000Z', '2026-12-01T02:00:00+01:00', 'Europe/Berlin'],
      ['p0', '2026-12-02T01:00:00.000Z', '2026-12-02T02:00:00+01:00', 'Europe/Berlin'],
      ['p1', '2026-12-02T03:00:00.000Z', '2026-12-01T22:00:00-05:00', 'America/New_York'],
    ],
  );
  t.is(localTime(at('2026-07-01T00:00:00Z'), 'UTC'), '2026-07-01T00:00:00+00:00');
});
