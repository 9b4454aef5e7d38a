import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import {program} from '../helpers/lockstep.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'lockstep-line-'));
test.after.always(() => rmSync(folder, {recursive: true, force: true}));

function lockstep(...argv: string[]) {
  const {LOCKSTEP_HOME: _, ...environment} = process.env;
  return spawnSync(process.execPath, [program, ...argv], {
    encoding: 'utf8',
    env: environment,
    timeout: 60_000,
  });
}
const home = (name: string) => path.join(folder, name);

test('--version prints the version and nothing else', t => {
  const {stdout, stderr, status} = lockstep('--version');
  t.is(status, 0);
  t.regex(stdout, /^\d+\.\d+\.\d+\n$/);
  t.is(stderr, '');
});

for (const argv of [
  ['nonsense'],
  ['agent'],
  ['agent', 'nonsense'],
  ['server', 'list', '--nonsense'],
  ['server', 'list', 'surplus'],
  ['agent', 'init', '--data', 'x'],
  ['profile', 'create', 'a/b', '--items', 'bin', '--direction', 'sideways'],
  ['profile', 'create', 'a/b', '--items', 'bin', '--direction', 'upload', '--only', 'a', '--exclude', 'b'],
  ['run', 'no-slash'],
  ['run', 'pair/all', '--max-delete', 'lots'],
  ['run', 'pair/all', '--attached', '--detach'],
  ['agent', 'audit', '--data', 'x'],
  ['server', 'show', 'nobody'],
  ['relationship', 'show', 'nothing'],
  ['run', 'nothing/all'],
  ['preview', 'nothing/all'],
  ['history', 'list', 'nobody/main'],
  ['runs', 'show', '20260101-000000-abcdef'],
])
  test(`lockstep ${argv.join(' ')}: usage, 64, as a document with --json`, t => {
    const {stdout, stderr, status} = lockstep(...argv, '--json', '--home', home('usage'));
    t.is(status, 64, stderr);
    t.is(stdout, '');
    const {error} = JSON.parse(stderr) as {error: {code: string; message: string; hint?: string}};
    t.regex(error.code, /^(USAGE|NOT_FOUND)$/);
    t.true(error.message.length > 10);
  });

test('the help lists no noun that does not exist, and none that is only the program\u2019s own', t => {
  const {stdout} = lockstep('--help');
  for (const noun of ['__runner', '__rollout']) t.notRegex(stdout, new RegExp(`^ +${noun}\\b`, 'm'));
});

test('options that every command takes stand before or after noun and verb', t => {
  for (const argv of [
    ['--home', home('a'), '--json', 'server', 'list'],
    ['server', '--json', '--home', home('a'), 'list'],
    ['server', 'list', '--json', `--home=${home('a')}`],
  ])
    t.deepEqual(JSON.parse(lockstep(...argv).stdout), {servers: []});
});

test('lockstep alone needs a terminal', t => {
  const {stderr, status} = lockstep('--home', home('alone'));
  t.is(status, 64);
  t.regex(stderr, /terminal/);
});

test('an empty list says how to fill it, on stderr', t => {
  const {stdout, stderr, status} = lockstep('server', 'list', '--home', home('empty'));
  t.is(status, 0);
  t.is(stdout, '');
  t.regex(stderr, /lockstep server add/);
});

for (const [what, argv] of [
  ['a home', ['server', 'list', '--home', path.join(folder, 'in-the-way')]],
  ['a home in it', ['cert', 'show', '--home', path.join(folder, 'in-the-way', 'home')]],
  ['the data of an agent', ['agent', 'init', '--name', 'a', '--data', path.join(folder, 'in-the-way')]],
  ['data in it', ['agent', 'init', '--name', 'a', '--data', path.join(folder, 'in-the-way', 'data')]],
] as const)
  test(`a file where a folder belongs is no defect of ours: ${what}`, t => {
    writeFileSync(path.join(folder, 'in-the-way'), '');
    const {stdout, stderr, status} = lockstep(...argv, '--json');
    t.is(status, 1);
    t.is(stdout, '');
    const {error} = JSON.parse(stderr) as {error: {code: string; message: string}};
    t.is(error.code, 'FILE_FAILED');
    t.regex(error.message, /in-the-way\S* cannot be used: a file lies where a folder belongs/);
  });

for (const [verb, ...argv] of [
  ['site', 'add', 'main', '--root', '.'],
  ['revoke', 'a'.repeat(64)],
  ['invite'],
  ['status'],
] as const)
  test(`agent ${verb} says that there is no agent in the folder`, t => {
    const {stderr, status} = lockstep('agent', verb, ...argv, '--data', home('no-agent'), '--json');
    t.is(status, 64, stderr);
    t.regex(stderr, /There is no agent.json here.*lockstep agent init/);
  });

test('help prints what --help prints', t => {
  for (const argv of [[], ['server']]) {
    const {stdout, status} = lockstep('help', ...argv);
    t.is(status, 0);
    t.is(stdout, lockstep(...argv, '--help').stdout);
  }
});

test('a reader that has gone neither kills a command nor shows a stack', t => {
  const {status, stderr} = spawnSync(
    'sh',
    ['-c', `"${process.execPath}" "${program}" --help | true; exit 0`],
    {
      encoding: 'utf8',
    },
  );
  t.is(status, 0);
  t.notRegex(stderr, /at |EPIPE/);
});
