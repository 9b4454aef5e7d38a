import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {RolloutEvent, RolloutServer} from '../../source/core/rollout-event.js';
import type {RolloutEntry} from '../../source/engine/rollouts/rollout-verbs.js';
import {createWorld, eventually, type Outcome} from '../helpers/lockstep.js';
import {UpdatableService} from '../helpers/updatable-server.js';

const finished = (outcome: Outcome) => {
  const last = outcome.events<RolloutEvent>().at(-1);
  if (last?.type !== 'rollout.finished') throw new Error(`no rollout.finished at the end: ${outcome}`);
  return last;
};
const counted = (servers: readonly RolloutServer[]) =>
  servers.map(({site, state}) => `${site} ${state}`).join(', ');

test('U16: waves of 1, 3 and 6 with a failure in the second; two consoles; an old version that is not well stops everything', async t => {
  const world = createWorld(t);
  const farm = await world.unpairedServer('farm', {version: '1.0'});
  await farm.stop();
  const file = path.join(farm.data, 'agent.json');
  const json = JSON.parse(readFileSync(file, 'utf8')) as {sites: Record<string, unknown>};
  const services = Array.from({length: 10}, (_, index) => {
    const name = `s${index + 1}`;
    const service = new UpdatableService(path.join(world.folder, 'services', name));
    const root = path.join(world.folder, 'roots', name);
    mkdirSync(root, {recursive: true});
    json.sites[name] = {root, version: '1.0', update: service.install('1.0')};
    return service;
  });
  const at = (number: number) => services[number - 1]!;
  writeFileSync(file, JSON.stringify(json));
  await farm.start();
  await world.pair(farm);
  const folder = path.join(world.folder, 'release');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'version.txt'), '1.1');
  const release = ['release', 'add', folder, '--name', 'shop', '--version', '1.1', '--push'];
  const rollout = (name: string, sites: readonly number[], waves: string) => [
    ...['rollout', 'create', name, '--release', 'shop-1.1', '--waves', waves, '--concurrency', '2'],
    ...['--servers', sites.map(number => `farm/s${number}`).join(',')],
  ];
  await world.must(...release);

  // Two at a time: one of the second wave fails while another is at work, and the third has not begun.
  await world.must(...rollout('all', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], '1,3,6'));
  at(2).sessions = 1;
  at(3).sick = ['1.1'];
  const starting = world.lockstep('rollout', 'start', 'all', '--json');
  const show = async () => (await world.must('rollout', 'show', 'all', '--json')).json<RolloutEntry>();
  await eventually('s3 is rolled back while s2 waits for its users', async () => {
    const {servers} = await show();
    return servers[2]!.state === 'rolled-back' && servers[1]!.step === 'drain';
  });

  // Another console finds the servers held, those of later waves as well.
  const other = {LOCKSTEP_HOME: path.join(world.folder, 'other')};
  const there = async (exitCode: number, ...argv: string[]) => {
    const outcome = await world.lockstepWith(other, ...argv);
    t.is(outcome.exitCode, exitCode, String(outcome));
    return outcome;
  };
  await there(0, 'server', 'add', await world.invitation(farm), '--name', 'farm');
  await there(0, ...release);
  await there(0, ...rollout('mine', [9], '1'));
  const held = await there(6, 'rollout', 'start', 'mine', '--json');
  t.true(JSON.stringify(finished(held).error).includes((await show()).lockId!));

  at(2).sessions = 0;
  const failed = await starting;
  t.is(failed.exitCode, 3, String(failed));
  t.is(finished(failed).status, 'failed');
  t.is(
    counted(finished(failed).servers),
    's1 done, s2 done, s3 rolled-back, s4 waiting, s5 waiting, s6 waiting, s7 waiting, s8 waiting, s9 waiting, s10 waiting',
  );
  t.is(services.map(({version}) => version).join(' '), `1.1 1.1${' 1.0'.repeat(8)}`);
  const mine = await there(0, 'rollout', 'resume', 'mine', '--json');
  t.is(finished(mine).status, 'done', 'what has failed holds nobody');
  t.is(at(9).version, '1.1');

  // Neither the new nor the old version is well: a person has to look, and nothing more is started.
  at(6).sick = ['1.0', '1.1'];
  await world.must(...rollout('next', [6, 7, 8], '1,2'));
  const stopped = await world.lockstep('rollout', 'start', 'next', '--json');
  t.is(stopped.exitCode, 4, String(stopped));
  t.like(finished(stopped), {status: 'attention'});
  t.is(counted(finished(stopped).servers), 's6 attention, s7 waiting, s8 waiting');
  t.regex(finished(stopped).reason, /A person must look at farm\/s6/);
});
