import test from 'ava';
import {drive} from './helpers/drive.js';
import {fakeNow} from './helpers/fake-engine.js';

const staging = {
  server: 'staging',
  kind: 'ok',
  detail: 'as pinned',
  version: '1.0.0',
  olderThan: '1.1.0',
  role: 'admin',
} as const;

/** The list of servers with the cursor on staging, after a check of it. */
async function onServers(check: object = {}) {
  const console = await drive();
  console.world.runs = console.world.runs.filter(({status}) => status !== 'running');
  console.world.rollouts = [];
  await console.press('S');
  await console.send({
    type: 'checked',
    server: 'staging',
    check: {...staging, ...check},
    quick: true,
    at: fakeNow,
  });
  const at = console.world.servers.findIndex(({name}) => name === 'staging');
  for (let row = 0; row < at; row++) await console.press('down');
  return console;
}

test('an older agent is shown with its version, and updated after a question (U13)', async t => {
  const console = await onServers();
  t.regex(console.text(), /warn older 1\.0\.0/);
  await console.press('u');
  t.regex(console.text(), /Update the agent of staging from 1\.0\.0 to 1\.1\.0\?/);
  await console.press('enter');
  t.true(console.world.calls.includes('update the agent of staging'));
  t.regex(console.model().message?.text ?? '', /agent of staging was updated/);
});

const refusals: readonly [why: RegExp, check: object][] = [
  [/is not older than this console/, {olderThan: undefined}],
  [/it takes the role admin there; ours is operate/, {role: 'operate'}],
  [/has not answered/, {version: undefined}],
];

for (const [why, check] of refusals)
  test(`u says why an agent is not updated: ${why.source}`, async t => {
    const console = await onServers(check);
    await console.press('u');
    t.regex(console.model().message?.text ?? '', why);
    t.false(console.world.calls.includes('update the agent of staging'));
  });

test('u says which rollout is at work on the server', async t => {
  const console = await onServers();
  const at = console.world.servers.find(({name}) => name === 'staging')!;
  const rollout = {
    name: 'december',
    status: 'running' as const,
    servers: [{server: at.name, site: 'main', wave: 1, state: 'running', to: '2'}],
  };
  await console.send({type: 'loaded', what: 'rollouts', value: [rollout]} as never);
  await console.press('u');
  t.regex(console.model().message?.text ?? '', /rollout december is at work there/);
  t.false(console.world.calls.includes('update the agent of staging'));
});

test('u says which run is at work on the server', async t => {
  const console = await onServers();
  const [run] = console.world.runs;
  const relationship = console.world.relationships.find(({local, remote}) =>
    [local, remote].some(({server}) => server === 'staging'),
  )!;
  const running = {
    ...run!,
    relationship: relationship.name,
    status: 'running' as const,
    runId: '20261121-140000-aaaaaa',
  };
  await console.send({type: 'loaded', what: 'runs', value: [running]} as never);
  await console.press('u');
  t.regex(console.model().message?.text ?? '', /run 20261121-140000-aaaaaa is at work there/);
});
