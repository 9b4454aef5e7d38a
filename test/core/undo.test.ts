import test from 'ava';
import fc from 'fast-check';
import {type Change, combineChanges} from '../../source/core/change.js';
import {finishPlan} from '../../source/core/finish-plan.js';
import {type Hold, heldItems, heldVersionOf, isHeld} from '../../source/core/hold.js';
import {type ItemRecord, itemId, refOf} from '../../source/core/item.js';
import type {Plan, Side} from '../../source/core/plan.js';
import type {ConflictPolicy} from '../../source/core/profile.js';
import {planUndo, restoreChange, restoredVector, undoChange} from '../../source/core/undo.js';
import {compareVectors, parseVector} from '../../source/core/version-vector.js';
import {play, type Step, step} from './random-edits.js';
import {copy, file, folder, gone, plan, row} from './records.js';
import {inputFor, ReplicaModel, synchronise} from './replica-model.js';

const undone = '20260101-000000-abcdef';
const sides = ['local', 'remote'] as const;

function change(before: ItemRecord | undefined, after: ItemRecord | undefined, restorable = true): Change {
  return {
    id: 'f1',
    runId: undone,
    at: '2026-01-01T00:00:00.000Z',
    item: refOf((after ?? before)!),
    action: before === undefined ? 'create' : after?.deleted === true ? 'delete' : 'update',
    restorable,
    ...(before === undefined ? {} : {before}),
    ...(after === undefined ? {} : {after}),
  };
}

/** What becomes of a change at replica `r`, as `op action vector`, `kept REASON` or `nothing`. */
const cases: Record<string, {change: Change; now: ItemRecord | undefined; becomes: string}> = {
  'what was replaced comes back under its own version': {
    change: change(file('a', 'l:1', {digest: 'old'}), file('a', 'l:2')),
    now: file('a', 'l:2'),
    becomes: 'put update l:1',
  },
  'a count that others have seen goes on': {
    change: change(row('1', 'l:1,r:1', 'old'), row('1', 'l:2,r:2', 'd')),
    now: row('1', 'l:2,r:2', 'd'),
    becomes: 'put update l:1,r:3',
  },
  'what was made goes': {
    change: change(undefined, row('1', 'l:1', 'd')),
    now: row('1', 'l:1', 'd'),
    becomes: 'delete delete ',
  },
  'what was deleted comes back': {
    change: change(file('a', 'l:1'), gone('a', 'l:2')),
    now: gone('a', 'l:2'),
    becomes: 'put create l:1',
  },
  'only attributes had changed': {
    change: change(file('a', 'l:1', {mode: 0o600}), file('a', 'l:2'), false),
    now: file('a', 'l:2'),
    becomes: 'touch update l:1',
  },
  'a folder needs no content': {
    change: change(folder('a', 'l:1'), gone('a', 'l:2', 'folder')),
    now: gone('a', 'l:2', 'folder'),
    becomes: 'put create l:1',
  },
  'edited since': {
    change: change(file('a', 'l:1', {digest: 'old'}), file('a', 'l:2')),
    now: file('a', 'l:2,r:1', {digest: 'mine'}),
    becomes: 'kept it was changed since the run',
  },
  'touched since': {
    change: change(file('a', 'l:1', {digest: 'old'}), file('a', 'l:2')),
    now: file('a', 'l:2,r:1', {mtime: '9'}),
    becomes: 'kept it was changed since the run',
  },
  'edited and edited back is as the run left it': {
    change: change(row('1', 'l:1', 'old'), row('1', 'l:2', 'd')),
    now: row('1', 'l:2,r:2', 'd'),
    becomes: 'put update l:1,r:3',
  },
  'deleted since': {
    change: change(undefined, file('a', 'l:1')),
    now: gone('a', 'l:1,r:1'),
    becomes: 'nothing',
  },
  'an update that was deleted since': {
    change: change(row('1', 'l:1', 'old'), row('1', 'l:2', 'd')),
    now: row('1', 'l:2,r:1', ''),
    becomes: 'kept it was deleted since the run',
  },
  'a deletion that was made good by another item': {
    change: change(row('1', 'l:1', 'old'), row('1', 'l:2', '')),
    now: row('1', 'l:2,r:1', 'other'),
    becomes: 'kept it was made anew since the run',
  },
  'taken back by hand already': {
    change: change(row('1', 'l:1', 'old'), row('1', 'l:2', 'd')),
    now: row('1', 'l:2,r:1', 'old'),
    becomes: 'nothing',
  },
  'history has lost the content': {
    change: change(file('a', 'l:1', {digest: 'old'}), file('a', 'l:2'), false),
    now: file('a', 'l:2'),
    becomes: 'kept its old version is not in history any more',
  },
  'unreadable now': {
    change: change(file('a', 'l:1', {digest: 'old'}), file('a', 'l:2')),
    now: file('a', 'l:2', {problem: 'no permission'}),
    becomes: 'kept no permission',
  },
  'a table without a key goes back as a whole': {
    change: change(undefined, copy('log', 'l:2', 'd')),
    now: copy('log', 'r:7', 'd'),
    becomes: 'copy-table update ',
  },
  'a table without a key that got a row since': {
    change: change(undefined, copy('log', 'l:2', 'd')),
    now: copy('log', 'r:8', 'e'),
    becomes: 'kept it was changed since the run',
  },
};

for (const [name, {change, now, becomes}] of Object.entries(cases))
  test(`undo: ${name}`, t => {
    const decision = undoChange(change, now, 'r');
    if (decision.kind === 'kept') return t.is(`kept ${decision.reason}`, becomes);
    if (decision.kind === 'nothing') return t.is('nothing', becomes);
    const {operation, action} = decision;
    const vector =
      'record' in operation ? operation.record.vector : 'vector' in operation ? operation.vector : '';
    t.is(`${operation.op} ${action} ${vector}`, becomes);
  });

test('a restored version is a new edit of its site, and what is there already is left alone', t => {
  const old = file('a', 'l:1', {digest: 'old', mode: 0o600});
  const replaced = change(old, file('a', 'l:2'));
  const now = file('a', 'l:2');
  const decision = restoreChange(replaced, now, 'r');
  t.like(decision, {
    kind: 'put-back',
    action: 'update',
    operation: {op: 'put', record: {...old, vector: 'l:2,r:1', seq: 0}},
  });
  t.is(compareVectors('l:2,r:1', now.vector), 'newer');
  t.is(restoreChange(replaced, {...old, vector: 'l:9'}, 'r').kind, 'nothing');
  t.like(restoreChange(replaced, file('a', 'l:9', {digest: 'old'}), 'r'), {operation: {op: 'touch'}});
  t.like(restoreChange(replaced, gone('a', 'l:3'), 'r'), {
    action: 'create',
    operation: {record: {vector: 'l:3,r:1'}},
  });
  t.is(restoreChange(change(undefined, now), now, 'r').kind, 'kept');
});

test('several changes of an item come to what was before the first and after the last', t => {
  const first = {...change(undefined, row('1', 'l:1', 'a')), id: 'r1'};
  const second = {...change(row('1', 'l:1', 'a'), row('1', 'l:2', 'b')), id: 'r2'};
  const third = {...change(row('1', 'l:2', 'b'), row('1', 'l:3', '')), id: 'r3'};
  t.like(combineChanges([second, first]), {id: 'r1', action: 'create', after: {digest: 'b'}});
  t.like(combineChanges([third, second]), {id: 'r2', action: 'delete', before: {digest: 'a'}});
  t.is(combineChanges([third]), third);
});

test('a hold stands until either side changes the item', t => {
  const [own, other] = [file('a', 'l:1', {digest: 'old'}), file('a', 'l:2')];
  const hold: Hold = {
    item: refOf(own),
    runId: undone,
    own: heldVersionOf(own),
    others: [heldVersionOf(other)],
  };
  t.true(isHeld(hold, own, other));
  t.false(isHeld(hold, file('a', 'l:1,r:1'), other));
  t.false(isHeld(hold, own, file('a', 'l:3')));
  t.false(isHeld(hold, own, gone('a', 'l:3')));
  t.false(isHeld(hold, undefined, other));
  const pairs = [{local: other, remote: own}];
  const held = heldItems(pairs, {local: [], remote: [hold]});
  t.deepEqual([...held], [['f:a', undone]]);
  t.is(heldItems(pairs, {local: [hold], remote: []}).size, 0);
  for (const direction of ['upload', 'download', 'bidirectional'] as const) {
    const {actions, counts} = plan(pairs, {
      held,
      profile: {direction, policy: 'local-wins', replace: 'always'},
    });
    t.like(actions, {length: 1});
    t.like(actions[0], {kind: 'skip', reason: `held after undo of ${undone}`, counted: false});
    t.is(counts.skipped, 0);
  }
});

test('a row that is held takes no part in a family', t => {
  const parent = row('1', 'l:1', 'p');
  const child = row('2', 'l:1', 'c');
  const pairs = [
    {local: row('1', 'l:2', ''), remote: parent},
    {local: row('2', 'l:2', ''), remote: child},
  ];
  const families = {local: [], remote: [{child, parent: refOf(parent) as typeof parent}]};
  const held = new Map([
    [itemId(parent), undone],
    [itemId(child), undone],
  ]);
  const {actions} = plan(pairs, {held, families});
  t.deepEqual(
    actions.map(({kind, operations}) => [kind, operations.length]),
    [
      ['skip', 0],
      ['skip', 0],
    ],
  );
});

test('the hold of a folder that was a file is over when something below has changed', t => {
  const pairs = [
    {local: folder('a', 'l:2'), remote: file('a', 'l:1')},
    {local: file('a/x', 'l:1'), remote: gone('a/x', '')},
  ];
  const both = new Map([
    ['f:a', undone],
    ['f:a/x', undone],
  ]);
  t.true(plan(pairs, {held: both}).actions.every(({kind}) => kind === 'skip'));
  t.true(plan(pairs, {held: new Map([['f:a', undone]])}).actions.every(({kind}) => kind !== 'skip'));
});

type Sites = Record<Side, ReplicaModel>;
type Moment = Record<
  Side,
  {
    records: Map<string, ItemRecord>;
    histories: Map<string, ReadonlySet<number>>;
    parents: Map<string, string | undefined>;
  }
>;

const momentOf = (sites: Sites): Moment =>
  Object.fromEntries(
    sides.map(side => [
      side,
      {
        records: new Map(sites[side].records),
        histories: new Map(sites[side].histories),
        parents: new Map(sites[side].parents),
      },
    ]),
  ) as Moment;

/** What history tells of a run between two moments: everything that a person could see it change. */
function changesBetween(before: Moment, after: Moment, changed: Plan): Record<Side, Change[]> {
  const found: Record<Side, Change[]> = {local: [], remote: []};
  for (const {operations} of changed.actions)
    for (const {side, operation} of operations) {
      if (operation.op === 'adopt' || operation.op === 'copy-table') continue;
      const id = itemId('record' in operation ? operation.record : operation.item);
      const was = before[side].records.get(id);
      found[side].push(change(was?.deleted === false ? was : undefined, after[side].records.get(id)));
    }
  return found;
}

/** Carries an undo out in the models; every edit that an old version stands for is one that it has seen. */
function carryOut(sites: Sites, {actions}: Plan, target: Moment): Record<Side, Hold[]> {
  const holds: Record<Side, Hold[]> = {local: [], remote: []};
  for (const {operations} of actions)
    for (const {side, operation} of operations) {
      if (operation.op === 'adopt' || operation.op === 'copy-table') throw new Error('not in this model');
      const item = 'record' in operation ? operation.record : operation.item;
      const id = itemId(item);
      const now = sites[side].records.get(id)!;
      const next =
        operation.op === 'delete'
          ? ({...now, deleted: true, digest: '', vector: operation.vector} as ItemRecord)
          : operation.record;
      const {replica} = sites[side];
      const counts = [now, next].map(({vector}) => parseVector(vector).get(replica) ?? 0);
      if (counts[1]! < counts[0]!) throw new Error(`${id} at ${side} would count its edits anew`);
      sites[side].records.set(id, next);
      const seen = target[side].histories.get(id) ?? new Set<number>();
      sites[side].histories.set(id, counts[1]! > counts[0]! ? new Set([...seen, Math.random()]) : seen);
      sites[side].parents.set(id, target[side].parents.get(id));
      if (operation.hold !== undefined)
        holds[side].push({item: refOf(item), own: heldVersionOf(next), ...operation.hold});
    }
  return holds;
}

function planBoth(run: string | undefined, sites: Sites, changes: Record<Side, readonly Change[]>): Plan {
  const plans = planUndo(
    run,
    sides.map(side => {
      const {replica, records} = sites[side];
      return {side, changes: changes[side], now: records, replicas: {files: replica, rows: replica}};
    }),
  );
  return finishPlan(
    plans.flatMap(({plan}) => plan.actions),
    [],
  );
}

const contents = ({local, remote}: Sites) => JSON.stringify([local.content(), remote.content()]);
const twoWay = (policy: ConflictPolicy) => ({direction: 'bidirectional', policy, replace: 'newer'}) as const;
const editsOf = (steps: readonly Step[], sites: Sites) => {
  for (const {at, ...edit} of steps)
    if (edit.edit === 'sync') synchronise(sites.local, sites.remote, twoWay(edit.policy));
    else play(sites[sides[at % 2]!], {at, ...edit} as Exclude<Step, {edit: 'sync'}>);
};

test('an undo gives both sides back what they had, runs leave it alone, and a redo brings it again', t => {
  fc.assert(
    fc.property(
      fc.array(step, {minLength: 1, maxLength: 30, size: 'max'}),
      fc.array(step, {maxLength: 6}),
      fc.constantFrom<ConflictPolicy>('local-wins', 'remote-wins'),
      (steps, later, policy) => {
        const sites = {local: new ReplicaModel('l'), remote: new ReplicaModel('r')};
        editsOf(steps, sites);
        const before = momentOf(sites);
        const shownBefore = contents(sites);
        const run = synchronise(sites.local, sites.remote, twoWay(policy));
        const after = momentOf(sites);
        const shownAfter = contents(sites);
        const changes = changesBetween(before, after, run.plan);
        const undo = planBoth(undone, sites, changes);
        if (undo.counts.skipped > 0) throw new Error('something was kept that nobody changed');
        const holds = carryOut(sites, undo, before);
        if (contents(sites) !== shownBefore) throw new Error('not what it was before the run');

        const heldNow = () => heldItems(inputFor(sites.local, sites.remote, twoWay(policy)).pairs, holds);
        const quiet = synchronise(sites.local, sites.remote, twoWay(policy), {dryRun: true, held: heldNow()});
        const moving = quiet.plan.actions.filter(({kind}) => kind !== 'skip');
        if (moving.length > 0)
          throw new Error(`a run after the undo would move ${JSON.stringify(moving[0])}`);

        if (later.length === 0) {
          const undoneAt = momentOf(sites);
          const redone = changesBetween(after, undoneAt, undo);
          const redo = planBoth(undefined, sites, redone);
          carryOut(sites, redo, after);
          if (contents(sites) !== shownAfter) throw new Error('not what it was after the run');
          const {plan: next} = synchronise(sites.local, sites.remote, twoWay(policy));
          if (next.actions.length > 0)
            throw new Error(`a run after the redo would do ${JSON.stringify(next.actions[0])}`);
          return;
        }
        // Whatever is edited afterwards is never lost without a conflict that says so.
        for (const {at, ...edit} of later)
          if (edit.edit !== 'sync')
            play(sites[sides[at % 2]!], {at, ...edit} as Exclude<Step, {edit: 'sync'}>);
        const {problems} = synchronise(sites.local, sites.remote, twoWay(policy), {
          dryRun: true,
          held: heldNow(),
        });
        if (problems.length > 0) throw new Error(problems.join('\n'));
      },
    ),
    {numRuns: Number(process.env.LOCKSTEP_PROPERTY_RUNS ?? 300), includeErrorInReport: true},
  );
  t.pass();
});

test('a restored vector never uses a number of its own site again', t => {
  t.is(restoredVector('l:1', 'l:5', 'r'), 'l:1');
  t.is(restoredVector('l:1,r:2', 'l:5,r:2', 'r'), 'l:1,r:2');
  t.is(restoredVector('', 'r:4', 'r'), 'r:5');
});
