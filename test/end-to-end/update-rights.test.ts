import {execFileSync} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {RolloutEvent} from '../../source/core/rollout-event.js';
import {createWorld, eventually, program} from '../helpers/lockstep.js';
import {updatableServer} from '../helpers/updatable-server.js';

/** Whom the rights of root are given up for: rights are checked by what the agent's user may do. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

/** A launcher that is not root; undefined where nobody else may read the program. */
function unprivileged(folder: string): string | undefined {
  if (!isRoot) return program;
  const file = path.join(folder, 'as-nobody.cjs');
  writeFileSync(
    file,
    // The agent starts once more in its own place, and is nobody already then.
    `if (process.getuid() === 0) { process.setgroups([]); process.setgid(${nobody}); process.setuid(${nobody}); }
require(${JSON.stringify(program)});\n`,
  );
  try {
    execFileSync(process.execPath, [file, '--version'], {stdio: 'ignore', cwd: folder});
    return file;
  } catch {
    return undefined;
  }
}

test('U15: missing rights on the folder are found before the start and not at the rename; given, the same rollout goes on', async t => {
  const world = createWorld(t);
  chmodSync(world.folder, 0o755);
  const launcher = unprivileged(world.folder);
  if (launcher === undefined) return t.pass('nobody else may read this checkout');
  const {server, service} = await updatableServer(world, 'web', '1.0');
  await server.stop();
  const beside = path.dirname(service.folder);
  const give = (folder: string) => isRoot && execFileSync('chown', ['-R', `${nobody}:${nobody}`, folder]);
  give(path.dirname(server.data));
  if (isRoot) execFileSync('chown', ['0:0', beside]);
  chmodSync(beside, 0o555);
  server.program = launcher;
  await server.start();

  const folder = path.join(world.folder, 'release');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'version.txt'), '1.1');
  await world.must('release', 'add', folder, '--name', 'shop', '--version', '1.1', '--push');
  await world.must('rollout', 'create', 'all', '--release', 'shop-1.1', '--servers', 'web');
  const check = await world.lockstep('rollout', 'check', 'all');
  t.is(check.exitCode, 8, String(check));
  t.regex(check.stdout, /fail {2}The agent's user has no right to create and rename in .*\(EACCES\)/);
  const refused = await world.lockstep('rollout', 'start', 'all', '--json');
  t.is(refused.exitCode, 3, String(refused));
  const [last] = refused.events<RolloutEvent & {type: 'rollout.finished'}>().slice(-1);
  t.like(last!.servers[0], {state: 'failed', step: 'preflight', error: {code: 'PREFLIGHT_FAILED'}});
  t.is(service.version, '1.0');
  t.true(existsSync(path.join(beside, 'running')), 'the service was never stopped');

  chmodSync(beside, 0o755);
  give(beside);
  const done = await world.lockstep('rollout', 'resume', 'all', '--retry', '--json');
  t.is(done.exitCode, 0, String(done));
  await eventually('it runs', () => service.version === '1.1');
});
