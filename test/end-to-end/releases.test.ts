import {chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import AdmZip from 'adm-zip';
import test from 'ava';
import {openEngineContext} from '../../source/engine/engine-context.js';
import {openEngine} from '../../source/engine/open-engine.js';
import type {ReleaseEntry, ReleaseVerbs} from '../../source/engine/releases.js';
import {describeKeptRelease, putArchive, putManifest} from '../../source/protocol/release-endpoints.js';
import {createWorld} from '../helpers/lockstep.js';
import {updatableServer} from '../helpers/updatable-server.js';

type Shown = Awaited<ReturnType<ReleaseVerbs['show']>>;

test.serial('U2: a release is made, signed, believed by a server and brought to it, resumable', async t => {
  const world = createWorld(t);
  const inWorld = (...parts: string[]) => path.join(world.folder, ...parts);
  const app = inWorld('app');
  mkdirSync(path.join(app, 'bin'), {recursive: true});
  mkdirSync(path.join(app, 'empty'));
  writeFileSync(path.join(app, 'bin', 'start.sh'), '#!/bin/sh\n');
  chmodSync(path.join(app, 'bin', 'start.sh'), 0o755);
  const noise = Buffer.from(Array.from({length: 700_000}, (_, index) => (index * 7919) % 251));
  writeFileSync(path.join(app, 'größe.bin'), noise);

  const key = (await world.must('release', 'key', 'create', inWorld('ops'), '--json')).json<{
    publicKey: string;
  }>();
  t.is(statSync(inWorld('ops')).mode & 0o777, 0o600);
  t.is((await world.lockstep('release', 'key', 'create', inWorld('ops'))).exitCode, 64);
  const server = await world.server('web', {agentJson: {update: {keys: [key.publicKey]}}});
  const to = {server: 'web', site: 'main'};

  const added = (
    await world.must(
      'release',
      'add',
      app,
      '--version',
      '2.0.0',
      '--min-version',
      '1.5',
      '--expires',
      '90d',
      '--json',
    )
  ).json<ReleaseEntry>();
  t.like(added, {id: 'app-2.0.0', fileCount: 2, minimumVersion: '1.5', sourceKind: 'pushed', expired: false});
  t.is(added.signedBy, undefined);
  const shown = (await world.must('release', 'show', 'app-2.0.0', '--json')).json<Shown>();
  t.deepEqual(
    shown.files.map(file => [file.path, file.mode, file.sizeBytes]),
    [
      ['bin/start.sh', 0o755, 10],
      ['größe.bin', 0o644, 700_000],
    ],
  );
  t.deepEqual(shown.folders, ['empty']);
  // The same folder packs to the same bytes.
  const again = (
    await world.must('release', 'add', app, '--version', '2.0.1', '--json')
  ).json<ReleaseEntry>();
  t.is(again.archive.sha256, added.archive.sha256);
  const listed = (await world.must('release', 'list', '--json')).json<{releases: ReleaseEntry[]}>();
  t.deepEqual(
    listed.releases.map(({id}) => id),
    ['app-2.0.1', 'app-2.0.0'],
  );

  const engine = await openEngine(world.home);
  // No server takes what nobody signed.
  const unsigned = await t.throwsAsync(engine.releases.bring('app-2.0.0', to));
  t.is((unsigned as {code?: string}).code, 'SIGNATURE_REFUSED');
  const signed = (
    await world.must('release', 'sign', 'app-2.0.0', '--secret-key', inWorld('ops'), '--json')
  ).json<ReleaseEntry>();
  t.is(signed.digest, added.digest);
  await world.must('release', 'verify', 'app-2.0.0', '--public-key', inWorld('ops.pub'));

  // A connection that broke in the middle leaves what it brought, and the rest is all that is sent then.
  const context = await openEngineContext(world.home);
  const client = await context.connect(server.address);
  const params = {site: 'main', release: added.digest};
  const signature = readFileSync(`${signed.manifestPath}.minisig`).toString('base64url');
  await client.call(putManifest, {
    params,
    query: {signature},
    body: bytes(readFileSync(signed.manifestPath)),
  });
  const archive = readFileSync(path.join(path.dirname(signed.manifestPath), 'archive.zip'));
  const broken = async function* () {
    yield archive.subarray(0, 300);
    throw new Error('cut');
  };
  await t.throwsAsync(client.call(putArchive, {params, query: {from: '0'}, body: broken()}), {
    message: 'cut',
  });
  const begun = (await client.call(describeKeptRelease, {params})).archiveBytes;
  t.true(begun <= 300);
  const wrong = client.call(putArchive, {params, query: {from: '77777'}, body: bytes(archive)});
  t.is(((await t.throwsAsync(wrong)) as {code?: string}).code, 'BAD_REQUEST');
  const offered = await engine.releases.bring('app-2.0.0', to);
  t.is(offered.manifest, readFileSync(signed.manifestPath, 'utf8'));
  t.deepEqual(await client.call(describeKeptRelease, {params}), {known: true, archiveBytes: archive.length});
  // The second time there is nothing to send.
  const stages: string[] = [];
  await engine.releases.bring('app-2.0.0', to, {onProgress: stage => stages.push(stage)});
  t.deepEqual(stages, []);

  // What was changed at the console is noticed there, and by the server.
  writeFileSync(path.join(path.dirname(signed.manifestPath), 'archive.zip'), 'changed');
  const damaged = await world.lockstep('release', 'show', 'app-2.0.0', '--json');
  t.is(damaged.exitCode, 1);
  t.regex(damaged.json<Shown>().problem ?? '', /was changed/);
  const forged = readFileSync(signed.manifestPath, 'utf8').replace('"1.5"', '"1.0"');
  writeFileSync(signed.manifestPath, forged);
  t.is(
    ((await t.throwsAsync(engine.releases.bring('app-2.0.0', to))) as {code?: string}).code,
    'SIGNATURE_REFUSED',
  );
  t.is((await world.lockstep('release', 'verify', 'app-2.0.0', '--public-key', key.publicKey)).exitCode, 7);
  client.close();

  // Archives that no server would unpack are not even made known.
  const zip = new AdmZip();
  zip.addFile('app/a.txt', Buffer.from('a'));
  zip.writeZip(inWorld('plain-3.0.zip'));
  const plain = await world.must('release', 'add', inWorld('plain-3.0.zip'), '--version', '3.0');
  t.regex(plain.stderr, /folder app.*--strip/s);
  await world.must('release', 'delete', 'plain-3.0', '--yes');
  const stripped = (
    await world.must('release', 'add', inWorld('plain-3.0.zip'), '--version', '3.0', '--strip', '--json')
  ).json<ReleaseEntry>();
  t.like(stripped, {id: 'plain-3.0', strip: 'app', fileCount: 1});
  zip.addFile('app/su', Buffer.from('a'), '', 0o4755);
  zip.writeZip(inWorld('evil.zip'));
  const evil = await world.lockstep('release', 'add', inWorld('evil.zip'), '--version', '1.0', '--json');
  t.is(evil.exitCode, 1);
  t.is(evil.error().code, 'ARCHIVE_REFUSED');
  t.false(existsSync(path.join(world.home, 'releases', 'evil-1.0')));
  for (const argv of [
    ['add', inWorld('plain-3.0.zip'), '--version', '3.0'],
    ['add', inWorld('plain-3.0.zip'), '--version', 'three'],
    ['add', inWorld('nothing.zip'), '--version', '3.1'],
    ['add', app, '--version', '3.1', '--expires', '2020-01-01'],
    ['show', 'nothing-1.0'],
    ['show', '../../etc'],
  ])
    t.is((await world.lockstep('release', ...argv)).exitCode, 64, argv.join(' '));
});

test.serial('U2, P8: a package that one server serves is what another one is updated to', async t => {
  const world = createWorld(t);
  const hub = await world.server('hub');
  const {service} = await updatableServer(world, 'web', '1.0');
  const file = path.join(world.folder, 'version.txt');
  writeFileSync(file, '1.1');
  await world.must('file', 'import', hub.siteAddress, file);
  await world.must('package', 'create', hub.siteAddress, 'shop', '--downloaders', 'web');
  await world.must('package', 'add', hub.siteAddress, 'shop', 'version.txt');
  const added = await world.must('release', 'add', 'package:hub/main/shop', '--version', '1.1', '--json');
  t.like(added.json<ReleaseEntry>(), {
    id: 'shop-1.1',
    sourceKind: 'package',
    source: 'package shop of hub/main',
  });
  await world.must('rollout', 'create', 'all', '--release', 'shop-1.1', '--servers', 'web/main');
  // The console introduces the two; the archive goes from agent to agent.
  const done = await world.must('rollout', 'start', 'all', '--json');
  t.like(done.events<{status?: string}>().at(-1), {status: 'done'});
  t.is(service.version, '1.1');
});

async function* bytes(content: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  yield content;
}
