import test from 'ava';
import {OperatorError} from '../../../source/core/operator-error.js';
import {approveWave} from '../../../source/engine/rollouts/approve-wave.js';
import {emptyState, type StoredRollout} from '../../../source/state/state.js';

const at = '2026-12-05T21:00:00.000Z';
const waiting: StoredRollout = {
  ...{name: 'r', release: 'shop-1.1', version: '1.1', digest: '', servers: [], waves: ['1', '1']},
  ...{failuresAllowed: 0, concurrency: 1, bakeMs: 0, gates: [2], approvers: [], fourEyes: false},
  ...{
    scheduled: false,
    patienceMs: 0,
    items: [],
    createdBy: 'anna@ops',
    createdAt: at,
    startedBy: 'carl@ops',
  },
  ...{wanted: 'run', approvals: [], legs: [], members: []},
  status: 'paused',
  pausedFor: {kind: 'gate', wave: 2},
};

type Case = [
  name: string,
  changes: Partial<StoredRollout>,
  by: string,
  refused?: OperatorError['code'] | undefined,
  wave?: number,
];
const cases: Case[] = [
  ['anybody, when nobody is named', {}, 'bea@ops'],
  ['the wave that waits, by its number', {}, 'bea@ops', undefined, 2],
  ['another wave', {}, 'bea@ops', 'USAGE', 3],
  ['a rollout that waits for something else', {pausedFor: {kind: 'operator'}}, 'bea@ops', 'USAGE'],
  ['a rollout at work', {status: 'running'}, 'bea@ops', 'USAGE'],
  ['one who is named', {approvers: ['bea']}, 'bea@elsewhere'],
  ['one who is named with a machine', {approvers: ['bea@ops']}, 'bea@ops'],
  ['the same name on another machine', {approvers: ['bea@ops']}, 'bea@elsewhere', 'ROLE_REFUSED'],
  ['one who is not named', {approvers: ['bea']}, 'dora@ops', 'ROLE_REFUSED'],
  ['the author, with four eyes', {fourEyes: true}, 'anna@ops', 'ROLE_REFUSED'],
  ['who started it, with four eyes', {fourEyes: true}, 'carl@ops', 'ROLE_REFUSED'],
  ['a third person, with four eyes', {fourEyes: true}, 'bea@ops'],
];
for (const [name, changes, by, refused, wave] of cases)
  test(`${refused === undefined ? 'approves' : 'does not approve'}: ${name}`, t => {
    const rollout = structuredClone({...waiting, ...changes});
    const approve = () => approveWave(emptyState(), rollout, {wave, by, at});
    if (refused === undefined) {
      t.is(approve(), 2);
      t.deepEqual(rollout.approvals, [{wave: 2, by, at}]);
    } else {
      t.throws(approve, {instanceOf: OperatorError, code: refused});
      t.deepEqual(rollout.approvals, []);
    }
  });

test('does not approve: a console that may only look at a server of the wave', t => {
  const state = emptyState();
  state.servers.push({
    name: 'web2',
    url: 'https://web2:8732',
    fingerprint: '0',
    role: 'view',
    addedAt: at,
    sites: [],
  });
  const member = {server: 'web2', site: 'main', wave: 2, state: 'waiting', updateId: 'x'} as const;
  t.throws(() => approveWave(state, {...waiting, members: [member]}, {wave: undefined, by: 'bea@ops', at}), {
    code: 'ROLE_REFUSED',
  });
});
