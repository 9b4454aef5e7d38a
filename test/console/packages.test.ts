import test from 'ava';
import {drive} from './helpers/drive.js';
import {fakeNow, fakeWorld} from './helpers/fake-engine.js';

/** The packages of staging/main. */
const opened = ['P', 'enter'];

test('a package is made in two steps, and files are added several at a time', async t => {
  const console = await drive();
  await console.press(...opened, 'n', ...'kit', 'down', ...'Press', 'down', 'down', ...'30d', 'ctrl-s');
  t.is(
    console.world.calls[0],
    'create package kit {"title":"Press","managers":[],"downloaders":[],"links":false,"lifetimeMs":2592000000}',
  );
  t.is(console.screen().kind, 'package-assign');
  t.regex(console.text(), /no archive before files are added/);
  await console.press(' ', 'down', ' ');
  t.regex(console.text(), /2 marked, 2.9 MiB/);
  await console.press('enter');
  t.is(console.world.calls[1], 'assign kit +logo.svg,facts.pdf -');
  t.is(console.screen().kind, 'packages');
  t.regex(console.text(), /kit +\| ok ready +\| +2 /);
  await console.press('G', 'a');
  t.regex(console.text(), /No registered file is left to add/);
});

test('what cannot be saved is said under the field', async t => {
  const console = await drive();
  await console.press(...opened, 'n', ...'press-kit', 'down', 'down', ...'2020-01-01', 'down', ...'soon');
  t.regex(console.text(), /there is already a package press-kit/);
  t.regex(console.text(), /that is over already/);
  t.regex(console.text(), /a duration of 1s or more/);
  await console.press('ctrl-s');
  t.deepEqual(console.world.calls, []);
});

test('attributes are edited, and what was cleared is taken away', async t => {
  const console = await drive();
  await console.press(
    ...opened,
    'e',
    'down',
    ...'2027-01-31',
    'down',
    'ctrl-u',
    'down',
    ...'bob, eve',
    'ctrl-s',
  );
  t.is(
    console.world.calls[0],
    'edit package press-kit {"title":"Press kit","managers":["bob","eve"],"downloaders":[],"links":true,' +
      '"expiresAt":"2027-01-31T00:00:00.000Z","lifetimeMs":null}',
  );
  t.is(console.screen().kind, 'packages');
});

test('marked files leave a package after a question that names them', async t => {
  const console = await drive();
  await console.press(...opened, 'enter', ' ', 'down', ' ', 'x');
  t.regex(console.text(), /Remove 2 files from press-kit\?[\s\S]*facts\.pdf +leaves the package/);
  t.deepEqual(console.world.calls, []);
  await console.press('enter');
  t.deepEqual(console.world.calls, ['assign press-kit + -logo.svg,facts.pdf']);
  t.regex(console.text(), /No files yet/);
});

test('a file that is no longer registered is shown as leaving with the next rewriting', async t => {
  const world = fakeWorld();
  world.files = world.files.filter(file => file.name !== 'facts.pdf');
  const console = await drive({world});
  await console.press(...opened, 'enter');
  t.regex(console.text(), /facts\.pdf.*goes when the archive is written/);
  await console.press('x');
  t.regex(console.text(), /facts\.pdf +leaves too/);
});

const refusals: readonly (readonly [keys: string, reason: RegExp])[] = [
  ['down f', /damaged; b writes it anew/],
  ['down K', /allows no links; e changes that/],
];
for (const [keys, reason] of refusals)
  test(`an action that a row does not have says why: ${keys}`, async t => {
    const console = await drive();
    await console.press(...opened, ...keys.split(' '));
    t.regex(console.model().message?.text ?? '', reason);
  });

test('a damaged archive is rebuilt, a package deleted only by its name', async t => {
  const console = await drive({columns: 120, rows: 40});
  await console.press(...opened);
  t.regex(console.text(), /broken.*fail damaged.*a add {2}e edit {2}b rebuild {2}D delete/);
  await console.press('down', 'b', 'enter');
  t.deepEqual(console.world.calls, ['rebuild broken']);
  t.regex(console.text(), /broken.*ok ready/);
  await console.press('D', 'enter');
  t.is(console.world.calls.length, 1);
  await console.press(...'broken', 'enter');
  t.deepEqual(console.world.calls.slice(1), ['delete package broken']);
  t.notRegex(console.text(), /broken +\|/);
});

test('a link is shown whole, and an archive is fetched to where it was said', async t => {
  const console = await drive();
  await console.press(...opened, 'K', 'ctrl-u', ...'2h', 'enter');
  t.deepEqual(console.world.calls, ['link press-kit 7200000']);
  t.regex(console.text().replaceAll('\n', ''), /https:\/\/web\.example\.com[^ ]*signature=(Ab9_){22}/);
  await console.press('escape', 'f', 'ctrl-u', ...'/tmp/kit.zip', 'enter');
  t.is(console.world.calls[1], 'fetch press-kit /tmp/kit.zip');
  t.regex(console.model().message?.text ?? '', /\/tmp\/kit\.zip has 2\.4 MiB/);
});

test('files are imported and deleted; those that packages hold say so', async t => {
  const console = await drive();
  await console.press(...opened, 'F', 'i', ...'/srv/logo.svg', 'ctrl-s');
  t.regex(console.text(), /logo\.svg is registered already/);
  await console.press('escape', 'y', 'i', ...'/srv/new.bin', 'ctrl-s');
  t.deepEqual(console.world.calls, ['import /srv/new.bin']);
  t.is(console.screen().kind, 'download-files');
  await console.press('D');
  t.regex(console.text(), /press-kit +keeps it until its archive is written anew/);
  await console.press(...'logo.svg', 'enter');
  t.deepEqual(console.world.calls.slice(1), ['delete file logo.svg']);
});

test('what had expired and was deleted by the opening is said and stays to be read', async t => {
  const world = fakeWorld();
  const console = await drive({world});
  await console.press(...opened);
  world.expired = ['press-kit'];
  await console.send({type: 'tick', now: fakeNow + 60_000});
  t.regex(
    console.model().message?.text ?? '',
    /press-kit had expired and is deleted; the registered files stay/,
  );
  await console.send({type: 'tick', now: fakeNow + 120_000});
  t.is(console.model().message, undefined);
  t.regex(console.text(), /warn press-kit had expired and was deleted today/);
  await console.press('enter', 'escape', 'escape', 'enter');
  t.regex(console.text(), /press-kit had expired/);
});

test('what the agent deleted by itself as it expired is said too, and what somebody deleted is not', async t => {
  const world = fakeWorld();
  const [kit, ...others] = world.packages;
  world.packages = [{...kit!, expires: '2026-11-21T14:02:10Z'}, ...others];
  const console = await drive({world});
  await console.press(...opened);
  world.packages = [];
  await console.send({type: 'tick', now: fakeNow + 60_000});
  t.regex(console.text(), /warn press-kit had expired and was deleted today/);
  t.notRegex(console.text(), /broken had expired/);
});

test('a package that is gone while its screen is open says so', async t => {
  const world = fakeWorld();
  const console = await drive({world});
  await console.press(...opened, 'enter');
  world.expired = ['press-kit'];
  await console.send({type: 'tick', now: fakeNow + 60_000});
  t.regex(console.text(), /no package press-kit any more/);
  await console.press('x', 'D');
  t.deepEqual(world.calls, []);
});
