import test from 'ava';
import fc from 'fast-check';
import type {ConflictPolicy, ReplaceRule} from '../../source/core/profile.js';
import {reconcile} from '../../source/core/reconcile.js';
import {sameContent} from '../../source/core/take-over.js';
import {play, type Step, step} from './random-edits.js';
import {inputFor, ReplicaModel, synchronise} from './replica-model.js';

type Topology = {sites: number; links: readonly (readonly [number, number])[]};

const topology: fc.Arbitrary<Topology> = fc.oneof(
  fc
    .integer({min: 2, max: 4})
    .map(sites => ({sites, links: range(sites - 1).map(at => [at, at + 1] as const)})),
  fc
    .integer({min: 3, max: 4})
    .map(sites => ({sites, links: range(sites).map(at => [at, (at + 1) % sites] as const)})),
  fc
    .tuple(fc.integer({min: 2, max: 4}), fc.array(fc.tuple(fc.nat(3), fc.nat(3)), {maxLength: 4}))
    .map(([sites, extra]) => ({
      sites,
      links: [
        ...range(sites - 1).map(at => [at + 1, Math.floor(at / 2)] as const),
        ...extra.map(([a, b]) => [a % sites, b % sites] as const).filter(([a, b]) => a !== b),
      ],
    })),
);

function range(count: number): number[] {
  return [...Array(count).keys()];
}

const twoWay = (policy: ConflictPolicy) => ({direction: 'bidirectional', policy, replace: 'newer'}) as const;
const runs = {
  numRuns: Number(process.env.LOCKSTEP_PROPERTY_RUNS ?? 300),
  includeErrorInReport: true,
  ...(process.env.LOCKSTEP_PROPERTY_SEED === undefined
    ? {}
    : {seed: Number(process.env.LOCKSTEP_PROPERTY_SEED)}),
};

/** A bidirectional run, with everything that must hold for any of them. */
function checkedSync(local: ReplicaModel, remote: ReplicaModel, policy: ConflictPolicy): number {
  const {plan, before, problems} = synchronise(local, remote, twoWay(policy));
  if (problems.length > 0) throw new Error(problems.join('\n'));
  for (const action of plan.actions)
    if (action.kind === 'conflict' && action.operations.length > 0) {
      const id = action.item.type === 'file' ? `f:${action.item.path}` : undefined;
      if (id !== undefined && sameContent(before.local.get(id), before.remote.get(id)))
        throw new Error(`${id} is alike and yet a conflict`);
    }
  local.assertWhole();
  remote.assertWhole();
  const [left, right] = [JSON.stringify(local.content()), JSON.stringify(remote.content())];
  if (left !== right) throw new Error(`not alike after a run:\n${left}\n${right}`);
  const again = reconcile(inputFor(local, remote, twoWay(policy)));
  if (again.actions.length > 0)
    throw new Error(`a second run would do something: ${JSON.stringify(again.actions[0])}`);
  return plan.actions.length;
}

test('bidirectional runs in any topology lose nothing silently, leave both ends alike, and converge', t => {
  fc.assert(
    fc.property(
      topology,
      fc.array(step, {minLength: 1, maxLength: 40, size: 'max'}),
      ({sites, links}, steps) => {
        const replicas = range(sites).map(at => new ReplicaModel(`replica${at}`));
        for (const {at, ...edit} of steps) {
          if (edit.edit === 'sync') {
            const [a, b] = links[at % links.length]!;
            checkedSync(replicas[a]!, replicas[b]!, edit.policy);
          } else play(replicas[at % sites]!, {at, ...edit} as Exclude<Step, {edit: 'sync'}>);
        }
        let changed = 1;
        for (let round = 0; changed > 0; round++) {
          if (round > 3 * sites) throw new Error('does not converge');
          changed = 0;
          for (const [a, b] of links) changed += checkedSync(replicas[a]!, replicas[b]!, 'local-wins');
        }
        const contents = new Set(replicas.map(replica => JSON.stringify(replica.content())));
        if (contents.size !== 1) throw new Error('quiet, but not equal everywhere');
      },
    ),
    runs,
  );
  t.pass();
});

test('one-way runs never touch the source, and a second run is empty', t => {
  fc.assert(
    fc.property(
      fc.array(step, {minLength: 1, maxLength: 40, size: 'max'}),
      fc.constantFrom<ReplaceRule>('newer', 'always'),
      fc.boolean(),
      (steps, replace, mixed) => {
        const [source, target] = [new ReplicaModel('source'), new ReplicaModel('target')];
        const profile = {direction: 'upload', policy: 'remote-wins', replace} as const;
        for (const {at, ...edit} of steps) {
          if (edit.edit !== 'sync')
            play(at % 2 === 0 ? source : target, {at, ...edit} as Exclude<Step, {edit: 'sync'}>);
          else if (mixed && at % 3 === 0) checkedSync(source, target, edit.policy);
          else {
            const before = JSON.stringify(source.content());
            const {plan} = synchronise(source, target, profile);
            if (JSON.stringify(source.content()) !== before) throw new Error('the source has changed');
            if (plan.actions.some(action => action.side === 'local' || action.kind === 'conflict'))
              throw new Error('an action that a one-way run does not have');
            target.assertWhole();
            const rows = source.live().filter(record => record.type === 'row');
            for (const row of rows) {
              const there = target.records.get(`r:${row.table}:${JSON.stringify(row.key)}`);
              if (!sameContent(row, there)) throw new Error('a row of the source is not at the destination');
            }
            const again = reconcile(inputFor(source, target, profile));
            const left = again.actions.filter(action => action.kind !== 'skip');
            if (left.length > 0)
              throw new Error(`a second run would do something: ${JSON.stringify(left[0])}`);
          }
        }
      },
    ),
    runs,
  );
  t.pass();
});

test('the plan and its hash do not depend on the order in which items are listed', t => {
  fc.assert(
    fc.property(
      fc.array(step, {minLength: 1, maxLength: 40, size: 'max'}),
      fc.array(fc.nat(1000)),
      (steps, shuffle) => {
        const replicas = [new ReplicaModel('a'), new ReplicaModel('b')] as const;
        for (const {at, ...edit} of steps) {
          if (edit.edit === 'sync') synchronise(replicas[0], replicas[1], twoWay(edit.policy));
          else play(replicas[at % 2]!, {at, ...edit} as Exclude<Step, {edit: 'sync'}>);
        }
        const input = inputFor(...replicas, twoWay('local-wins'));
        const pairs = [...input.pairs]
          .map((pair, index) => ({pair, rank: shuffle[index % Math.max(1, shuffle.length)] ?? 0}))
          .sort((a, b) => a.rank - b.rank)
          .map(({pair}) => pair);
        const [one, two] = [reconcile(input), reconcile({...input, pairs})];
        if (one.hash !== two.hash || JSON.stringify(one.actions) !== JSON.stringify(two.actions))
          throw new Error('another order, another plan');
      },
    ),
    runs,
  );
  t.pass();
});
