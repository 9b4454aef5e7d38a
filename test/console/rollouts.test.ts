import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {dealtWaves, gatesIn, itemsIn, rolloutProblems} from '../../source/console/rollouts/rollout-rules.js';
import {OperatorError} from '../../source/core/operator-error.js';
import {drive} from './helpers/drive.js';
import {fakeEngine, fakeNow, fakeWorld} from './helpers/fake-engine.js';
import {fakeRolloutAtWork} from './helpers/fake-rollouts.js';

function world() {
  const made = fakeWorld();
  made.rollouts.push(fakeRolloutAtWork());
  return made;
}

/** The rollout that waits at its gate, the one that is planned, and the one at work. */
const [waiting, planned, atWork] = ['U enter', 'U down enter', 'U down down enter'].map(keys =>
  keys.split(' '),
);

test('a rollout shows waves, servers, the gate and the checklist, and comes with the attention it needs', async t => {
  const console = await drive({world: world(), columns: 120, rows: 40});
  t.regex(console.text(), /rollout december: warn paused, waits for approval/);
  await console.press(...waiting!);
  const text = console.text();
  t.regex(text, /wave 2 of 2 {3}failures 1 of 1 allowed/);
  t.regex(text, /gate wave 2 rest waits for approval by anna or bob, but not by who created or started it/);
  t.regex(text, /1 canary +\| web1\/main +\| ok +done .*7\.6\.7 +\| 2 m 41 s/);
  t.regex(text, /web2\/main +\| warn rolled-back +\| rollback-health +\| 7\.6\.6 /);
  t.regex(text, /\[x\] \| announced to editors +\| +- \| anna +\| today 12:40:00/);
  t.regex(text, /\[ \] \| smoke test after wave 1 +\| +2 \| Space ticks/);
});

test('the server under the cursor says what it is at, and what went wrong', async t => {
  const console = await drive({world: world()});
  await console.press(...waiting!, 'down');
  t.regex(console.text(), /web2\/main › rollback-health › Check the health of the old version/);
  t.regex(console.text(), /fail The new version did not answer .*\(HEALTH_FAILED\)|fail The new version/);
  await console.press('escape', 'down', 'down', 'enter', 'down');
  t.regex(console.text(), /web2\/main › drain › Warn the users and let them finish {3}3 users left/);
});

const acts: readonly (readonly [
  name: string,
  at: readonly string[],
  keys: string,
  asks: RegExp,
  typed: string,
  call: string,
])[] = [
  ['approve', waiting!, 'a', /it begins +with web3\/main, web4/, '', 'approve december 2'],
  ['start', planned!, 's', /wave 2 rest +web3\/main.*after an approval/, '', 'start rollout planned'],
  ['pause', atWork!, 'p', /servers at work +finish: web2\/main/, '', 'pause at-work'],
  ['resume', waiting!, 'R', /failed ones stay as they are/, '', 'resume december {"retry":false}'],
  ['retry', waiting!, 't', /tried again/, '', 'resume december {"retry":true}'],
  ['abort', atWork!, 'A', /get their version back unless it was decided for/, 'at-work', 'abort at-work'],
  ['roll back one', waiting!, 'b', /Bring web1\/main back/, 'web1/main', 'roll back december web1/main'],
  [
    'roll back all',
    waiting!,
    'B',
    /Bring all servers of december back/,
    'december',
    'roll back december all',
  ],
];
for (const [name, at, key, asks, typed, call] of acts)
  test(`${name}: says what it brings, and happens only when that was confirmed`, async t => {
    const console = await drive({world: world(), columns: 120});
    await console.press(...at, key);
    t.regex(console.text(), asks);
    if (typed !== '') await console.press('enter', 'y');
    t.deepEqual(console.world.calls, []);
    await console.press(...(typed === '' ? [] : ['backspace', ...typed]), 'enter');
    t.deepEqual(console.world.calls, [call]);
    t.is(console.screen().kind, 'rollout');
  });

const refusals: readonly (readonly [at: readonly string[], key: string, reason: RegExp])[] = [
  [waiting!, 's', /start: it is paused; R goes on/],
  [waiting!, 'p', /pause: it is paused/],
  [planned!, 'a', /no gate waits/],
  [planned!, 'R', /it has not been started; s starts it/],
  [planned!, 'A', /it is planned/],
  [planned!, 'enter', /it has not begun its update yet/],
  [atWork!, 'b', /the rollout is at work; p pauses it/],
  [waiting!, ' ', /Tab goes to the checklist/],
];
for (const [at, key, reason] of refusals)
  test(`${at.join(' ')} ${key} says why not: ${reason.source}`, async t => {
    const console = await drive({world: world()});
    await console.press(...at, key);
    t.regex(console.model().message?.text ?? '', reason);
    t.deepEqual(console.world.calls, []);
  });

test('a rollout that is done but for a server can be tried again', async t => {
  const made = world();
  made.rollouts[0] = {...made.rollouts[0]!, status: 'done'};
  const console = await drive({world: made, columns: 120});
  await console.press(...waiting!, 'R');
  t.regex(console.model().message?.text ?? '', /it is done/);
  await console.press('t', 'enter');
  t.deepEqual(console.world.calls, ['resume december {"retry":true}']);
});

test('Space ticks own items and takes the tick back; the others tick themselves', async t => {
  const console = await drive({world: world()});
  await console.press(...waiting!, 'tab', ' ');
  t.regex(console.model().message?.text ?? '', /ticks itself/);
  await console.press('/', ...'smoke', 'enter', ' ');
  t.regex(console.text(), /\[x\] \| smoke test/);
  await console.press(' ');
  t.deepEqual(console.world.calls, ['tick december 2 true', 'tick december 2 false']);
});

test('a rollout at work is asked for every second, one at rest is not', async t => {
  const console = await drive({world: world()});
  const asked = () => console.commands.filter(({type}) => type === 'show-rollout').length;
  await console.press(...atWork!);
  const before = asked();
  await console.send({type: 'tick', now: fakeNow + 1000});
  await console.send({type: 'tick', now: fakeNow + 2000});
  t.is(asked(), before + 2);
  await console.press('escape', 'up', 'enter');
  const atRest = asked();
  await console.send({type: 'tick', now: fakeNow + 4000});
  t.is(asked(), atRest);
});

test('the journal of a server shows its steps, who is left, warnings and what an abort would do', async t => {
  const console = await drive({world: world()});
  await console.press(...waiting!, 'enter');
  const text = console.text();
  t.regex(text, /preflight ok {2}download wait[\s\S]*drain run/);
  t.regex(text, /drain › Warn the users and let them finish {3}3 users left/);
  t.regex(text, /an abort ends it at once/);
  t.regex(text, /warn The final backup was not made/);
  t.regex(text, /3 \| .* \| note [\s\S]*preflight \| done +\| 9 checks passed/);
});

test('the preflight puts what would fail first, with the remedy of the row under the cursor', async t => {
  const console = await drive({world: world()});
  await console.press(...planned!, 'c');
  t.regex(console.text(), /2 servers would fail/);
  t.regex(console.text(), /> \| fail \| web2\/main[\s\S]*fail \| web3\/main[\s\S]*ok +\| web1\/main/);
  await console.press('down');
  t.regex(console.text(), /Make room on \/srv/);
});

test('a rollout is described, its waves dealt while they are typed, and nothing starts', async t => {
  const console = await drive({world: world(), columns: 120, rows: 40});
  await console.press('U', 'n', ...'june', 'tab', 'tab', 'tab', ' ', 'right', ' ', 'tab', 'ctrl-u');
  await console.type('canary=production; rest');
  t.regex(console.text(), /wave 1 canary: production\/main[\s\S]*wave 2: staging\/main/);
  await console.press('tab', ...'2', 'tab', ...'announced; 2=smoke test', 'ctrl-s');
  t.deepEqual(JSON.parse(console.world.calls[0]!.slice('create rollout '.length)), {
    name: 'june',
    release: 'shop-7.6.7',
    servers: [
      {server: 'staging', site: 'main'},
      {server: 'production', site: 'main'},
    ],
    waves: ['canary=production', 'rest'],
    failuresAllowed: 0,
    concurrency: 5,
    bakeMs: 0,
    gates: [2],
    approvers: [],
    fourEyes: false,
    scheduled: false,
    patienceMs: 60_000,
    items: [{text: 'announced'}, {text: 'smoke test', before: 2}],
  });
  t.is(console.world.calls.length, 1);
  t.is(console.screen().kind, 'rollout');
});

test('in a small terminal the field that has the keyboard is in sight', async t => {
  const console = await drive({columns: 80, rows: 15});
  await console.press('U', 'n', ...Array<string>(20).fill('tab'));
  t.regex(console.text(), /> Wait for a busy server/);
  await console.press(...Array<string>(20).fill('up'));
  t.regex(console.text(), /> Name/);
});

test('the checklist is written to a file of the home', async t => {
  const home = await mkdtemp(join(tmpdir(), 'lockstep-console-'));
  t.teardown(() => rm(home, {recursive: true, force: true}));
  const console = await drive({world: world(), home});
  await console.press(...waiting!, 'e');
  t.regex(console.model().message?.text ?? '', /checklist is in/);
  t.regex((await readdir(join(home, 'checklists')))[0] ?? '', /^december-20261121-140211\.md$/);
});

test('servers are taken over only by the id of a lock, and a refusal stays on the form', async t => {
  const console = await drive({world: world()});
  await console.press(...waiting!, 'T', 'ctrl-s');
  t.regex(console.text(), /the id of the lock is needed/);
  await console.press(...'20261121-130000000-bbbbbb', 'enter');
  t.deepEqual(console.world.calls, [
    'resume december {"retry":false,"takeOver":"20261121-130000000-bbbbbb"}',
  ]);
  t.is(console.screen().kind, 'rollout');
});

test('a rollout is deleted by its name, but not while it holds servers', async t => {
  const console = await drive({world: world()});
  await console.press('U', 'D');
  t.regex(console.model().message?.text ?? '', /it is paused and holds its servers/);
  await console.press('down', 'D', 'enter', ...'planned', 'enter');
  t.deepEqual(console.world.calls, ['delete rollout planned']);
});

test('a refused act is said with its remedy and changes nothing on the screen', async t => {
  const console = await drive({
    loadEngine: async () => {
      const engine = fakeEngine(world());
      const refuse = async () => {
        throw new OperatorError('ROLE_REFUSED', 'carl may not approve.', {hint: 'Ask anna or bob.'});
      };
      return {...engine, rollouts: {...engine.rollouts, approve: refuse}};
    },
  });
  await console.press(...waiting!, 'a', 'enter');
  t.is(console.model().message?.text, 'Not approved: carl may not approve. Ask anna or bob.');
  t.regex(console.text(), /waits for approval/);
});

test('fields of a rollout are read as the command line reads its options', t => {
  t.deepEqual(gatesIn('every', 3), [2, 3]);
  t.deepEqual(gatesIn('2, 3', 3), [2, 3]);
  t.is(gatesIn('4', 3), undefined);
  t.deepEqual(itemsIn(' a ;; 2=b ; c=d'), [{text: 'a'}, {text: 'b', before: 2}, {text: 'c=d'}]);
  t.deepEqual(dealtWaves('1; 50%; rest', ['a/m', 'b/m', 'c/m', 'd/m']), {
    waves: [
      ['wave 1', ['a/m']],
      ['wave 2', ['b/m', 'c/m']],
      ['wave 3', ['d/m']],
    ],
  });
});

const wrong: readonly (readonly [field: string, input: object, reason: RegExp])[] = [
  ['waves', {waves: '1', gates: ''}, /in no wave/],
  ['waves', {waves: 'canary=x; rest'}, /x, which is not among the servers/],
  ['gates', {gates: '3'}, /from 1 to 2/],
  ['items', {items: '3=late'}, /no wave 3 that could wait for "late"/],
  ['failures', {failuresAllowed: '-1'}, /0 or more/],
  ['concurrency', {concurrency: '0'}, /from 1 to 256/],
  ['bake', {bake: '15'}, /such as 15m/],
  ['window', {window: 'at night'}, /is not a window/],
  ['window', {scheduled: true}, /needs a window/],
  ['mail', {mailTo: 'anna'}, /one address/],
  ['name', {name: 'june'}, /already a rollout june/],
];
for (const [field, input, reason] of wrong)
  test(`a rollout with ${JSON.stringify(input)} is not saved`, t => {
    const right = {
      name: 'july',
      release: 'shop-7.6.7',
      servers: ['a/m', 'b/m'],
      waves: 'canary=a; rest',
      gates: '2',
      items: '',
      failuresAllowed: '0',
      concurrency: '5',
      bake: '',
      patience: '1m',
      window: '',
      scheduled: false,
      mailTo: '',
    };
    t.deepEqual(rolloutProblems(right, ['june']), {});
    const problems = rolloutProblems({...right, ...input}, ['june']);
    t.deepEqual(Object.keys(problems), [field]);
    t.regex(problems[field] ?? '', reason);
  });
