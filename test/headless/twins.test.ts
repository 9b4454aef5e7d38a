import {PassThrough} from 'node:stream';
import {text} from 'node:stream/consumers';
import test from 'ava';
import type {Command} from '../../source/console/command.js';
import type {Shared} from '../../source/console/shared-data.js';
import type {Services} from '../../source/headless/command-context.js';
import {runProgram} from '../../source/headless/program.js';

/*
 * Everything that the console asks of the engine, a script can ask, and the other way round. What is added to one face
 * and not to the other does not compile, or fails here.
 */

/** Which commands of the command line do what one of the console's does; none for what is about the terminal itself. */
const twins: Readonly<Record<Command['type'], readonly string[]>> = {
  suspend: [],
  stop: [],
  // Each kind of data has its own, below.
  load: [],
  check: ['server check'],
  'add-server': ['server add'],
  'rename-server': ['server rename'],
  'remove-server': ['server remove'],
  'update-agent': ['server update'],
  connect: ['server add', 'server show'],
  'create-relationship': ['relationship create'],
  'save-cluster': ['cluster create', 'cluster edit'],
  'save-live': ['live create', 'live edit'],
  'delete-cluster': ['cluster delete'],
  'preview-live': ['live run'],
  'run-live': ['live run'],
  'save-settings': ['settings set'],
  'read-facts': ['settings show'],
  'open-plan': ['plan show'],
  'delete-plans': ['plan delete'],
  'delete-live': ['live delete'],
  'review-collisions': ['collisions review'],
  'delete-relationship': ['relationship delete'],
  'save-profile': ['profile create', 'profile edit', 'profile copy'],
  'delete-profile': ['profile delete'],
  preview: ['preview'],
  'show-item': ['preview'],
  describe: ['preview'],
  'save-plan': ['preview'],
  'run-plan': ['run'],
  'start-run': ['run', 'relationship initial-sync'],
  'watch-run': ['runs watch'],
  'show-run': ['runs show'],
  'cancel-run': ['runs cancel'],
  'list-backups': ['backup list'],
  'create-backup': ['backup create'],
  'restore-backup': ['backup restore'],
  'undo-run': ['runs undo', 'runs redo'],
  'read-history': ['history list'],
  restore: ['history restore'],
  'test-connections': ['relationship test'],
  browse: ['site content', 'site files'],
  'list-peers': ['server peers'],
  'revoke-peer': ['server revoke'],
  invite: ['server invite'],
  'pin-console': ['server trust'],
  'pin-server': ['cert trust'],
  'export-certificate': ['cert export', 'server export'],
  'regenerate-identity': ['cert regenerate'],
  'read-audit': ['server audit'],
  'read-packages': ['package list', 'package show', 'file list'],
  'create-package': ['package create'],
  'edit-package': ['package edit'],
  'add-package-files': ['package add'],
  'remove-package-files': ['package remove'],
  'rebuild-package': ['package rebuild'],
  'delete-package': ['package delete'],
  'link-package': ['package link'],
  'fetch-package': ['package fetch'],
  'import-file': ['file import'],
  'delete-download-file': ['file delete'],
  'show-release': ['release show'],
  'add-release': ['release add'],
  'sign-release': ['release sign'],
  'verify-release': ['release verify'],
  'create-release-key': ['release key create'],
  'delete-release': ['release delete'],
  'show-rollout': ['rollout show', 'rollout watch'],
  'check-rollout': ['rollout check'],
  'act-on-rollout': [
    'rollout start',
    'rollout approve',
    'rollout pause',
    'rollout resume',
    'rollout abort',
    'rollout rollback',
  ],
  'tick-rollout': ['rollout tick'],
  'read-update-journal': ['rollout journal'],
  'create-rollout': ['rollout create'],
  'delete-rollout': ['rollout delete'],
  'export-checklist': ['rollout show'],
};

/** Which commands show the data that the console's screens share. */
const sources: Readonly<Record<Shared, readonly string[]>> = {
  servers: ['server list'],
  relationships: ['relationship list', 'relationship show'],
  profiles: ['profile list', 'profile show'],
  runs: ['runs list'],
  schedule: ['scheduler next'],
  clusters: ['cluster list', 'cluster show'],
  lives: ['live list', 'live show'],
  collisions: ['collisions list'],
  releases: ['release list'],
  rollouts: ['rollout list'],
  doctor: ['doctor'],
  settings: ['settings show'],
  plans: ['plan list'],
  identity: ['cert show'],
};

/** What no screen does, and why. */
const withoutScreen: readonly (readonly [commands: RegExp, because: string])[] = [
  [/^agent /, 'it is done on the server itself, where no console need be'],
  [/^scheduler (run|tick)$/, 'a daemon and cron start these'],
  [/^demo$/, 'the console leaves for it'],
];

test('whatever the console asks of the engine, a script can ask', async t => {
  for (const name of new Set([...Object.values(twins), ...Object.values(sources)].flat())) {
    const {status, usage} = await help(name);
    t.is(status, 0, name);
    t.regex(usage, new RegExp(`^Usage: lockstep ${name}(?! \\[command\\])\\b`), name);
  }
});

test('whatever a script can ask, the console does, or there is a reason', async t => {
  const known = new Set([...Object.values(twins), ...Object.values(sources)].flat());
  const leaves = await leavesOf('');
  t.true(leaves.length > 90, leaves.join(', '));
  const missing = leaves.filter(
    name => !known.has(name) && !withoutScreen.some(([commands]) => commands.test(name)),
  );
  t.deepEqual(missing, []);
});

/** Commands that have no further ones below them, as the help lists them. */
async function leavesOf(name: string): Promise<string[]> {
  const {usage} = await help(name);
  const [, listed] = /\nCommands:\n([\s\S]*?)(?=\n\n|\s*$)/.exec(usage) ?? [];
  if (listed === undefined) return [name];
  const below = [...listed.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, word]) => word!);
  const found = below
    .filter(word => word !== 'help')
    .map(word => leavesOf(name === '' ? word : `${name} ${word}`));
  return (await Promise.all(found)).flat();
}

async function help(name: string): Promise<{status: number; usage: string}> {
  const stdout = Object.assign(new PassThrough(), {isTTY: false});
  const said = text(stdout);
  const status = await runProgram({
    argv: [...name.split(' ').filter(word => word !== ''), '--help'],
    version: '0',
    services: {} as Services,
    defaultHome: () => '/nowhere',
    streams: {stdout, stderr: stdout, environment: {}},
  });
  stdout.end();
  return {status, usage: await said};
}
