import {createHash} from 'node:crypto';
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {request} from 'node:https';
import path from 'node:path';
import AdmZip from 'adm-zip';
import test from 'ava';
import type {PackageEntry} from '../../source/engine/packages.js';
import {createWorld, eventually} from '../helpers/lockstep.js';

type Answer = {status: number; headers: Record<string, unknown>; body: Buffer};

/** As a browser or download manager would: no certificate of its own. */
function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(url, {headers, rejectUnauthorized: false, agent: false}, response => {
      const chunks: Buffer[] = [];
      response.on('data', chunk => chunks.push(chunk as Buffer));
      response.on('end', () =>
        resolve({status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks)}),
      );
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

test.serial('P1–P8: a package from its definition to its expiry', async t => {
  const world = createWorld(t);
  const server = await world.server('web', {
    agentJson: {downloads: {maxFileBytes: 400_000, maxPackageBytes: 500_000, maxFiles: 5}},
  });
  const at = server.siteAddress;
  const local = (name: string, content: string | Buffer) => {
    const file = path.join(world.folder, name);
    writeFileSync(file, content);
    return file;
  };
  const list = async () =>
    (await world.must('package', 'list', at, '--json')).json<{packages: PackageEntry[]; expired: string[]}>();
  const show = async (name: string) =>
    (await world.must('package', 'show', at, name, '--json')).json<PackageEntry>();
  const namesIn = (zip: string | Buffer) =>
    new AdmZip(zip)
      .getEntries()
      .map(entry => entry.entryName)
      .sort();
  const fetched = async (name: string, to: string) => {
    const out = path.join(world.folder, to);
    await world.must('package', 'fetch', at, name, '--out', out);
    return out;
  };

  // P2: defined first, empty; P4: only registered files can be assigned.
  await world.must('package', 'create', at, 'kit', '--title', 'Press kit');
  t.like((await list()).packages[0], {name: 'kit', state: 'empty', files: []});
  const unregistered = await world.lockstep('package', 'add', at, 'kit', 'a.txt', '--json');
  t.is(unregistered.exitCode, 64);
  t.regex(unregistered.error().hint ?? '', /file import/);
  const noise = Buffer.from(Array.from({length: 300_000}, (_, index) => (index * 7919) % 251));
  await world.must(
    'file',
    'import',
    at,
    local('a.txt', 'one'),
    local('b.bin', noise),
    local('ä c.txt', 'three'),
  );
  t.is((await world.lockstep('file', 'import', at, local('a.txt', 'other'))).exitCode, 64);
  await world.must('package', 'add', at, 'kit', 'a.txt', 'b.bin');
  const first = await show('kit');
  t.like(first, {state: 'ready', files: ['a.txt', 'b.bin']});
  t.is(first.archive?.entries[0]?.sha256, createHash('sha256').update('one').digest('hex'));
  t.deepEqual(namesIn(await fetched('kit', 'first.zip')), ['a.txt', 'b.bin']);

  // P5: a deleted file stays in the archive until it is written anew.
  await world.must('file', 'delete', at, 'a.txt', '--yes');
  t.is((await show('kit')).archive?.sha256, first.archive?.sha256);
  await world.must('package', 'add', at, 'kit', 'ä c.txt');
  const second = await fetched('kit', 'second.zip');
  t.deepEqual(namesIn(second), ['b.bin', 'ä c.txt']);
  t.true(new AdmZip(second).readFile('b.bin')?.equals(noise) === true);

  // Two writers at once lose nothing.
  await world.must('file', 'import', at, local('d.txt', 'd'), local('e.txt', 'e'));
  await Promise.all(['d.txt', 'e.txt'].map(name => world.must('package', 'add', at, 'kit', name)));
  t.deepEqual([...(await show('kit')).files].sort(), ['b.bin', 'd.txt', 'e.txt', 'ä c.txt']);
  await world.must('package', 'remove', at, 'kit', 'd.txt');
  t.false(namesIn(await fetched('kit', 'third.zip')).includes('d.txt'));

  // Limits of agent.json on a file, a package, and the folder; what is refused leaves nothing.
  const refusal = async (...argv: string[]) => {
    const outcome = await world.lockstep(...argv, '--json');
    t.is(outcome.exitCode, 1, String(outcome));
    return outcome.error();
  };
  t.like(await refusal('file', 'import', at, local('huge', Buffer.alloc(400_001))), {code: 'LIMIT_EXCEEDED'});
  await world.must('file', 'import', at, local('f.bin', Buffer.alloc(300_000)));
  const tooLarge = await refusal('package', 'add', at, 'kit', 'f.bin');
  t.is(tooLarge.code, 'LIMIT_EXCEEDED');
  t.regex(tooLarge.message, /at most 5 files of 500000 bytes/);
  t.like(await show('kit'), {state: 'ready'});
  t.false((await show('kit')).files.includes('f.bin'));
  t.like(await refusal('file', 'import', at, local('g.txt', 'g')), {code: 'LIMIT_EXCEEDED'});
  await world.must('file', 'delete', at, 'f.bin', '--yes');
  t.deepEqual(readdirSync(path.join(server.data, 'sites/main/downloads')).sort(), [
    'files',
    'packages',
    'registry.json',
  ]);

  // P8: links only where the package allows them; ranges; a forged or expired one is nobody.
  t.is((await world.lockstep('package', 'link', at, 'kit')).exitCode, 7);
  await world.must('package', 'edit', at, 'kit', '--links', 'yes');
  const {url} = (await world.must('package', 'link', at, 'kit', '--ttl', '1h', '--json')).json<{
    url: string;
  }>();
  const whole = await get(url);
  const {archive} = await show('kit');
  t.is(whole.status, 200);
  t.is(createHash('sha256').update(whole.body).digest('hex'), archive!.sha256);
  t.is(whole.headers['content-type'], 'application/zip');
  const part = await get(url, {range: 'bytes=10-19'});
  t.is(part.status, 206);
  t.true(part.body.equals(whole.body.subarray(10, 20)));
  t.is((await get(url, {range: `bytes=${archive?.sizeBytes}-`})).status, 416);
  for (const forged of [
    url.replace(/(?<=signature=)./, letter => (letter === 'A' ? 'B' : 'A')),
    url.slice(0, url.indexOf('?')),
  ])
    t.is((await get(forged)).status, 401, forged);
  const short = (await world.must('package', 'link', at, 'kit', '--ttl', '1s', '--json')).json<{
    url: string;
  }>();
  await eventually('the link has expired', async () => (await get(short.url)).status === 401);
  await world.must('package', 'edit', at, 'kit', '--links', 'no');
  t.is((await get(url)).status, 401);

  // P6: who may download; an administrator always may.
  const nobodyElse = ['package', 'edit', at, 'kit', '--downloaders', 'somebody', '--managers', 'somebody'];
  await world.must(...nobodyElse);
  await world.must('package', 'show', at, 'kit');
  const other = {LOCKSTEP_HOME: path.join(world.folder, 'other')};
  await world.lockstepWith(
    other,
    'server',
    'add',
    await world.invitation(server, 'operate'),
    '--name',
    'web',
  );
  for (const refused of [
    ['package', 'fetch', at, 'kit', '--out', path.join(world.folder, 'never.zip')],
    ['package', 'edit', at, 'kit', '--title', 'mine'],
    ['package', 'delete', at, 'kit', '--yes'],
  ])
    t.is((await world.lockstepWith(other, ...refused)).exitCode, 7, refused.join(' '));
  t.false(existsSync(path.join(world.folder, 'never.zip')));

  // A damaged archive is noticed, named and written anew.
  const archives = path.join(server.data, 'sites/main/downloads/packages');
  const file = path.join(archives, 'kit.zip');
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 0xff;
  writeFileSync(file, bytes);
  t.is((await list()).packages[0]?.state, 'damaged');
  const damaged = await world.lockstep(
    'package',
    'fetch',
    at,
    'kit',
    '--out',
    path.join(world.folder, 'damaged.zip'),
    '--json',
  );
  t.is(damaged.error().code, 'CONTENT_MISMATCH');
  await world.must('package', 'rebuild', at, 'kit');
  t.is((await show('kit')).state, 'ready');
  t.deepEqual(namesIn(await fetched('kit', 'fourth.zip')), ['b.bin', 'e.txt', 'ä c.txt']);

  // P7: what has expired goes by itself, though nobody opens the package manager; the originals stay.
  await world.must('package', 'create', at, 'short', '--lifetime', '1h');
  await world.must('package', 'add', at, 'short', 'b.bin');
  t.deepEqual(readdirSync(archives).sort(), ['kit.zip', 'short.zip']);
  const registry = path.join(server.data, 'sites/main/downloads/registry.json');
  const expireIn = async (ms: number) => {
    const moment = new Date(Date.now() + ms).toISOString().replace(/\.\d+/, '');
    const edited = await world.lockstep('package', 'edit', at, 'short', '--expires', moment, '--json');
    return edited.exitCode === 0 ? 'edited' : edited.error().message;
  };
  t.regex(await expireIn(-60_000), /would have expired on .* and be deleted at once/);
  t.true(readdirSync(archives).includes('short.zip'));
  // On a slow machine the moment is over before the agent hears of it.
  let answer = '';
  for (let ms = 3_000; ms < 200_000 && answer !== 'edited'; ms *= 2) answer = await expireIn(ms);
  t.is(answer, 'edited');
  await eventually(
    'the agent deletes the package',
    () => !readFileSync(registry, 'utf8').includes('"short"'),
  );
  t.false(readdirSync(archives).includes('short.zip'));
  // So does what expires while the agent is down; and what the opening itself finds is said.
  await world.must('package', 'create', at, 'later', '--lifetime', '1h');
  await server.stop();
  const expireAll = () =>
    writeFileSync(
      registry,
      readFileSync(registry, 'utf8').replace('"lifetimeMs": 3600000', '"lifetimeMs": 1'),
    );
  expireAll();
  await server.start();
  await eventually('it is deleted at the start', () => !readFileSync(registry, 'utf8').includes('"later"'));
  await world.must('package', 'create', at, 'opened', '--lifetime', '1h');
  // The agent itself looks when a package was made; by this answer it has.
  await list();
  expireAll();
  t.deepEqual((await list()).expired, ['opened']);
  t.deepEqual(readdirSync(archives), ['kit.zip']);
  const registered = (await world.must('file', 'list', at, '--json')).json<{files: {name: string}[]}>();
  t.deepEqual(registered.files.map(({name}) => name).sort(), ['b.bin', 'd.txt', 'e.txt', 'ä c.txt']);
  const tooLate = await world.lockstep('package', 'create', at, 'past', '--expires', '2020-01-01', '--json');
  t.is(tooLate.exitCode, 64);

  for (const name of ['../x', 'a/b', '', '.hidden', 'x'.repeat(201)]) {
    const refused = await world.lockstep('package', 'create', at, name, '--json');
    t.is(refused.exitCode, 64, name);
  }
  t.deepEqual(readdirSync(archives), ['kit.zip']);
});
