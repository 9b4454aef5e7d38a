import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {RolloutEvent, RolloutServer} from '../../source/core/rollout-event.js';
import type {RolloutEntry} from '../../source/engine/rollouts/rollout-verbs.js';
import {createWorld, eventually, type Outcome} from '../helpers/lockstep.js';
import {updatableServer} from '../helpers/updatable-server.js';

type Finished = RolloutEvent & {type: 'rollout.finished'};

const finished = (outcome: Outcome): Finished => {
  const events = outcome.events<RolloutEvent>();
  if (events[0]?.type !== 'hello') throw new Error(`no hello: ${outcome}`);
  const last = events.at(-1);
  if (last?.type !== 'rollout.finished') throw new Error(`no rollout.finished at the end: ${outcome}`);
  return last;
};
const states = (servers: readonly RolloutServer[]) =>
  servers.map(({server, state}) => `${server} ${state}`).join(', ');

test('U16: a rollout from its description to a rollback, with everything that comes in between', async t => {
  const world = createWorld(t);
  const names = ['web1', 'web2', 'web3'];
  const web: Awaited<ReturnType<typeof updatableServer>>[] = [];
  for (const name of names) web.push(await updatableServer(world, name, '1.0'));
  const [web1, web2] = web.map(({service}) => service);
  const versions = () => web.map(({service}) => service.version).join(' ');
  const release = async (version: string) => {
    const folder = path.join(world.folder, `release-${version}`);
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'version.txt'), version);
    await world.must('release', 'add', folder, '--name', 'shop', '--version', version, '--push');
  };
  const create = (name: string, version: string, ...options: string[]) =>
    world.must(
      ...['rollout', 'create', name, '--release', `shop-${version}`, '--servers', names.join(',')],
      ...['--patience', '3s', ...options],
    );
  const show = async (name: string) =>
    (await world.must('rollout', 'show', name, '--json')).json<RolloutEntry>();
  const start = (name: string) => world.lockstep('rollout', 'start', name, '--json');
  const watch = (name: string) => world.lockstep('rollout', 'watch', name, '--json');

  // A gate, an item that holds a wave back, the checklist; nothing is changed by a check.
  await release('1.1');
  await create(
    'first',
    '1.1',
    '--wave',
    'canary=web1',
    '--wave',
    'rest',
    '--gate',
    '2',
    '--item',
    '2=smoke test',
    '--item',
    'announced',
  );
  const check = await world.must('rollout', 'check', 'first', '--json');
  t.like(check.json(), {passed: true});
  t.is((await world.lockstep('rollout', 'approve', 'first', '--yes')).exitCode, 64, 'nothing waits yet');
  const held = await start('first');
  t.is(held.exitCode, 5, String(held));
  t.like(finished(held), {status: 'paused', why: {kind: 'checklist', wave: 2}});
  t.is(versions(), '1.1 1.0 1.0');
  t.is((await start('first')).exitCode, 64, 'it was started before');
  await world.must('rollout', 'tick', 'first', '1');
  const atGate = await watch('first');
  t.is(atGate.exitCode, 5);
  t.like(finished(atGate), {status: 'paused', why: {kind: 'gate', wave: 2}});
  const other = await world.lockstep('rollout', 'approve', 'first', '--wave', '1', '--json');
  t.is(other.exitCode, 64);
  await world.must('rollout', 'approve', 'first', '--yes');
  const done = await watch('first');
  t.is(done.exitCode, 0, String(done));
  t.deepEqual(
    finished(done).servers.map(({server, state, from, to}) => ({server, state, from, to})),
    names.map(server => ({server, state: 'done', from: '1.0', to: '1.1'})),
  );
  t.is(versions(), '1.1 1.1 1.1');
  const {approvals, checklist} = await show('first');
  t.is(approvals.length, 1);
  t.like(
    checklist.find(({text}) => text === 'smoke test'),
    {state: 'done', by: approvals[0]!.by},
  );
  t.regex((await world.must('rollout', 'show', 'first', '--markdown')).stdout, /^- \[ \] announced$/m);

  // A failing health check with none allowed: that server runs its version again, the next wave is not touched.
  await release('1.2');
  web1!.sick = ['1.2'];
  await create('second', '1.2', '--waves', '1,rest');
  const failed = await start('second');
  t.is(failed.exitCode, 3, String(failed));
  t.like(finished(failed), {status: 'failed'});
  t.is(states(finished(failed).servers), 'web1 rolled-back, web2 waiting, web3 waiting');
  t.is(versions(), '1.1 1.1 1.1');
  t.regex((await world.must('rollout', 'show', 'second', '--markdown')).stdout, /\[ \] wave 1: .*\*\*failed/);
  web1!.sick = [];

  // A killed process: the agent goes on, nobody is told that all is well, of two who resume one does.
  web1!.sessions = 2;
  const resumed = world.lockstep('rollout', 'resume', 'second', '--retry', '--json');
  const draining = async (name: string) =>
    (await show(name)).servers.some(({state, step}) => state === 'running' && step === 'drain');
  await eventually('web1 waits for its users', () => draining('second'));
  // A sync and an update of the same site exclude each other.
  const [one, another] = web.map(({server}) => server);
  await world.relate('pair', one!, another!, 'upload');
  await world.profile('pair/all', '--items', 'templates', '--direction', 'upload');
  const sync = await world.run('pair/all', [], 6);
  const atWork = (await show('second')).servers.find(({server}) => server === 'web1');
  t.is(sync.holder?.runId, atWork?.updateId);
  for (const {pid} of world.runningRollouts()) process.kill(pid, 'SIGKILL');
  const orphan = await resumed;
  t.is(orphan.exitCode, 5, String(orphan));
  t.like(finished(orphan), {status: 'paused', error: {code: 'ROLLOUT_INTERRUPTED'}});
  t.like(await show('second'), {status: 'paused', pausedFor: {kind: 'interrupted'}});
  const two = await Promise.all(
    [1, 2].map(() => world.lockstep('rollout', 'resume', 'second', '--detach', '--json')),
  );
  t.deepEqual(two.map(({exitCode}) => exitCode).sort(), [0, 6], two.join('\n'));
  web1!.sessions = 0;
  const second = await watch('second');
  t.is(second.exitCode, 0, String(second));
  t.is(versions(), '1.2 1.2 1.2');

  // Pause: what is at work finishes. Another rollout finds the servers locked, and takes them over by the lock's id.
  await release('1.3');
  web1!.sessions = 2;
  await create('third', '1.3', '--waves', '1,rest');
  const pausing = start('third');
  await eventually('web1 waits for its users', () => draining('third'));
  await world.must('rollout', 'pause', 'third');
  web1!.sessions = 0;
  const paused = await pausing;
  t.is(paused.exitCode, 5, String(paused));
  t.is(states(finished(paused).servers), 'web1 done, web2 waiting, web3 waiting');
  await create('fourth', '1.3', '--waves', '3');
  const locked = await start('fourth');
  t.is(locked.exitCode, 6, String(locked));
  const {lockId} = await show('third');
  t.true(JSON.stringify(finished(locked).error).includes(lockId!));

  // Abort at the drain: taken back at once, nothing more starts.
  web2!.sessions = 1;
  const taking = world.lockstep('rollout', 'resume', 'fourth', '--take-over', lockId!, '--json');
  await eventually('web2 waits for its users', () => draining('fourth'));
  await world.must('rollout', 'abort', 'fourth');
  const aborted = await taking;
  t.like(finished(aborted), {status: 'aborted'});
  const afterAbort = finished(aborted).servers;
  t.is(afterAbort.find(({server}) => server === 'web2')?.state, 'aborted');
  t.like(
    afterAbort.find(({server}) => server === 'web1'),
    {state: 'done', from: '1.3', to: '1.3'},
  );
  web2!.sessions = 0;
  t.is(web2!.version, '1.2');

  // Back to the version before, by name only.
  t.is((await world.lockstep('rollout', 'rollback', 'third', 'web1', '--yes')).exitCode, 64);
  const back = await world.lockstep(
    'rollout',
    'rollback',
    'third',
    'web1',
    '--yes',
    '--confirm',
    'third',
    '--json',
  );
  t.is(back.exitCode, 0, String(back));
  t.is(web1!.version, '1.2');
  t.is(states((await show('third')).servers), 'web1 rolled-back, web2 waiting, web3 waiting');
});
