import {createPrivateKey, randomBytes, webcrypto, X509Certificate} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {chmod, mkdir, readFile, rename} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {OperatorError} from '../core/operator-error.js';
import {withLock} from '../system/process-lock.js';

/** Key and certificate of an agent or a console. Both are PEM; the key never leaves its folder (E4). */
export type Identity = {
  readonly certificate: string;
  readonly privateKey: string;
  /** SHA-256 of the DER certificate, lower-case hex: who one is to others. */
  readonly fingerprint: string;
  /** ISO 8601, UTC. */
  readonly notAfter: string;
  /** Path of the certificate's PEM file. */
  readonly path: string;
};

const keyFile = 'key.pem';
const certificateFile = 'certificate.pem';
/** Where a new certificate waits while key and certificate are exchanged one after the other. */
const nextCertificateFile = 'certificate.pem.next';

/**
 * Opens the identity in `folder`, or makes it on first use (DESIGN.md, "Trust").
 * @param name stands in the certificate for people to read; nothing is decided by it.
 * @throws OperatorError INVALID_STATE when the files are there but do not belong together.
 */
export async function openIdentity(folder: string, name: string): Promise<Identity> {
  const there = await readIdentity(folder);
  if (there !== undefined) return there;
  await mkdir(folder, {recursive: true, mode: 0o700});
  // Two commands may be the first at once: both have to be the same one to others.
  return withLock(
    join(folder, 'identity.lock'),
    async () => (await readIdentity(folder)) ?? (await regenerateIdentity(folder, name)),
  );
}

/** The identity in `folder`, or undefined when none was made yet. Errors as `openIdentity`. */
export async function readIdentity(folder: string): Promise<Identity | undefined> {
  const privateKey = await readIfThere(join(folder, keyFile));
  const certificate = await readIfThere(join(folder, certificateFile));
  if (privateKey !== undefined) {
    if (certificate !== undefined && belongTogether(certificate, privateKey))
      return toIdentity(folder, certificate, privateKey);
    const next = await readIfThere(join(folder, nextCertificateFile));
    if (next !== undefined && belongTogether(next, privateKey)) {
      // Interrupted between the two renames of `regenerateIdentity`: its second half is still due.
      await rename(join(folder, nextCertificateFile), join(folder, certificateFile));
      return toIdentity(folder, next, privateKey);
    }
  }
  if (privateKey === undefined && certificate === undefined) return undefined;
  throw new OperatorError(
    'INVALID_STATE',
    `The key and the certificate in ${folder} do not belong together.`,
    {
      hint: 'Put both files back from a backup, or make new ones with `lockstep cert regenerate` and pair again.',
    },
  );
}

/**
 * The identity in `folder` at this moment, for a server that exchanges its keys while it runs.
 * @throws Error while they are being exchanged, or are not there.
 */
export function readIdentitySync(folder: string): Identity {
  const certificate = readFileSync(join(folder, certificateFile), 'utf8');
  const privateKey = readFileSync(join(folder, keyFile), 'utf8');
  if (!belongTogether(certificate, privateKey)) throw new Error('key and certificate do not belong together');
  return toIdentity(folder, certificate, privateKey);
}

/** Makes a new key and certificate and discards the old ones (E4): whoever trusted them has to be told. */
export async function regenerateIdentity(folder: string, name: string): Promise<Identity> {
  await mkdir(folder, {recursive: true, mode: 0o700});
  const {certificate, privateKey} = await makeCertificate(name);
  await writeFileAtomic(join(folder, nextCertificateFile), certificate, {mode: 0o644});
  await writeFileAtomic(join(folder, keyFile), privateKey, {mode: 0o600});
  // The atomic writer copies the mode of the file it replaces.
  await chmod(join(folder, keyFile), 0o600);
  await rename(join(folder, nextCertificateFile), join(folder, certificateFile));
  return toIdentity(folder, certificate, privateKey);
}

/** SHA-256 of a certificate (PEM or DER) in lower-case hex. Throws BAD_REQUEST for anything else. */
export function fingerprintOf(certificate: string | Uint8Array): string {
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
  } catch (error) {
    throw new OperatorError('BAD_REQUEST', 'That is not a certificate.', {
      cause: error,
      hint: 'A PEM file is wanted, as `lockstep cert export FILE` writes it.',
    });
  }
  return parsed.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** The name that a certificate gives its holder, for people to read. */
export function subjectOf(certificate: string): string {
  const {CN} = new X509Certificate(certificate).toLegacyObject().subject;
  const name: unknown = Array.isArray(CN) ? CN[0] : CN;
  return (
    String(name ?? '')
      .replaceAll(/\p{C}/gu, '?')
      .slice(0, 256) || 'unnamed'
  );
}

async function makeCertificate(name: string): Promise<{certificate: string; privateKey: string}> {
  // Loaded only here: making a certificate happens once in a life, and the library is slow to load.
  await import('reflect-metadata');
  const {X509CertificateGenerator, PemConverter} = await import('@peculiar/x509');
  const algorithm = {name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256'};
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f;
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial.toString('hex'),
      name: [{CN: [name.slice(0, 64) || 'lockstep']}],
      // A day back, so that a peer whose clock is behind does not read it as not yet valid.
      notBefore: new Date(Date.now() - 86_400_000),
      // Trust ends by revoking the pin, never by a date that everyone has forgotten.
      notAfter: new Date(Date.UTC(2120, 0, 1)),
      keys,
      signingAlgorithm: algorithm,
    },
    webcrypto as unknown as typeof globalThis.crypto,
  );
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: `${PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
  };
}

function toIdentity(folder: string, certificate: string, privateKey: string): Identity {
  return {
    certificate,
    privateKey,
    fingerprint: fingerprintOf(certificate),
    notAfter: new X509Certificate(certificate).validToDate.toISOString(),
    path: join(folder, certificateFile),
  };
}

function belongTogether(certificate: string, privateKey: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
