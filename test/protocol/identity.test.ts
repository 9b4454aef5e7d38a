import {mkdtemp, readFile, rename, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {
  fingerprintOf,
  openIdentity,
  readIdentity,
  regenerateIdentity,
  subjectOf,
} from '../../source/protocol/identity.js';

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-test-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  return folder;
}

test('an identity is made once, with a key that only its owner can read', async t => {
  const folder = await temporaryFolder(t);
  t.is(await readIdentity(folder), undefined);
  const made = await openIdentity(folder, 'Büro, 1. Stock');
  t.deepEqual(await openIdentity(folder, 'another name'), made);
  t.is(fingerprintOf(made.certificate), made.fingerprint);
  t.is(subjectOf(made.certificate), 'Büro, 1. Stock');
  t.regex(made.fingerprint, /^[0-9a-f]{64}$/);
  t.true(made.notAfter > '2100');
  t.is((await stat(join(folder, 'key.pem'))).mode & 0o777, 0o600);
});

test('those who open a new folder at once get the same identity', async t => {
  const folder = join(await temporaryFolder(t), 'new');
  const opened = await Promise.all(Array.from({length: 5}, () => openIdentity(folder, 'console')));
  t.is(new Set(opened.map(({fingerprint}) => fingerprint)).size, 1);
});

test('keys that were being exchanged when the power went are the new ones', async t => {
  const folder = await temporaryFolder(t);
  const old = await openIdentity(folder, 'a');
  const oldCertificate = await readFile(join(folder, 'certificate.pem'), 'utf8');
  const next = await regenerateIdentity(folder, 'a');
  t.not(next.fingerprint, old.fingerprint);
  await rename(join(folder, 'certificate.pem'), join(folder, 'certificate.pem.next'));
  await writeFile(join(folder, 'certificate.pem'), oldCertificate);
  t.is((await openIdentity(folder, 'a')).fingerprint, next.fingerprint);
  t.is((await readIdentity(folder))?.fingerprint, next.fingerprint);
});

test('a first exchange that was cut short before the key is made anew', async t => {
  const folder = await temporaryFolder(t);
  const {certificate} = await openIdentity(await temporaryFolder(t), 'a');
  await writeFile(join(folder, 'certificate.pem.next'), certificate);
  t.not((await openIdentity(folder, 'a')).certificate, certificate);
});

test('a key and a certificate that do not belong together are no identity', async t => {
  const folder = await temporaryFolder(t);
  await openIdentity(folder, 'a');
  await writeFile(
    join(folder, 'certificate.pem'),
    (await openIdentity(await temporaryFolder(t), 'b')).certificate,
  );
  await t.throwsAsync(openIdentity(folder, 'a'), {code: 'INVALID_STATE'});
  await rm(join(folder, 'key.pem'));
  await t.throwsAsync(openIdentity(folder, 'a'), {code: 'INVALID_STATE'});
});
