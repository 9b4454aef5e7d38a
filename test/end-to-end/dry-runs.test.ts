import {existsSync, mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {ErrorDocument} from '../../source/core/operator-error.js';
import {createWorld} from '../helpers/lockstep.js';

type Case = [arguments_: string[], expected: RegExp | {code: string; message: RegExp}];

test('X4, P2-P5: a dry run of packages, files, releases and rollouts says what would be done or refused, as JSON on stdout, and does nothing', async t => {
  const world = createWorld(t);
  await world.server('web1', {});
  const file = (name: string, text: string) => {
    const full = path.join(world.folder, name);
    writeFileSync(full, text);
    return full;
  };
  const [facts, logo] = [file('facts.pdf', 'facts'), file('logo.svg', 'logo')];
  const site = 'web1/main';
  await world.must('file', 'import', site, facts);
  await world.must('package', 'create', site, 'press');
  await world.must('package', 'add', site, 'press', 'facts.pdf');
  const folder = path.join(world.folder, 'shop-1.1');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'version.txt'), '1.1');
  await world.must('release', 'add', folder, '--name', 'shop', '--version', '1.1');
  const before = [
    (await world.must('package', 'show', site, 'press', '--json')).stdout,
    (await world.must('package', 'list', site, '--json')).stdout,
    (await world.must('file', 'list', site, '--json')).stdout,
    (await world.must('release', 'list', '--json')).stdout,
  ];
  const out = path.join(world.folder, 'out.zip');
  const missing = (message: RegExp) => ({code: 'NOT_FOUND', message});
  const cases: Case[] = [
    [['package', 'create', site, 'other'], /Would create package other/],
    [['package', 'create', site, 'press'], {code: 'ALREADY_EXISTS', message: /There is a package press/}],
    [['package', 'create', site, '../x'], {code: 'USAGE', message: /is no name for a package/}],
    [['package', 'add', site, 'press', 'facts.pdf'], /Would add facts\.pdf/],
    [['package', 'add', site, 'nope', 'facts.pdf'], missing(/no package nope/)],
    [['package', 'add', site, 'press', 'logo.svg'], missing(/logo\.svg is not registered/)],
    [['package', 'remove', site, 'press', 'facts.pdf'], /Would remove facts\.pdf/],
    [['package', 'remove', site, 'press', 'logo.svg'], missing(/logo\.svg is not in package press/)],
    [['package', 'edit', site, 'press', '--title', 'x'], /Would change package press/],
    [['package', 'edit', site, 'nope', '--title', 'x'], missing(/no package nope/)],
    [['package', 'rebuild', site, 'nope'], missing(/no package nope/)],
    [['package', 'link', site, 'press', '--ttl', '1h'], /Would make a link/],
    [['package', 'fetch', site, 'press', '--out', out], /Would download package press/],
    [['package', 'fetch', site, 'nope', '--out', out], missing(/no package nope/)],
    [['file', 'import', site, logo], /Would import/],
    [['file', 'import', site, facts], {code: 'ALREADY_EXISTS', message: /facts\.pdf is registered already/}],
    [['file', 'import', site, `${logo}.not`], {code: 'USAGE', message: /is not a file of this machine/}],
    [['file', 'delete', site, 'facts.pdf', 'logo.svg'], missing(/logo\.svg is not registered/)],
    [['release', 'add', folder, '--name', 'shop', '--version', '1.2'], /Would make the release shop-1\.2/],
    [
      ['release', 'add', folder, '--name', 'shop', '--version', '1.1'],
      {code: 'ALREADY_EXISTS', message: /already a release called shop-1\.1/},
    ],
    [
      ['release', 'add', folder, '--name', 'shop', '--version', 'new'],
      {code: 'USAGE', message: /is no version/},
    ],
    [
      ['release', 'add', `${folder}.not`, '--name', 'shop', '--version', '1.2'],
      {code: 'USAGE', message: /There is no file or folder/},
    ],
    [['release', 'delete', 'nope'], missing(/no release called nope/)],
    [['rollout', 'create', 'spring', '--release', 'shop-1.1', '--servers', 'web1'], /Would create spring/],
    [
      ['rollout', 'create', 'spring', '--release', 'shop-1.2', '--servers', 'web1'],
      missing(/no release called shop-1\.2/),
    ],
    [
      ['rollout', 'create', 'spring', '--release', 'shop-1.1', '--servers', 'web1', '--gate', '5'],
      {code: 'USAGE', message: /There is no wave 5/},
    ],
  ];
  for (const [arguments_, expected] of cases) {
    const outcome = await world.lockstep(...arguments_, '--dry-run', '--json');
    const named = `${arguments_.join(' ')}\n${outcome}`;
    if (expected instanceof RegExp) {
      t.is(outcome.exitCode, 0, named);
      const {dryRun, message} = outcome.json<{dryRun: boolean; message: string}>();
      t.true(dryRun, named);
      t.regex(message, expected);
    } else {
      t.is(outcome.exitCode, 64, named);
      t.is(outcome.stdout, '', named);
      const {error} = JSON.parse(outcome.stderr) as {error: ErrorDocument};
      t.is(error.code, expected.code, named);
      t.regex(error.message, expected.message);
    }
  }
  t.false(existsSync(out));
  t.deepEqual(
    [
      (await world.must('package', 'show', site, 'press', '--json')).stdout,
      (await world.must('package', 'list', site, '--json')).stdout,
      (await world.must('file', 'list', site, '--json')).stdout,
      (await world.must('release', 'list', '--json')).stdout,
    ],
    before,
  );
});

test('X4: values that make no sense are told as such, with their limits, and files by the names that operators gave', async t => {
  const world = createWorld(t);
  await world.server('web1', {});
  const site = 'web1/main';
  const facts = path.join(world.folder, 'facts.pdf');
  writeFileSync(facts, 'no archive');
  await world.must('file', 'import', site, facts);
  await world.must('package', 'create', site, 'press', '--links', 'yes');
  await world.must('package', 'add', site, 'press', 'facts.pdf');
  const created = await world.must('package', 'create', site, "the press's kit");
  t.regex(created.stdout, /package add web1\/main 'the press'\\''s kit' FILE/);
  const cases: [arguments_: string[], exitCode: number, message: RegExp][] = [
    [['package', 'link', site, 'press', '--ttl', '400d'], 64, /--ttl is at most 366d, not 400d/],
    [['package', 'edit', site, 'press', '--lifetime', '999999d'], 64, /--lifetime is at most 36600d/],
    [['server', 'invite', 'web1', '--ttl', '400d'], 64, /--ttl is at most 366d/],
    [
      ['package', 'fetch', site, 'press', '--out', path.join(world.folder, 'no', 'x.zip')],
      64,
      /cannot be written/,
    ],
    [['file', 'delete', site, 'facts.pdf', 'nope'], 64, /nope is not registered/],
    [
      ['release', 'add', facts, '--name', 'shop', '--version', '1.1'],
      1,
      /The archive \S*facts\.pdf is refused/,
    ],
    [
      ['release', 'add', 'http://127.0.0.1:1/shop.zip', '--name', 'shop', '--version', '1.1'],
      1,
      /127\.0\.0\.1:1\/shop\.zip cannot be reached/,
    ],
    [
      ['release', 'add', world.folder, '--name', 'shop', '--version', '1.1', '--min-version', '1.2'],
      64,
      /No server could be updated to 1\.1/,
    ],
  ];
  for (const [arguments_, exitCode, message] of cases) {
    const outcome = await world.lockstep(...arguments_);
    t.is(outcome.exitCode, exitCode, `${arguments_.join(' ')}\n${outcome}`);
    t.regex(outcome.stderr, message);
  }
  const {files} = (await world.must('file', 'list', site, '--json')).json<{files: unknown[]}>();
  t.is(files.length, 1, 'nothing is deleted where one name is wrong');
});
