import test from 'ava';
import {finishPlan} from '../../source/core/finish-plan.js';
import type {FileRecord} from '../../source/core/item.js';
import type {Operation} from '../../source/core/plan.js';
import type {RunItem} from '../../source/core/run-event.js';
import {isDone, type OutcomeOf, tallyRun} from '../../source/engine/run-steps/tally-run.js';

const record = (path: string): FileRecord => ({
  type: 'file',
  path,
  kind: 'file',
  digest: 'a'.repeat(64),
  size: 1,
  mtime: '0',
  mode: 0o644,
  vector: 'x:1',
  deleted: false,
  seq: 1,
});
const put = (path: string): Operation => ({op: 'put', record: record(path), expect: {state: 'absent'}});
const remove = (path: string): Operation => ({
  op: 'delete',
  item: {type: 'file', path},
  expect: {state: 'present', digest: 'a'.repeat(64)},
  vector: 'x:2',
});
const create = (path: string, ...operations: Operation[]) =>
  ({
    side: 'remote',
    kind: 'create',
    item: {type: 'file', path},
    operations: operations.map(operation => ({side: 'remote', operation}) as const),
  }) as const;

function tally(drafts: Parameters<typeof finishPlan>[0], outcomeOf: OutcomeOf) {
  const items: RunItem[] = [];
  const counts = tallyRun(finishPlan(drafts, []), outcomeOf, item => items.push(item));
  return {counts, items};
}

test('an action counts once, however many operations it has', t => {
  const {counts} = tally([create('a', put('a'), put('a/b'))], () => ({outcome: 'applied'}));
  t.like(counts, {applied: 1, skipped: 0, total: 1, deleted: 0});
});

test('what an applied action could not do beside is listed and counted as skipped (E17)', t => {
  const {counts, items} = tally([create('a', put('a'), put('a/b'))], operation =>
    operation.op === 'put' && operation.record.type === 'file' && operation.record.path === 'a/b'
      ? {outcome: 'skipped', error: 'no'}
      : {outcome: 'applied'},
  );
  t.like(counts, {applied: 1, skipped: 1, total: 2});
  t.like(items[1], {item: {type: 'file', path: 'a/b'}, outcome: 'skipped', stage: 'commit', error: 'no'});
});

test('a decided conflict is applied, a conflict and, where something goes, a deletion', t => {
  const {counts} = tally(
    [
      {
        ...create('a', remove('a')),
        kind: 'conflict',
        winner: 'local',
        conflict: 'delete_recently_updated',
      },
    ],
    () => ({outcome: 'applied'}),
  );
  t.like(counts, {applied: 1, conflicts: 1, deleted: 1, total: 1});
});

test('a skip of the plan counts unless it says that it does not', t => {
  const {counts, items} = tally(
    [
      {side: 'remote', kind: 'skip', item: {type: 'file', path: 'pipe'}, reason: 'a FIFO', operations: []},
      {
        side: 'remote',
        kind: 'skip',
        item: {type: 'table', table: 'log'},
        reason: 'log: no primary key',
        counted: false,
        operations: [],
      },
    ],
    () => undefined,
  );
  t.like(counts, {applied: 0, skipped: 1, total: 1});
  t.deepEqual(
    items.map(({outcome}) => outcome),
    ['skipped', 'kept'],
  );
});

test('what somebody did in the meantime is kept and not counted; what was not tried is skipped', t => {
  t.like(tally([create('a', put('a'))], () => ({outcome: 'unchanged'})).counts, {applied: 0, skipped: 0});
  t.like(tally([create('a', put('a'))], () => undefined).counts, {applied: 0, skipped: 1});
});

test('adoptions follow only a deciding operation that is done', t => {
  const action = finishPlan([create('a', put('a'))], []).actions[0]!;
  t.true(isDone(action, () => ({outcome: 'applied'})));
  t.false(isDone(action, () => ({outcome: 'skipped'})));
  t.false(isDone(action, () => undefined));
});
