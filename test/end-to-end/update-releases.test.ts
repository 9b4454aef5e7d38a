import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {createServer, type ServerResponse} from 'node:http';
import {createServer as createSecureServer} from 'node:https';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import AdmZip from 'adm-zip';
import test, {type ExecutionContext} from 'ava';
import {readSecretKey, signFile, writeKeyFiles} from '../../source/core/minisign.js';
import {openIdentity} from '../../source/protocol/identity.js';
import {hostile, rawZip} from '../agent/releases/hostile-archive.js';
import {eventually} from '../helpers/lockstep.js';
import {startMailServer} from '../helpers/mail-server.js';
import {
  createUpdatedServer,
  makeRelease,
  type Offered,
  offerArchive,
  startFileServer,
  type UpdatedServer,
} from '../helpers/update-world.js';
import {FtpServer} from '../protocol/download/ftp-server.js';

/* U2: how releases come to a server, in whole updates of a real service; and which of them never touch it. */

const noise = Buffer.from(Array.from({length: 300_000}, (_, index) => (index * 7919) % 251));

/** Sends an archive from a byte on, and hangs up after some more. @returns whether that was all of it */
function sendPart(response: ServerResponse, archive: Buffer, from: number, atMost: number): void {
  const {length} = archive;
  response.writeHead(from === 0 ? 200 : 206, {
    'content-length': length - from,
    etag: '"1"',
    ...(from === 0 ? {} : {'content-range': `bytes ${from}-${length - 1}/${length}`}),
  });
  if (length - from <= atMost) response.end(archive.subarray(from));
  else response.write(archive.subarray(from, from + atMost), () => response.destroy());
}

test('U2: a release comes by HTTP, HTTPS and FTP; what is cut off in the middle is gone on with', async t => {
  const one = await createUpdatedServer(t);
  const files = await startFileServer(t);
  const big = {'noise.txt': noise.toString('latin1')};
  const archiveOf = ({source}: Offered) => files.files.get(source.url.split('/').at(-1)!)!;

  const first = makeRelease(files, {version: '2.0'}, big);
  const archive = archiveOf(first);
  const asked: number[] = [];
  const cutting = createServer((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    asked.push(from);
    sendPart(response, archive, from, Math.ceil(archive.length / 3));
  });
  await new Promise<void>(resolve => cutting.listen(0, '127.0.0.1', resolve));
  t.teardown(() => cutting.closeAllConnections());
  t.teardown(() => cutting.close());
  const portOf = (server: {address(): unknown}) => (server.address() as AddressInfo).port;
  const byHttp = await one.update({
    ...first,
    source: {kind: 'http', url: `http://127.0.0.1:${portOf(cutting)}/a.zip`},
  });
  t.like(byHttp, {state: 'done', to: '2.0'});
  t.true(asked.length >= 3, String(asked));
  t.deepEqual(
    asked,
    [...asked].sort((a, b) => a - b),
    'each time from where it had ended',
  );
  t.true(asked.at(-1)! > 0);

  const second = makeRelease(files, {version: '3.0'}, big);
  const ftp = new FtpServer('releases/app 3.zip', archiveOf(second), {user: 'me', password: 'p@ss'});
  ftp.behaviour = {cutAfter: Math.ceil(archiveOf(second).length / 2)};
  const ftpPort = await ftp.listen();
  t.teardown(() => ftp.close());
  const byFtp = await one.update({
    ...second,
    source: {kind: 'ftp', url: `ftp://me:p%40ss@127.0.0.1:${ftpPort}/releases/app%203.zip`},
  });
  t.like(byFtp, {state: 'done', to: '3.0'});
  t.true(ftp.commands.some(line => line.startsWith('REST ')));

  // The agent trusts what the system trusts, and what NODE_EXTRA_CA_CERTS names.
  const {
    certificate,
    privateKey,
    path: authority,
  } = await openIdentity(path.join(one.world.folder, 'https'), 'localhost');
  const third = makeRelease(files, {version: '4.0'});
  const secure = createSecureServer({key: privateKey, cert: certificate}, (_, response) =>
    sendPart(response, archiveOf(third), 0, Number.POSITIVE_INFINITY),
  );
  await new Promise<void>(resolve => secure.listen(0, '127.0.0.1', resolve));
  t.teardown(() => secure.closeAllConnections());
  t.teardown(() => secure.close());
  const source = {kind: 'http' as const, url: `https://localhost:${portOf(secure)}/a.zip`};
  const stranger = await one.update({...third, source});
  t.like(stranger, {state: 'failed', error: {code: 'DOWNLOAD_FAILED'}});
  t.regex(stranger.error!.message, /certificate/);
  await one.server.stop();
  await one.server.start({NODE_EXTRA_CA_CERTS: authority});
  await one.reconnect();
  t.like(await one.update({...third, source}), {state: 'done', to: '4.0'});
  t.like(await one.health(), {version: '4.0', structure: '4.0', open: true});
  t.deepEqual(one.beside, ['app']);
});

/** The old version runs, nobody has touched it, and nothing lies about. */
async function mustBeUntouched(t: ExecutionContext, one: UpdatedServer): Promise<void> {
  t.like(await one.health(), {version: '1.0', structure: '1.0', open: true});
  t.notRegex(one.log, /stop|warn/);
  t.deepEqual(one.beside, ['app']);
  t.deepEqual(readdirSync(one.folder).sort(), ['app.json', 'key.pem', 'preferences', 'program.txt']);
}

test('U2: what was not signed so, and archives that would do harm, never touch the service; a mail says why', async t => {
  const {port, mails} = await startMailServer(t);
  const keys = (seed: number) => writeKeyFiles({id: Buffer.alloc(8, seed), seed: Buffer.alloc(32, seed)});
  const [ours, strange] = [keys(1), keys(2)];
  const one = await createUpdatedServer(
    t,
    {
      mail: {administrator: ['admin@example.com']},
      allowUnsigned: false,
      keys: [ours.publicKey.text],
      limits: {maxEntries: 50},
    },
    {site: {mail: {smtp: `smtp://127.0.0.1:${port}`, from: 'lockstep@example.com'}}},
  );
  const files = await startFileServer(t);
  const sign = (release: Offered, secret = ours.secret): Offered => ({
    ...release,
    signature: signFile(Buffer.from(release.manifest), readSecretKey(secret), 'test'),
  });
  const refused = async (what: string, release: Offered, codes: readonly string[], reason: RegExp) => {
    const {state, error} = await one.update(release);
    t.is(state, 'failed', what);
    t.true(codes.includes(error!.code), `${what}: ${error!.code}`);
    t.regex(error!.message, reason, what);
    await eventually(`the mail about what ${what} arrives`, () =>
      mails.some(({text}) => text.includes(error!.message.slice(0, 60))),
    );
  };

  const good = makeRelease(files, {version: '2.0'});
  await refused('is not signed', good, ['PREFLIGHT_FAILED'], /no signature/);
  await refused(
    'a stranger signed',
    sign(good, strange.secret),
    ['PREFLIGHT_FAILED'],
    /key .* is not trusted/,
  );
  const signed = sign(good);
  const changed = {...signed, manifest: signed.manifest.replace('"2.0"', '"2.1"')};
  t.not(changed.manifest, signed.manifest);
  await refused(
    'was changed after it was signed',
    changed,
    ['PREFLIGHT_FAILED'],
    /changed after it was signed/,
  );
  const [, archive] = good.source.url.match(/\/([^/]+)$/)!;
  const whole = files.files.get(archive!)!;
  files.files.set(archive!, Buffer.alloc(whole.length, 'x'));
  const before = files.asked.length;
  await refused('has another checksum', signed, ['CONTENT_MISMATCH'], /./);
  t.is(files.asked.length, before + 1, 'what is wrong is not fetched once more');
  files.files.set(archive!, whole);
  await mustBeUntouched(t, one);

  for (const [why, entries] of Object.entries(hostile)) {
    const listed = Object.fromEntries(entries.map(({name, content = 'x'}) => [name, content]));
    const release = offerArchive(files, rawZip(...entries), '2.0', listed, {entries: entries.length});
    await refused(`has an entry that ${why}`, sign(release), ['PREFLIGHT_FAILED', 'ARCHIVE_REFUSED'], /./);
  }
  const zeros = Buffer.alloc(300 * 1024 ** 2);
  const zip = new AdmZip();
  zip.addFile('zeros', zeros);
  const bomb = zip.toBuffer();
  const honest = offerArchive(files, bomb, '2.0', {zeros});
  await refused('is a bomb and says so', sign(honest), ['PREFLIGHT_FAILED'], /times larger/);
  const lying = offerArchive(files, bomb, '2.0', {zeros: 'x'});
  await refused('is a bomb and denies it', sign(lying), ['ARCHIVE_REFUSED'], /./);
  const many = Object.fromEntries(Array.from({length: 51}, (_, index) => [`f${index}`, 'x']));
  await refused(
    'has more entries than agent.json allows',
    sign(makeRelease(files, {version: '2.0'}, many)),
    ['PREFLIGHT_FAILED'],
    /entries/,
  );

  await mustBeUntouched(t, one);
  t.false(existsSync('/tmp/victim'));
  const everywhere = readdirSync(one.world.folder, {recursive: true, encoding: 'utf8'});
  t.deepEqual(
    everywhere.filter(name => name.includes('victim')),
    [],
  );
  t.like(await one.update(signed), {state: 'done'});
  t.is(readFileSync(path.join(one.folder, 'program.txt'), 'utf8'), 'program 2.0');
});
