import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {RolloutEvent} from '../../source/core/rollout-event.js';
import {version} from '../../source/system/version.js';
import {installProgram} from '../helpers/installed-program.js';
import {createWorld, type Outcome} from '../helpers/lockstep.js';
import {updatableServer} from '../helpers/updatable-server.js';

const finished = (outcome: Outcome) => {
  const last = outcome.events<RolloutEvent>().at(-1);
  if (last?.type !== 'rollout.finished') throw new Error(`no rollout.finished at the end: ${outcome}`);
  return last;
};

/** Makes a program one of before there were updates of sites: what they are asked by it does not know. */
function withoutUpdates(folder: string): void {
  const program = path.join(folder, 'dist/program');
  for (const name of readdirSync(program).filter(file => file.endsWith('.js'))) {
    const file = path.join(program, name);
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replaceAll('/v1/sites/:site/update', '/v1/sites/:site/nothing'),
    );
  }
}

test('U13, U16: an agent that is too old and one that is out of reach have failed and are untouched; updated and back, they are tried again', async t => {
  const world = createWorld(t);
  const web: Awaited<ReturnType<typeof updatableServer>>[] = [];
  for (const name of ['web1', 'web2', 'web3']) web.push(await updatableServer(world, name, '1.0'));
  const [old, away] = web as [(typeof web)[number], (typeof web)[number]];
  const versions = () => web.map(({service}) => service.version).join(' ');
  const folder = path.join(world.folder, 'release');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'version.txt'), '1.1');
  await world.must('release', 'add', folder, '--name', 'shop', '--version', '1.1', '--push');

  await old.server.stop();
  old.server.program = await installProgram(path.join(world.folder, 'installed'), '0.0.9', withoutUpdates);
  const agentJson = path.join(old.server.data, 'agent.json');
  const json = JSON.parse(readFileSync(agentJson, 'utf8')) as object;
  writeFileSync(agentJson, JSON.stringify({...json, selfUpdate: {allowUnsigned: true}}));
  await old.server.start();
  await away.server.stop();

  await world.must(
    ...['rollout', 'create', 'all', '--release', 'shop-1.1', '--servers', 'web1,web2,web3'],
    ...['--failures-allowed', '2', '--patience', '1s'],
  );
  const check = await world.lockstep('rollout', 'check', 'all');
  t.is(check.exitCode, 8, String(check));
  t.regex(
    check.stdout,
    /fail {2}web1\/main .*version 0\.0\.9, too old for this console.*\n.*server update web1/,
  );
  t.regex(check.stdout, /fail {2}web2\/main .*UNREACHABLE/);
  t.regex(check.stdout, /ok {4}web3\/main/);

  const outcome = await world.lockstep('rollout', 'start', 'all', '--json');
  t.is(outcome.exitCode, 3, String(outcome));
  t.deepEqual(
    finished(outcome).servers.map(({server, state, error}) => [server, state, error?.code]),
    [
      ['web1', 'failed', 'NO_SUCH_ENDPOINT'],
      ['web2', 'failed', 'UNREACHABLE'],
      ['web3', 'done', undefined],
    ],
  );
  t.regex(finished(outcome).servers[0]!.error!.message, /too old/);
  t.is(versions(), '1.0 1.0 1.1');

  await world.must('server', 'update', 'web1', '--yes');
  await away.server.start();
  const again = await world.lockstep('rollout', 'resume', 'all', '--retry', '--json');
  t.is(again.exitCode, 0, String(again));
  t.is(versions(), '1.1 1.1 1.1');
  const {checks} = (await world.must('server', 'check', 'web1', '--json')).json<{
    checks: {version?: string}[];
  }>();
  t.is(checks[0]?.version, version);

  // U1: who may only look does not update.
  const viewer = {LOCKSTEP_HOME: path.join(world.folder, 'viewer')};
  const there = (...argv: string[]) => world.lockstepWith(viewer, ...argv);
  await there('server', 'add', await world.invitation(web[2]!.server, 'view'), '--name', 'web3');
  writeFileSync(path.join(folder, 'version.txt'), '1.2');
  await there('release', 'add', folder, '--name', 'shop', '--version', '1.2', '--push');
  await there('rollout', 'create', 'mine', '--release', 'shop-1.2', '--servers', 'web3');
  const refused = await there('rollout', 'start', 'mine', '--json');
  t.is(refused.exitCode, 3, String(refused));
  t.is(finished(refused).servers[0]!.error?.code, 'ROLE_REFUSED');
  t.is(versions(), '1.1 1.1 1.1');

  // A server that had the version before has nothing to go back to.
  await world.must('rollout', 'create', 'again', '--release', 'shop-1.1', '--servers', 'web3');
  t.is((await world.lockstep('rollout', 'start', 'again', '--json')).exitCode, 0);
  const nothing = await world.lockstep(
    'rollout',
    'rollback',
    'again',
    '--yes',
    '--confirm',
    'again',
    '--json',
  );
  t.is(nothing.exitCode, 64, String(nothing));
});
