import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import type {ScreenKind} from '../../source/console/screen.js';
import {OperatorError} from '../../source/core/operator-error.js';
import {drive} from './helpers/drive.js';
import {fakeNow, fakePlan, fakeWorld} from './helpers/fake-engine.js';

test('the console opens on an overview that names what needs a person', async t => {
  const console = await drive();
  t.is(console.screen().kind, 'overview');
  t.regex(console.text(), /staging-production/);
  t.regex(console.text(), /3 attention/);
  t.regex(console.text(), /Members back: warn/);
});

test('an empty console says how to begin', async t => {
  const world = Object.assign(fakeWorld(), {servers: [], relationships: [], profiles: [], runs: []});
  const console = await drive({world});
  t.regex(console.text(), /lockstep agent invite/);
  const smallest = await drive({world, columns: 60, rows: 15});
  t.regex(smallest.text(), /Welcome[\s\S]*1 On each server[\s\S]*2 Press a [\s\S]*3 Press n /);
});

test('an empty console offers the demo, a console in the demo does not', async t => {
  const world = Object.assign(fakeWorld(), {servers: [], relationships: [], profiles: [], runs: []});
  const console = await drive({world, offersDemo: true});
  t.regex(console.text(), /Press d for a demo/);
  await console.press('d');
  t.true(console.model().leaving && console.model().demoWanted);
  const demo = await drive({world});
  await demo.press('d');
  t.false(demo.model().leaving);
  t.regex(demo.model().message?.text ?? '', /this is the demo already/);
});

test('a lost server is shown as such by itself, and what its databases said stays', async t => {
  const console = await drive();
  const checked = () => console.commands.filter(command => command.type === 'check').length;
  const first = checked();
  await console.send({type: 'tick', now: fakeNow + 4_000});
  t.is(checked(), first);
  // The two that were well are asked after 8 s, the lost one after 5 s.
  await console.send({type: 'tick', now: fakeNow + 6_000});
  t.is(checked(), first + 1);
  await console.send({type: 'tick', now: fakeNow + 12_000});
  t.is(checked(), first + 4);
  t.true(console.commands.some(command => command.type === 'check' && command.quick === true));
  const ok = {server: 'staging', kind: 'ok', detail: 'as pinned'} as const;
  const at = fakeNow + 13_000;
  await console.send({
    type: 'checked',
    server: 'staging',
    check: {...ok, warnings: ['narrow']},
    quick: false,
    at,
  });
  await console.send({type: 'checked', server: 'staging', check: ok, quick: true, at});
  t.deepEqual(console.model().checks.staging?.value?.warnings, ['narrow']);
});

test('what another console does is fetched at once, as far as it is in sight', async t => {
  const console = await drive();
  await console.press('E');
  console.commands.length = 0;
  console.world.relationships = console.world.relationships.slice(0, 1);
  console.world.changed?.('state');
  await console.send({type: 'tick', now: fakeNow});
  t.false(console.text().includes('dev-staging'));
  t.false(console.commands.some(command => command.type === 'load' && command.what === 'lives'));
});

test('the way back is kept: [ goes where one was before, ] forward again, forms are left out', async t => {
  const console = await drive();
  await console.press('S', 'enter', 'A', 'escape', 'escape', 'a', 'escape', 'escape', 'R');
  const places = [];
  for (const key of ['[', '[', '[', '[', '[', '[', '[', ']', ']']) {
    await console.press(key);
    places.push(console.screen().kind);
  }
  t.deepEqual(places.slice(0, 7), [
    'overview',
    'servers',
    'server',
    'audit',
    'server',
    'servers',
    'overview',
  ]);
  t.deepEqual(places.slice(7), ['servers', 'server']);
  await console.press(']');
  t.regex(console.text(), /SITE_BUSY/);
});

test('every error is kept with its code, its remedy and the place of its log', async t => {
  const console = await drive();
  await console.press('a');
  await console.type('lockstep:bad');
  await console.press('ctrl-s');
  t.regex(console.text(), /Log: /);
  await console.press('escape', 'y', 'M');
  t.regex(console.text(), /Code +INVITATION_REFUSED/);
  t.regex(console.text(), /What to do +Make a new one/);
  t.regex(console.text(), /Log +agent\.log/);
});

/** From the overview: keys, the screen they lead to, and something that is to be read there. */
const walks: readonly (readonly [keys: string, kind: ScreenKind, shows: RegExp])[] = [
  ['enter', 'relationship', /Default DB profile1/],
  ['down enter', 'relationship', /dev-staging/],
  ['down down down enter', 'relationship', /dev-staging/],
  ['G g enter', 'relationship', /staging-production/],
  ['tab enter', 'log', /UNIQUE constraint/],
  ['S', 'servers', /unreachable/],
  ['S enter', 'server', /Certificate +0{64}/],
  ['S a', 'add-server', /Invitation/],
  ['S N', 'rename-server', /relationship staging-production/],
  ['S enter N', 'rename-server', /relationship staging-production/],
  ['!', 'doctor', /1 to repair, 1 warning/],
  ['! down', 'doctor', /What to do: Is the agent running there/],
  ['S enter t', 'peers', /anna@ops1 \(this console\).*admin/],
  ['S enter t down', 'peers', /another agent; exchanges content/],
  ['S enter t n', 'trust-form', /can be used once/],
  ['S enter t P', 'trust-form', /Certificate file/],
  ['S enter t x', 'trust-form', /never the key/],
  ['S enter A', 'audit', /refusal.*PUT .v1.sites.*SITE_BUSY/],
  ['S enter A v', 'audit', /ok +whole, 120 entries/],
  ['S enter A m', 'audit', /entries +120 /],
  ['S I', 'identity', /c{32}/],
  [': o w n enter', 'identity', /Compare the fingerprint/],
  [': a u d i t enter', 'audit', /staging/],
  ['enter P', 'plans', /Templates.*was run.*not a plan/s],
  ['enter P enter', 'preview', /saved plan of Templates.*1 create {2}1 update/s],
  [': s a v e d enter', 'plans', /taken 3 m 11 s ago/],
  ['V p', 'live-preview', /dev\/main would be left out.*UNREACHABLE.*rights.*desktop/s],
  [',', 'settings', /times +\| local .*State +.*version 1, 4.0 KiB.*2 runs, 1.8 MiB/s],
  [': s e t t enter', 'settings', /refresh/],
  ['S G enter', 'server', /UNREACHABLE.*not known while it cannot be asked; last it was: main/s],
  ['enter T', 'connections', /ok.*role admin.*staging.*IDENTITY_REFUSED/s],
  [
    'enter T down',
    'connections',
    /does not know staging\. \(IDENTITY_REFUSED\).*Look at t there.*Log: agent\.log/s,
  ],
  ['c tab', 'collisions', /\[folders 1\].*Marketing11330/s],
  ['c tab tab tab', 'collisions', /\[all 2\]/],
  ['M', 'notices', /Nothing was said yet/],
  ['S : a d d enter', 'add-server', /Invitation/],
  ['! down enter', 'server', /dev-日本/],
  [': d o c t enter', 'doctor', /Node\.js/],
  ['R', 'runs', /Members ba/],
  ['R enter', 'log', /45 applied|applied 45/],
  ['R s', 'skipped', /users\.email/],
  ['S enter enter', 'backups', /1.1 MiB.*good.*content2026/],
  ['s', 'schedule', /10 h 57 m .*staging-production\/Default.*daily/],
  ['s enter', 'relationship', /staging-production/],
  ['s j enter', 'rollout', /december/],
  ['s j e', 'schedule', /rollout december/],
  ['s e', 'profile-form', /lockstep profile edit/],
  ['c', 'collisions', /users.*Marketing11329/],
  ['enter c', 'collisions', /\[all 2\] +folders 1 +users 1.*to review/s],
  ['C', 'clusters', /production\/main {2}staging\/main/],
  ['C e', 'cluster-form', /in this order: production\/main {2}staging\/main/],
  ['C w', 'cluster-relationship', /upload to the cluster/],
  [': c l u s t enter', 'clusters', /web/],
  ['enter s', 'picker', /Fairs.*folders 366.*Spring fair.*content 1042/s],
  ['enter s enter', 'picker', /main › Fairs.*only the first ones.*content 1043/s],
  ['enter s enter escape', 'picker', /content 1042/],
  ['enter s tab', 'picker', /uploadedimages.*1.8 MiB/s],
  ['enter s e', 'selection', /ids of content rows/],
  ['enter p S', 'selection', /uploadedimages|content/],
  ['enter H', 'history', /old versions at production.*content\/fair\.html/s],
  ['enter H tab', 'history', /old versions at staging/],
  ['R enter H', 'history', /of run 2026/],
  ['enter H enter', 'log', /Status/],
  ['V', 'lives', /production\/main {2}last sync today 12:00:00 {2}left out: It did not answer/],
  ['V e', 'live-form', /desktop, multimedia/],
  [': l i v e enter', 'lives', /publish/],
  ['P', 'package-sites', /production +\| main/],
  ['P enter', 'packages', /press-kit +\| ok ready +\| +2 \| 2.4 MiB \| 1 Dec 09:00.*a e b f K D/],
  ['S enter P', 'packages', /broken.*fail damaged/],
  [': p a c k a g e s enter', 'package-sites', /not read/],
  [': o n / m a tab enter', 'packages', /press-kit/],
  ['P enter enter', 'package', /Expires +1 Dec 09:00/],
  ['P enter down e', 'package-form', /Lifetime/],
  ['P enter F', 'download-files', /facts.pdf.*press-kit/],
  ['n', 'wizard', /step 1 of 3/],
  ['E', 'relationships', /dev-staging/],
  ['enter p', 'preview', /1 create {2}1 update {2}1 delete/],
  ['enter i', 'preview', /initial sync/],
  ['enter e', 'profile-form', /lockstep profile edit/],
  ['enter n', 'profile-form', /lockstep profile create/],
  ['enter escape', 'overview', /relationships/],
  ['enter p escape escape', 'overview', /relationships/],
  [': s e r v e r s enter', 'servers', /staging/],
  [': p r e v tab enter', 'preview', /Default DB profile1/],
];
for (const [keys, kind, shows] of walks) {
  test(`keys ${keys} lead to ${kind}`, async t => {
    const console = await drive();
    await console.press(...keys.split(' '));
    t.is(console.screen().kind, kind);
    t.regex(console.text(), shows);
  });
}

test('Esc goes back to where the cursor was', async t => {
  const console = await drive();
  await console.press('down', 'enter', 'escape');
  const screen = console.screen();
  t.is(screen.kind === 'overview' && screen.relationships.selected, 'dev-staging');
});

test('a disabled key says why', async t => {
  const console = await drive({world: Object.assign(fakeWorld(), {profiles: []})});
  await console.press('enter', 'r');
  t.regex(console.model().message?.text ?? '', /there is no profile yet/);
  t.deepEqual(console.world.calls, []);
});

test('a filter shows only matching rows, and Esc clears it before it goes back', async t => {
  const console = await drive();
  await console.press('enter', '/');
  await console.type('templ');
  await console.press('enter');
  t.notRegex(console.text(), /daily/);
  t.regex(console.text(), /1 of 3/);
  await console.press('escape');
  t.regex(console.text(), /Default DB/);
  t.is(console.screen().kind, 'relationship');
});

test('while a filter is typed, letters are letters', async t => {
  const console = await drive();
  await console.press('enter', '/', 'q', 'r');
  t.false(console.model().leaving);
  t.is(console.screen().kind, 'relationship');
});

test('sorting goes through the columns and back to the first order', async t => {
  const console = await drive();
  await console.press('enter', 'o');
  t.regex(console.text(), /by Profile/);
  await console.press('O');
  t.regex(console.text(), /reversed/);
  await console.press('o', 'o', 'o', 'o', 'o', 'o');
  t.notRegex(console.text(), /by /);
});

test('q and Ctrl-C leave, from every overlay Ctrl-C does', async t => {
  const first = await drive();
  await first.press('q');
  t.true(first.model().leaving);
  const second = await drive();
  await second.press('enter', 'e', 'ctrl-c');
  t.true(second.model().leaving);
});

test('a run of a profile asks first, then is watched; leaving the screen leaves the run alone', async t => {
  const console = await drive({
    world: Object.assign(fakeWorld(), {endless: true, events: fakeWorld().events.slice(0, 6)}),
  });
  await console.press('enter', 'r');
  t.is(console.model().overlay?.kind, 'confirm');
  t.deepEqual(console.world.calls, []);
  await console.press('enter');
  t.deepEqual(console.world.calls, [
    'start {"relationship":"staging-production","profile":"Default DB profile1","kind":"sync"}',
  ]);
  t.is(console.screen().kind, 'run');
  const id = console.screen().id;
  await console.press('escape');
  t.regex(console.model().message?.text ?? '', /continues/);
  t.true(console.commands.some(command => command.type === 'stop' && command.screen === id));
  t.false(console.world.calls.some(call => call.startsWith('cancel')));
});

test('a backup is made at once, and put back only when the name of the site was typed', async t => {
  const console = await drive();
  await console.press('S', 'enter', 'enter', 'n');
  t.deepEqual(console.world.calls, ['backup staging/main']);
  t.regex(console.model().message?.text ?? '', /made and verified/);
  await console.press('enter', 'enter');
  t.is(console.model().overlay?.kind, 'confirm');
  await console.press(...'main', 'enter');
  t.is(console.world.calls.at(-1), 'restore staging/main content20261120020000000.lockstep.bak');
  t.regex(console.model().message?.text ?? '', /is what it was/);
});

test('an initial sync starts only when the name was typed', async t => {
  const console = await drive();
  await console.press('enter', 'i', 'r', 'enter');
  t.deepEqual(console.world.calls, []);
  await console.type('staging-productio');
  await console.press('enter');
  t.deepEqual(console.world.calls, []);
  await console.press('n', 'enter');
  t.regex(console.world.calls[0]!, /^start .*"kind":"initial-sync"/);
});

const deletions: readonly (readonly [keys: string, name: string, call: string])[] = [
  ['enter D', 'Default DB profile1', 'delete staging-production/Default DB profile1'],
  ['enter X', 'staging-production', 'delete staging-production'],
];
for (const [keys, name, call] of deletions) {
  test(`deleting ${name} wants its name`, async t => {
    const console = await drive();
    await console.press(...keys.split(' '), 'enter', 'y');
    t.deepEqual(console.world.calls, []);
    await console.press('backspace');
    await console.type(name);
    await console.press('enter');
    t.deepEqual(console.world.calls, [call]);
  });
}

test('a console is invited, pinned and revoked; what cannot be read is said', async t => {
  const console = await drive();
  await console.press('S', 'enter', 't', 'n', 'right', 'down', 'right', 'enter');
  t.deepEqual(console.world.calls, ['invite staging operate 3600000']);
  t.regex(console.text().replace(/\s/g, ''), /lockstep:staging\.example\.com:8732\?s{100}/);
  await console.press('escape', 'P');
  await console.type('/nothing');
  await console.press('ctrl-s');
  t.regex(console.text(), /cannot be read\. \(USAGE\)/);
  await console.press('escape', 'y', 'down', 'down', 'D');
  await console.type('ben@ops2');
  await console.press('enter');
  t.is(console.world.calls.at(-1), 'revoke staging 6666');
  t.regex(console.model().message?.text ?? '', /staging refuses ben@ops2/);
});

test('new keys are made only when the word was typed', async t => {
  const console = await drive();
  await console.press('S', 'I', 'K', 'enter', 'y');
  t.deepEqual(console.world.calls, []);
  await console.press('backspace');
  await console.type('regenerate');
  await console.press('enter');
  t.deepEqual(console.world.calls, ['regenerate']);
});

test('a server is renamed after a look at what names it; a taken name is refused', async t => {
  const console = await drive();
  await console.press('S', 'N', ...Array.from({length: 7}, () => 'backspace'));
  await console.type('production');
  await console.press('enter');
  t.deepEqual(console.world.calls, []);
  t.regex(console.text(), /there is already a server production/);
  await console.type('2');
  await console.press('enter');
  t.deepEqual(console.world.calls, ['rename staging production2']);
  t.is(console.screen().kind, 'servers');
});

test('a server that a relationship uses cannot be removed, and the reason names it', async t => {
  const console = await drive();
  await console.press('S', 'D');
  t.regex(console.model().message?.text ?? '', /staging-production.* use it/);
});

test('the wizard pairs a server by a pasted invitation, finds its sites and creates the relationship; nothing runs', async t => {
  const console = await drive();
  await console.press('n');
  await console.send({type: 'paste', text: 'lockstep:added.example.com:8732?secret\n'});
  await console.press('enter');
  const screen = console.screen();
  t.is(screen.kind === 'wizard' && screen.at, 2);
  await console.press('enter');
  t.regex(console.text(), /mirror of staging\/main/);
  await console.press('tab');
  t.regex(console.text(), /staging\/main a mirror of added\/shop/);
  await console.press('enter');
  t.deepEqual(console.world.calls, [
    'add lockstep:added.example.com:8732?secret',
    'relationship {"name":"staging-added","local":{"server":"staging","site":"main"},"remote":{"server":"added","site":"shop"},"initial":"download"}',
  ]);
  t.is(console.screen().kind, 'relationship');
});

test('the wizard begins with the server that was paired last on the other side', async t => {
  const console = await drive();
  await console.press('S', 'a');
  await console.send({type: 'paste', text: 'lockstep:added.example.com:8732?secret'});
  await console.press('ctrl-s', 'escape', 'n', 'down', 'enter');
  t.deepEqual(
    console.commands.findLast(({type}) => type === 'connect'),
    {
      type: 'connect',
      screen: console.screen().id,
      local: 'staging',
      server: 'added',
    },
  );
});

test('a run counts as over as soon as its journal says so, also when a list that was asked for before comes after', async t => {
  const world = Object.assign(fakeWorld(), {endless: true});
  const end = world.events.find(event => event.type === 'run.finished')!;
  world.events = world.events.filter(event => event !== end);
  const {endedAt: _still, ...running} = world.runs[0]!;
  world.runs = [{...running, runId: end.runId, status: 'running'}];
  const console = await drive({world});
  await console.press('R', 'enter');
  t.regex(console.text(), /1 running/);
  await console.send({
    type: 'answer',
    screen: console.screen().id,
    answer: {kind: 'run-events', events: [end]},
  });
  t.notRegex(console.text(), /running/);
  await console.send({type: 'loaded', what: 'runs', value: world.runs, at: fakeNow});
  t.is(console.model().data.runs.value![0]!.status, end.status);
  t.notRegex(console.text(), /running/);
});

test('a fault of the wizard shows cause and remedy and keeps what was typed', async t => {
  const console = await drive();
  await console.press('n');
  await console.send({type: 'paste', text: 'bad-invitation'});
  await console.press('enter');
  t.regex(console.text(), /has been used.*INVITATION_REFUSED/);
  t.regex(console.text(), /Make a new one/);
  t.regex(console.text(), /bad-invitation/);
});

test('an unreachable server stops the wizard at its first step', async t => {
  const console = await drive();
  await console.press('n', 'down', 'enter');
  const screen = console.screen();
  t.is(screen.kind === 'wizard' && screen.at, 1);
  t.regex(console.text(), /Nothing answers/);
});

test('a profile form says under the field what is wrong, previews what is saved, and saves with Ctrl-S', async t => {
  const console = await drive();
  await console.press('enter', 'n', 'ctrl-s');
  t.regex(console.text(), /Not yet: Name: a profile needs a name/);
  t.deepEqual(console.world.calls, []);
  await console.type('Nightly');
  t.notRegex(console.text(), /Not yet/);
  await console.press('down', ' ', 'down', 'right', 'right');
  t.regex(
    console.text(),
    /lockstep profile create staging-production\/Nightly --items database\s+--direction bidirectional/,
  );
  await console.press('ctrl-s');
  t.is(console.screen().kind, 'relationship');
  const [call] = console.world.calls;
  t.like(JSON.parse(call!.slice('create '.length)), {
    relationship: 'staging-production',
    name: 'Nightly',
    items: ['database'],
    direction: 'bidirectional',
    maxDelete: 50,
  });
});

const faultyFields: readonly (readonly [field: string, keysToIt: number, typed: string, reason: RegExp])[] = [
  ['name', 0, 'Templates', /already has a profile/],
  ['name', 0, 'a/b', /no slash/],
  ['share', 6, '0', /from 0% to 100%/],
  ['schedule', 7, 'sometimes', /sometimes/],
];
for (const [field, keysToIt, typed, reason] of faultyFields) {
  test(`a profile's ${field} "${typed}" is refused while it is typed`, async t => {
    const console = await drive();
    await console.press('enter', 'n', ...Array<string>(keysToIt).fill('down'));
    await console.type(typed);
    t.regex(console.text(), reason);
  });
}

test('Esc on a form asks only if something changed', async t => {
  const console = await drive();
  await console.press('enter', 'e', 'escape');
  t.is(console.screen().kind, 'relationship');
  await console.press('e', 'right', ' ', 'escape');
  t.is(console.model().overlay?.kind, 'confirm');
  await console.press('n');
  t.is(console.screen().kind, 'profile-form');
});

test('a preview shows changed columns before and after, and text as a diff', async t => {
  const console = await drive();
  await console.press('enter', 'p', 'enter');
  t.regex(console.text(), /- Winter fair/);
  t.regex(console.text(), /\+ Spring fair/);
  await console.press('escape', 'down', 'enter');
  t.regex(console.text(), /- 2/);
  t.regex(console.text(), /\+ two/);
  t.regex(console.text(), / {3}one/);
});

test('what is left out is not in the plan that runs', async t => {
  const home = await mkdtemp(join(tmpdir(), 'lockstep-console-'));
  t.teardown(() => rm(home, {recursive: true, force: true}));
  const console = await drive({home});
  await console.press('enter', 'p', 'x', 'r', 'enter');
  t.regex(console.world.calls[0]!, /^savePlan .*plans\/staging-production-Default-DB-profile1-/);
  t.regex(console.world.calls[1]!, /"planFile":/);
  const run = console.commands.find(command => command.type === 'run-plan');
  t.true(run?.type === 'run-plan' && !run.preview.plan.actions.some(action => action.id === '1'));
  t.true(run?.type === 'run-plan' && run.preview.plan.counts.remote.update === 0);
});

test('a preview by table and folder opens one of them, and leaves a whole one out', async t => {
  const console = await drive();
  await console.press('enter', 'p', 't');
  t.regex(console.text(), /tables and folders/);
  t.regex(console.text(), /content +\| table/);
  await console.press('x');
  t.regex(console.text(), /\| +all *\|?\n/);
  const leftOut = /(\d+) left out/.exec(console.text())?.[1];
  await console.press('enter');
  t.regex(console.text(), /actions in /);
  t.is(console.text().match(/\| out /g)?.length, Number(leftOut));
  await console.press('escape');
  t.regex(console.text(), /tables and folders/);
  await console.press('x', 'escape');
  t.notRegex(console.text(), /left out|tables and folders|actions in/);
  t.is(console.screen().kind, 'preview');
});

test('a saved plan is run from its own file, so that it is run once; marked ones are deleted together', async t => {
  const console = await drive();
  await console.press('enter', 'P', 'enter', 'r', 'enter');
  t.regex(console.world.calls[0]!, /"planFile":"\/home\/anna\/.lockstep\/plans\/staging-1.json"/);
  await console.press('escape', 'down', ' ', 'down', ' ', 'D', 'enter');
  t.is(console.world.calls.at(-1), 'delete plans staging-2.json notes.json');
});

test('a setting is saved, acts at once, and is taken over from another console', async t => {
  const console = await drive();
  await console.press(',', 'enter', 'enter');
  t.deepEqual(console.world.calls, ['settings {"times":"local-named"}', 'settings {"times":"utc"}']);
  t.is(console.model().time.show, 'utc');
  console.world.settings = {...console.world.settings, times: 'local', checks: 'off'};
  console.world.changed?.('state');
  await console.send({type: 'tick', now: fakeNow + 3_600_000});
  t.is(console.model().time.show, 'local');
  const before = console.commands.filter(command => command.type === 'check').length;
  await console.send({type: 'tick', now: fakeNow + 7_200_000});
  t.is(console.commands.filter(command => command.type === 'check').length, before);
});

test('what is picked in both trees is previewed together; folders of files are only opened', async t => {
  const console = await drive();
  await console.press('enter', 's', ' ', 'down', ' ', 'enter', ' ', 'tab', ' ');
  t.regex(console.model().message?.text ?? '', /picked one by one/);
  await console.press('enter', 'down', 'down', 'down', ' ');
  t.regex(console.text(), /3 picks:.*Fairs/s);
  await console.press('p');
  const preview = console.commands.findLast(command => command.type === 'preview');
  t.deepEqual(preview?.type === 'preview' && preview.select, [
    'folder:366',
    'content:1042',
    'file:uploadedimages/index.html',
  ]);
  await console.press('escape', 'escape', 'escape');
  t.is(console.model().overlay?.kind, 'confirm');
  await console.press('y');
  t.is(console.screen().kind, 'relationship');
});

test('a selection is previewed as it was picked', async t => {
  const console = await drive();
  await console.press('enter', 's', 'e', 'ctrl-s');
  t.regex(console.text(), /nothing is picked/);
  await console.press(...'7, 8', 'tab', 'tab', ...'a/b.jpg', 'enter');
  t.is(console.screen().kind, 'preview');
  t.like(
    console.commands.findLast(command => command.type === 'preview'),
    {select: ['content:7', 'content:8', 'file:a/b.jpg']},
  );
  t.regex(console.text(), /3 selected/);
});

test('old versions are restored after a question, and what replaced nothing is not', async t => {
  const console = await drive();
  await console.press('enter', 'H', ' ', 'down', ' ', 'r');
  t.regex(console.text(), /Restore 2 old versions at production/);
  await console.press('enter');
  t.deepEqual(console.world.calls, ['restore [{"id":"f9"},{"id":"f8"}]']);
  t.is(console.screen().kind, 'run');
  await console.press('escape', 'G', 'r');
  t.regex(console.text(), /it replaced nothing/);
});

test('a run is undone only when the name of its relationship was typed', async t => {
  const console = await drive();
  await console.press('R', 'enter', 'u');
  t.regex(console.text(), /Undo run 2026.*gets back what the run changed/s);
  await console.press('enter');
  t.deepEqual(console.world.calls, []);
  await console.press(...'staging-production', 'enter');
  t.regex(console.world.calls[0] ?? '', /^undo 2026/);
  t.is(console.screen().kind, 'run');
});

test('a live sync is described, run after a question, and deleted only by its name', async t => {
  const console = await drive();
  await console.press('V', 'n', ...'web', 'ctrl-s');
  t.regex(console.text(), /mark at least one site/);
  await console.press('right', ' ', 'tab', ...'desktop, multimedia', 'ctrl-s');
  t.regex(console.world.calls[0] ?? '', /^create live .*"tenants":\["desktop","multimedia"\]/);
  t.is(console.screen().kind, 'lives');
  await console.press('g', 'r');
  t.regex(console.text(), /desktop, then multimedia/);
  await console.press('enter');
  t.is(console.world.calls[1], 'run live publish');
  t.is(console.screen().kind, 'run');
  await console.press('escape', 'D', ...'publish', 'enter');
  t.is(console.world.calls[2], 'delete live publish');
});

test('a live sync gets a schedule, of which a nonsensical one is refused while it is typed, and loses it again', async t => {
  const edit = async (schedule: string) => {
    const console = await drive();
    await console.press('V', 'e', ...Array<string>(9).fill('tab'), 'ctrl-u');
    await console.type(schedule);
    return console;
  };
  const wrong = await edit('sometimes');
  t.regex(wrong.text(), /Schedule +sometimes[\s\S]*fail/);
  const daily = await edit('daily 2026-12-01T02:00 Europe/Berlin');
  await daily.press('tab', 'right', 'ctrl-s');
  t.regex(daily.world.calls[0] ?? '', /"schedule":"daily 2026-12-01T02:00 Europe\/Berlin".*"missed":"run"/);
  const none = await edit('none');
  await none.press('ctrl-s');
  t.regex(none.world.calls[0] ?? '', /^edit live publish/);
  t.notRegex(none.world.calls[0] ?? '', /schedule|missed/);
});

test('collisions are reviewed as they are marked, with mail after a question', async t => {
  const console = await drive();
  await console.press('c', ' ', 'down', ' ', 'm');
  t.regex(console.text(), /Mail 2 users/);
  await console.press('enter');
  t.deepEqual(console.world.calls, ['review c0 c1 by mail']);
  t.regex(console.text(), /2 collisions reviewed/);
  t.regex(console.text(), /Nothing to review/);
  await console.press('v');
  t.regex(console.text(), /nothing of it is left to review/);
  await console.press('A');
  t.regex(console.text(), /Marketing11330/);
});

test('a cluster is made of marked sites, related, and deleted only by its name', async t => {
  const console = await drive();
  await console.press('C', 'n', ...'shop', 'tab', ' ', 'right', ' ', 'ctrl-s');
  t.regex(console.world.calls[0] ?? '', /^create cluster {"name":"shop","members":\[{[^}]*},{[^}]*}\]/);
  t.is(console.screen().kind, 'clusters');
  await console.press('g', 'w', 'ctrl-s');
  t.regex(console.world.calls[1] ?? '', /^relationship .*"remote":"web"/);
  t.is(console.screen().kind, 'relationship');
  await console.press('escape', 'C', 'D', ...'web', 'enter');
  t.is(console.world.calls[2], 'delete cluster web');
});

test('a fault keeps the data that is there and calls it stale', async t => {
  const console = await drive();
  await console.send({
    type: 'load-failed',
    what: 'relationships',
    fault: {code: 'INVALID_STATE', message: 'The state file cannot be read.'},
  });
  t.regex(console.text(), /stale/);
  t.regex(console.text(), /cannot be read/);
  t.regex(console.text(), /staging-production/);
});

test('an engine that cannot be opened is shown as the reason, and asked again later', async t => {
  const console = await drive({
    loadEngine: async () => {
      throw new OperatorError('STATE_TOO_NEW', 'The state is of a newer Lockstep.', {
        hint: 'Update this one.',
      });
    },
  });
  t.regex(console.text(), /newer Lockstep/);
  t.regex(console.text(), /Update this one/);
});

test('a wrong command stays to be corrected', async t => {
  const console = await drive();
  await console.press(':');
  await console.type('relaese');
  await console.press('enter');
  t.regex(console.text(), /There is no command "relaese"/);
  await console.press('backspace', 'backspace', 'backspace', 'backspace', 'e', 'a', 's', 'e', 's', 'enter');
  t.is(console.screen().kind, 'releases');
  t.notRegex(console.text(), /There is no command/);
});

test('a message that has no room says where it is read in full', async t => {
  const console = await drive();
  const message = `It failed. ${'All of the reason. '.repeat(8)}At the end the remedy.`;
  await console.send({type: 'failed', doing: 'run', fault: {code: 'INTERNAL', message}});
  t.regex(console.text(), /fail run: It failed\..*~ +M shows all/);
  await console.press('M');
  t.regex(console.text(), /At the end the remedy/);
  await console.send({type: 'changed', text: 'Done.', reload: []});
  t.notRegex(console.text(), /M shows all/);
});

test('a log shows the item under the cursor in full, and Enter leads to what there is about it', async t => {
  const world = fakeWorld();
  const long = `${'deep/'.repeat(30)}page.html`;
  world.items = [
    {side: 'remote', action: 'create', item: {type: 'file', path: long}, outcome: 'applied'},
    {...world.items.find(({outcome}) => outcome === 'skipped')!},
  ];
  const console = await drive({world, columns: 120});
  await console.press('R', 'enter');
  t.regex(console.text(), /\n deep[^\n]*\n [^\n]*page\.html +create at remote/);
  await console.press('enter');
  t.is(console.screen().kind, 'history');
  await console.press('escape', 'down', 'enter');
  t.is(console.screen().kind, 'skipped');
});

test('the log of a run is read whole, from its first line to its last, whatever its lines take', async t => {
  const world = Object.assign(fakeWorld(), {endless: true, events: []});
  world.runs = world.runs.map(run => ({...run, status: 'running' as const}));
  const at = '2026-11-21T14:00:00Z';
  const said = Array.from({length: 40}, (_, index) => `line ${index} ${'and more '.repeat(12)}end ${index}.`);
  const events = said.map(text => ({type: 'run.message', at, level: 'info', text}) as const);
  const console = await drive({world});
  await console.press('R', 'enter');
  await console.send({type: 'answer', screen: console.screen().id, answer: {kind: 'run-events', events}});
  t.regex(console.text(), /line 39 [\s\S]*end 39\./);
  await console.press('g');
  t.regex(console.text(), /line 0 [\s\S]*end 0\.[\s\S]*line 1 /);
  const seen = new Set<number>();
  for (let key = 0; key < 60; key++) {
    for (const [, line] of console.text().matchAll(/end (\d+)\./g)) seen.add(Number(line));
    await console.press('down');
  }
  t.is(seen.size, said.length);
});

test('an answer to a screen that was closed changes nothing', async t => {
  const console = await drive();
  const before = console.model();
  await console.send({type: 'answer', screen: 99, answer: {kind: 'preview-progress', text: 'late'}});
  t.is(console.model().stack, before.stack);
});

test('the help lists every key of the screen with the reason for those that are disabled', async t => {
  const console = await drive({world: Object.assign(fakeWorld(), {profiles: []}), rows: 60});
  await console.press('enter', '?');
  t.regex(console.text(), /Preview|preview/);
  t.regex(console.text(), /not now: there is no profile yet/);
  t.regex(console.text(), /Go anywhere by name/);
});

test('in a plan of 10,000 actions a key draws only what is in sight', async t => {
  const console = await drive({world: Object.assign(fakeWorld(), {plan: fakePlan(10_000)})});
  await console.press('enter', 'p');
  const started = performance.now();
  await console.press('G', 'page-up', 'down');
  const text = console.text();
  t.log(`three keys and a frame: ${(performance.now() - started).toFixed(0)} ms`);
  t.regex(text, /file-0999\d/);
  t.is(text.split('\n').length, 24);
  t.true((text.match(/file-\d{5}/g) ?? []).length <= 24);
});

test('a paste outside of fields is not taken for keys', async t => {
  const console = await drive();
  await console.press('R');
  await console.send({type: 'paste', text: 'q'});
  t.false(console.model().leaving);
});

test('a plan that a guard would stop runs only when the name was typed, and then overrules the guard', async t => {
  const home = await mkdtemp(join(tmpdir(), 'lockstep-console-'));
  t.teardown(() => rm(home, {recursive: true, force: true}));
  const world = Object.assign(fakeWorld(), {
    refusal: {code: 'MASS_DELETION', message: '80 % of production would be deleted.'},
  });
  const console = await drive({world, home});
  await console.press('enter', 'p', 'r', 'enter');
  t.deepEqual(console.world.calls, []);
  await console.type('staging-production');
  await console.press('enter');
  t.like(
    console.commands.find(command => command.type === 'run-plan'),
    {maxDelete: 100},
  );
});

test('a refused initial sync says why, and can only be looked at with force first', async t => {
  const world = Object.assign(fakeWorld(), {
    refusal: {code: 'INITIAL_SYNC_REFUSED', message: 'The destination had its initial sync.'},
  });
  const console = await drive({world});
  await console.press('enter', 'i', 'r');
  t.is(console.model().overlay, undefined);
  t.regex(console.model().message?.text ?? '', /would be refused.*F looks/);
  await console.press('F');
  t.like(
    console.commands.findLast(command => command.type === 'preview'),
    {initial: true, force: true},
  );
});
