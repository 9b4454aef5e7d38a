import {mkdtempSync, rmSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {OperatorError} from '../../../source/core/operator-error.js';
import type {RolloutEvent} from '../../../source/core/rollout-event.js';
import type {UpdateState, UpdateStatus} from '../../../source/core/update-status.js';
import {openEngineContext} from '../../../source/engine/engine-context.js';
import {carryOutRollout} from '../../../source/engine/rollouts/carry-out-rollout.js';
import type {ReleaseOffer} from '../../../source/engine/rollouts/release-offer.js';
import {RolloutRecord} from '../../../source/engine/rollouts/rollout-record.js';
import type {RolloutOutcome} from '../../../source/engine/rollouts/rollout-work.js';
import type {RolloutAgents} from '../../../source/engine/rollouts/server-updates.js';
import type {StoredRollout} from '../../../source/state/state.js';

/*
 * The work on a rollout against agents that answer from memory: which calls are made, when, and how often. That the real
 * ones answer so is for the end-to-end test.
 */

type Address = {server: string; site: string};
/** How an update is to end: by itself, or when the test says so. */
type Script = UpdateState | 'unreachable' | 'busy' | 'locked' | 'hangs' | 'runs-already';

class FakeAgents implements RolloutAgents {
  readonly scripts = new Map<string, Script>();
  readonly starts: string[] = [];
  readonly updates = new Map<string, UpdateStatus>();
  readonly locks = new Map<string, string>();
  peak = 0;
  #onChange = () => {};

  async lock({server}: Address, {lockId, takeOver}: {lockId: string; takeOver?: string}) {
    const held = this.locks.get(server);
    const lock = {lockId: held ?? lockId, rolloutId: 'x', by: 'bea@ops', since: '2026-01-01T00:00:00.000Z'};
    if (held !== undefined && held !== lockId && held !== takeOver)
      throw new OperatorError('SITE_BUSY', `${server} is held.`, {details: {lock}});
    this.locks.set(server, lockId);
    return {...lock, lockId};
  }

  async unlock() {}

  async runningVersion({server}: Address): Promise<string> {
    return this.scripts.get(server) === 'runs-already' ? '1.1' : '1.0';
  }

  async check(): Promise<never> {
    throw new Error('not asked without a window');
  }

  async start({server}: Address, _: ReleaseOffer, {id}: {id: string}): Promise<UpdateStatus> {
    const script = this.scripts.get(server);
    if (script === 'unreachable') throw new OperatorError('UNREACHABLE', `${server} does not answer.`);
    if (script === 'busy') throw new OperatorError('SITE_BUSY', `${server} is being synchronised.`);
    const known = this.updates.get(id);
    if (known !== undefined) return known;
    this.starts.push(server);
    this.set(id, server, 'running');
    const running = [...this.updates.values()].filter(({state}) => state === 'running').length;
    this.peak = Math.max(this.peak, running);
    if (script !== 'hangs') setTimeout(() => this.set(id, server, (script as UpdateState) ?? 'done'), 5);
    return this.updates.get(id)!;
  }

  async find(_: Address, id: string): Promise<UpdateStatus | undefined> {
    return this.updates.get(id);
  }

  async abort({server}: Address, id: string): Promise<void> {
    if (!this.updates.has(id)) throw new OperatorError('NOT_FOUND', 'unknown');
    this.set(id, server, 'aborted');
  }

  async rollBack(): Promise<never> {
    throw new Error('not asked');
  }

  async follow(
    _: Address,
    id: string,
    {signal, onStatus}: {signal: AbortSignal; onStatus: (status: UpdateStatus) => void},
  ): Promise<UpdateStatus> {
    for (;;) {
      signal.throwIfAborted();
      const status = this.updates.get(id);
      if (status === undefined) throw new OperatorError('NOT_FOUND', 'unknown');
      onStatus(status);
      if (status.state !== 'running') return status;
      await new Promise<void>(resolve => {
        const before = this.#onChange;
        this.#onChange = () => {
          before();
          resolve();
        };
        signal.addEventListener('abort', () => resolve(), {once: true});
      });
    }
  }

  close() {}

  set(id: string, site: string, state: UpdateState): void {
    const error = state === 'failed' ? {code: 'UNHEALTHY', message: 'It is not healthy.'} : undefined;
    this.updates.set(id, {
      ...{id, site, state, step: 'health', track: 'forward', from: '1.0', to: '1.1', by: 'me'},
      startedAt: '2026-01-01T00:00:00.000Z',
      ...(state === 'running' ? {} : {endedAt: new Date().toISOString()}),
      ...{steps: [], warnings: [], committed: false, abort: 'at-once', canRollBack: false, mail: 'none'},
      ...(error && {error}),
    });
    this.#onChange();
  }
}

const offered = {manifest: '{}', source: {kind: 'pushed'}} as const;
const release: ReleaseOffer = {
  version: '1.1',
  digest: '',
  offer: async () => offered,
  bring: async () => offered,
};

/** A rollout in a state file, and processes that work on it. */
async function createWorld(
  t: ExecutionContext,
  waves: readonly number[],
  changes: Partial<StoredRollout> = {},
) {
  const home = mkdtempSync(path.join(os.tmpdir(), 'lockstep-rollout-'));
  t.teardown(() => rmSync(home, {recursive: true, force: true}));
  const context = await openEngineContext(home);
  const members = waves.flatMap((size, wave) =>
    Array.from({length: size}, (_, index) => ({wave: wave + 1, index})),
  );
  await context.state.change(state => {
    state.rollouts = [
      {
        ...{
          name: 'r',
          release: 'shop-1.1',
          version: '1.1',
          digest: '',
          servers: [],
          waves: waves.map(String),
          failuresAllowed: 0,
        },
        ...{concurrency: 2, bakeMs: 0, gates: [], approvers: [], fourEyes: false, scheduled: false},
        ...{patienceMs: 0, items: [], createdBy: 'anna@ops', createdAt: '2026-01-01T00:00:00.000Z'},
        ...{status: 'running', wanted: 'run', approvals: [], lockId: 'own', legs: []},
        members: members.map(({wave}, index) => ({
          server: `s${index + 1}`,
          site: 'main',
          wave,
          state: 'waiting',
          updateId: `20260101-000000-aaaa${String(index).padStart(2, '2')}`,
        })),
        ...changes,
      },
    ];
  });
  const agents = new FakeAgents();
  const leave = new AbortController();
  let legs = 0;
  const events: RolloutEvent[] = [];
  return {
    agents,
    leave,
    events,
    change: (mutate: (rollout: StoredRollout) => void) =>
      context.state.change(state => mutate(state.rollouts![0]!)),
    states: async () =>
      (await context.state.read()).rollouts![0]!.members.map(({state}) => state[0]).join(''),
    async work(options: {takeOver?: string; signal?: AbortSignal} = {}): Promise<RolloutOutcome> {
      const rolloutId = `leg${++legs}`;
      const rollout = await context.state.change(state => {
        const found = state.rollouts![0]!;
        found.leg = rolloutId;
        return structuredClone(found);
      });
      const record = new RolloutRecord({
        ...{context, rolloutId, rollout, to: '1.1'},
        journal: {append: event => void events.push(event), close() {}},
      });
      const {takeOver, signal = leave.signal} = options;
      const outcome = await carryOutRollout({
        ...{context, rolloutId, rollout, release, updates: agents, record, signal},
        job: {
          ...{kind: 'update', rollout: 'r', by: 'anna@ops', resumes: legs > 1, servers: []},
          ...(takeOver === undefined ? {} : {takeOver}),
        },
      });
      await record.settle();
      return outcome;
    },
  };
}

test('waves 1/3/6 with a failure in the second and none allowed: those at work finish, the third is not touched', async t => {
  const world = await createWorld(t, [1, 3, 6]);
  world.agents.scripts.set('s2', 'failed');
  t.deepEqual(await world.work(), {status: 'failed'});
  t.deepEqual(world.agents.starts, ['s1', 's2', 's3']);
  t.is(await world.states(), 'dfdwwwwwww');
  t.is(world.agents.peak, 2);
});

test('a gate pauses; after the approval another process goes on and starts nothing twice', async t => {
  const world = await createWorld(t, [1, 3], {gates: [2]});
  t.deepEqual(await world.work(), {status: 'paused', why: {kind: 'gate', wave: 2}});
  t.is(await world.states(), 'dwww');
  await world.change(rollout => rollout.approvals.push({wave: 2, by: 'bea@ops', at: rollout.createdAt}));
  t.deepEqual(await world.work(), {status: 'done'});
  t.deepEqual(world.agents.starts, ['s1', 's2', 's3', 's4']);
  t.is(world.agents.peak, 2);
});

test('a process that ends leaves the agents at work, and the next one takes up what they did', async t => {
  const world = await createWorld(t, [1, 2]);
  world.agents.scripts.set('s2', 'hangs').set('s3', 'hangs');
  const first = world.work();
  while (world.agents.starts.length < 3) await new Promise(resolve => setImmediate(resolve));
  world.leave.abort();
  t.deepEqual(await first, {status: 'paused', why: {kind: 'interrupted'}});
  // Meanwhile one ends by itself; the state file does not know.
  const [, second, third] = [...world.agents.updates.keys()];
  world.agents.set(second!, 's2', 'done');
  const next = world.work({signal: new AbortController().signal});
  setTimeout(() => world.agents.set(third!, 's3', 'done'), 20);
  t.deepEqual(await next, {status: 'done'});
  t.deepEqual(world.agents.starts, ['s1', 's2', 's3']);
  t.is(await world.states(), 'ddd');
});

test('an abort takes back what is at work and starts nothing more', async t => {
  const world = await createWorld(t, [3, 2]);
  for (const server of ['s1', 's2']) world.agents.scripts.set(server, 'hangs');
  const work = world.work();
  while (world.agents.starts.length < 2) await new Promise(resolve => setImmediate(resolve));
  await world.change(rollout => {
    rollout.wanted = 'abort';
  });
  t.deepEqual(await work, {status: 'aborted'});
  t.is(await world.states(), 'aawww');
});

test('a pause lets those at work finish', async t => {
  const world = await createWorld(t, [3]);
  world.agents.scripts.set('s1', 'hangs').set('s2', 'hangs');
  const work = world.work();
  while (world.agents.starts.length < 2) await new Promise(resolve => setImmediate(resolve));
  await world.change(rollout => {
    rollout.wanted = 'pause';
  });
  for (const [id, {site}] of world.agents.updates) world.agents.set(id, site, 'done');
  t.deepEqual(await work, {status: 'paused', why: {kind: 'operator'}});
  t.is(await world.states(), 'ddw');
});

test('a server that runs the version already is done and left alone', async t => {
  const world = await createWorld(t, [1, 1]);
  world.agents.scripts.set('s1', 'runs-already');
  t.deepEqual(await world.work(), {status: 'done'});
  t.deepEqual(world.agents.starts, ['s2']);
  t.is(await world.states(), 'dd');
});

test('a server out of reach has failed; attention stops the rollout', async t => {
  const world = await createWorld(t, [2, 1, 1], {failuresAllowed: 1});
  world.agents.scripts.set('s2', 'unreachable').set('s3', 'attention');
  t.deepEqual(await world.work(), {status: 'attention'});
  t.is(await world.states(), 'dfaw');
});

test('a server that a run holds pauses the rollout as busy, and is started when it is resumed', async t => {
  const world = await createWorld(t, [2, 1]);
  world.agents.scripts.set('s1', 'busy');
  const outcome = await world.work();
  t.like(outcome, {status: 'paused', why: {kind: 'busy', servers: ['s1/main']}, error: {code: 'SITE_BUSY'}});
  t.is(await world.states(), 'wdw');
  world.agents.scripts.delete('s1');
  t.deepEqual(await world.work(), {status: 'done'});
  t.deepEqual(world.agents.starts, ['s2', 's1', 's3']);
});

test('a server that another rollout holds is taken over by the id of its lock only', async t => {
  const world = await createWorld(t, [2]);
  world.agents.locks.set('s2', 'other');
  const held = await world.work();
  t.like(held, {status: 'paused', why: {kind: 'busy', servers: ['s2/main']}});
  t.regex(JSON.stringify(held), /--take-over other/);
  t.deepEqual(world.agents.starts, []);
  t.like(await world.work({takeOver: 'wrong'}), {status: 'paused'});
  t.deepEqual(await world.work({takeOver: 'other'}), {status: 'done'});
  t.deepEqual([...world.agents.locks.values()], ['own', 'own']);
});

test('a process whose rollout another one has taken ends quietly and writes nothing', async t => {
  const world = await createWorld(t, [1, 1]);
  world.agents.scripts.set('s1', 'hangs');
  const work = world.work();
  while (world.agents.starts.length < 1) await new Promise(resolve => setImmediate(resolve));
  await world.change(rollout => {
    rollout.leg = 'another';
    rollout.members[0]!.state = 'waiting';
  });
  t.deepEqual(await work, {status: 'paused', why: {kind: 'interrupted'}});
  t.is(await world.states(), 'ww');
});
