import test from 'ava';
import {createFaultPoint, faultPoints} from '../../source/core/fault-point.js';

test('without LOCKSTEP_FAULT nothing is killed', t => {
  const pass = createFaultPoint({}, () => t.fail());
  for (const name of [...faultPoints.agent, ...faultPoints.runner]) pass(name);
  t.pass();
});

test('kills at the n-th hit of the named point, once', t => {
  let kills = 0;
  const pass = createFaultPoint({LOCKSTEP_FAULT: 'commit.begun:2'}, () => kills++);
  pass('commit.begun');
  pass('commit.finished');
  t.is(kills, 0);
  pass('commit.begun');
  pass('commit.begun');
  t.is(kills, 1);
});

test('of several points each kills at its own hit', t => {
  let kills = 0;
  const pass = createFaultPoint({LOCKSTEP_FAULT: 'commit.begun,end.begun:2'}, () => kills++);
  for (const name of ['end.begun', 'commit.begun', 'commit.begun'] as const) pass(name);
  t.is(kills, 1);
  pass('end.begun');
  t.is(kills, 2);
});

test('a name that is no fault point is refused', t => {
  t.throws(() => createFaultPoint({LOCKSTEP_FAULT: 'commit.begone'}, () => {}), {instanceOf: RangeError});
  t.throws(() => createFaultPoint({LOCKSTEP_FAULT: 'commit.begun,commit.begun:0'}, () => {}), {
    instanceOf: RangeError,
  });
});
