import test from 'ava';
import {expiryIn, nameIn, originIn, releaseProblems} from '../../source/console/releases/release-rules.js';
import {drive} from './helpers/drive.js';
import {fakeNow} from './helpers/fake-engine.js';

test('releases say who signed them and until when they are taken; an expired one is not rolled out', async t => {
  const console = await drive({columns: 120, rows: 40});
  await console.press('L');
  t.regex(console.text(), /shop-7\.6\.7 +\| key E7620F1842B4E81F +\| 7\.0\.0 +\| +42 MiB/);
  t.regex(console.text(), /shop-7\.6\.6 +\| warn nobody +\| any .*fail today 00:00:00/);
  await console.press('down', 'u');
  t.regex(console.model().message?.text ?? '', /it is expired/);
});

test('a release shows its manifest and every file, and a rollout of it can be described', async t => {
  const console = await drive();
  await console.press('L', 'enter');
  t.regex(console.text(), /Signed by +key E7620F1842B4E81F/);
  t.regex(console.text(), /bin\/shop +\| +12 B \| 755/);
  await console.press('u');
  t.is(console.screen().kind, 'rollout-form');
  t.regex(console.text(), /\(\*\) shop-7\.6\.7/);
});

test('a release is added as it was understood, with a key whose password is not to be read', async t => {
  const console = await drive({columns: 120, rows: 40});
  await console.press('L', 'n', ...'/srv/shop-7.6.8.zip', 'tab', ...'7.6.8');
  t.regex(console.text(), /release: shop-7\.6\.8/);
  t.regex(console.text(), /of this machine; the console sends it/);
  t.notRegex(console.text(), /Servers get it/);
  await console.press('tab', 'tab', 'tab', ...'90d', 'tab', 'right', 'tab', 'right', 'tab');
  await console.press(...'/keys/a', 'tab', ...'secret');
  t.regex(console.text(), /Its password +\*{6}/);
  t.notRegex(console.text(), /secret\b/);
  await console.press('ctrl-s');
  t.deepEqual(JSON.parse(console.world.calls[0]!.slice('add release '.length)), {
    origin: {kind: 'path', path: '/srv/shop-7.6.8.zip'},
    name: 'shop',
    version: '7.6.8',
    expiresAt: '2027-02-19T14:02:11.000Z',
    strip: true,
    push: false,
    signing: {kind: 'secret-key', file: '/keys/a', password: 'secret'},
  });
  t.is(console.screen().kind, 'releases');
  t.regex(console.text(), /shop-7\.6\.8/);
});

test('a release is signed, a key is made, and a release deleted only by its name', async t => {
  const console = await drive();
  await console.press('L', 'down', 's', 'right', 'tab', ...'/tmp/shop.minisig', 'ctrl-s');
  t.is(console.world.calls[0], 'sign shop-7.6.6 {"kind":"signature","file":"/tmp/shop.minisig"}');
  await console.press('K', ...'/keys/new', 'enter');
  t.is(console.world.calls[1], 'create key /keys/new');
  t.regex(console.text(), /RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3/);
  await console.press('escape', 'g', 'D');
  t.regex(console.text(), /rollout december +cannot be started or gone on with/);
  await console.press('enter', ...'shop-7.6.7', 'enter');
  t.deepEqual(console.world.calls.slice(2), ['delete release shop-7.6.7']);
});

test('a signature is looked at with the key that somebody names; another one is refused with what to do', async t => {
  const console = await drive();
  await console.press('L', 'v', ...'RWQf/x', 'enter');
  t.is(console.world.calls[0], 'verify shop-7.6.7 RWQf/x');
  t.regex(
    console.text(),
    /ok +shop-7\.6\.7 is signed with the key E7620F1842B4E81F[\s\S]*comment: shop 7\.6\.7/,
  );
  await console.press('ctrl-u', ...'other', 'ctrl-s');
  t.regex(console.text(), /another key[\s\S]*SIGNATURE_REFUSED/);
  t.notRegex(console.text(), /is signed with the key/);
  await console.press('escape', 'down', 'v');
  t.regex(console.model().message?.text ?? '', /verify: it is not signed; s signs it/);
});

test('sources and names are read as the command line reads them', t => {
  t.deepEqual(originIn('https://a.example/x.zip'), {kind: 'http', url: 'https://a.example/x.zip'});
  t.deepEqual(originIn('ftps://a.example/x.zip'), {kind: 'ftp', url: 'ftps://a.example/x.zip'});
  t.deepEqual(originIn('package:web/main/kit'), {
    kind: 'package',
    address: {server: 'web', site: 'main'},
    name: 'kit',
  });
  t.deepEqual(originIn('./shop'), {kind: 'path', path: './shop'});
  t.is(originIn('package:web'), undefined);
  t.is(originIn('http://'), undefined);
  t.is(nameIn(originIn('/srv/shop-7.6.8.zip'), '7.6.8'), 'shop');
  t.is(nameIn(originIn('https://a.example/d/shop_v2.zip?x=/y'), '2'), 'shop');
  t.is(expiryIn('1d', fakeNow), '2026-11-22T14:02:11.000Z');
});

const wrong: readonly (readonly [field: string, input: object, reason: RegExp])[] = [
  ['source', {source: 'package:web'}, /package:SERVER\/SITE\/NAME/],
  ['version', {version: 'new'}, /numbers with dots/],
  ['version', {version: '7.6.7'}, /already a release shop-7\.6\.7/],
  ['name', {name: 'a/b'}, /letters, digits/],
  ['minimumVersion', {minimumVersion: 'x'}, /numbers with dots/],
  ['expires', {expires: 'soon'}, /a moment/],
  ['expires', {expires: '2020-01-01'}, /over already/],
  ['key', {signing: 'secret-key'}, /file of the key/],
  ['manifest', {signing: 'manifest'}, /manifest is needed/],
];
for (const [field, input, reason] of wrong)
  test(`a release with ${JSON.stringify(input)} is not added`, t => {
    const right = {
      source: '/srv/shop.zip',
      name: 'shop',
      version: '7.6.8',
      minimumVersion: '',
      expires: '',
      signing: 'none',
      key: '',
      manifest: '',
    };
    t.deepEqual(releaseProblems(right, ['shop-7.6.7'], fakeNow), {});
    const problems = releaseProblems({...right, ...input}, ['shop-7.6.7'], fakeNow);
    t.deepEqual(Object.keys(problems), [field]);
    t.regex(problems[field] ?? '', reason);
  });
