import {createHash, createPrivateKey, createPublicKey, scryptSync, sign, verify} from 'node:crypto';
import {OperatorError} from './operator-error.js';

/**
 * Signatures of releases in the format of minisign (https://jedisct1.github.io/minisign/): Ed25519 over the BLAKE2b-512
 * of the file (`ED`), or over the file itself as older programs made them (`Ed`).
 */

/** A public key; `id` is the 16 hexadecimal digits by which minisign names it. */
export type PublicKey = {readonly id: string; readonly key: Buffer; readonly text: string};

/** A secret key that can sign. */
export type SecretKey = {readonly id: string; readonly seed: Buffer; readonly publicKey: PublicKey};

export type SignatureVerdict =
  | {readonly kind: 'valid'; readonly keyId: string; readonly trustedComment: string}
  /** Made with a key that is not among the given ones. */
  | {readonly kind: 'unknown-key'; readonly keyId: string}
  /** Made with a known key, but for other bytes, or changed. */
  | {readonly kind: 'wrong'; readonly keyId: string}
  | {readonly kind: 'malformed'; readonly reason: string};

/** Longest text of a key or signature file that is looked at. */
const longest = 16 * 1024;

/**
 * Reads a public key: its 56 characters, or a key file.
 * @throws OperatorError USAGE
 */
export function readPublicKey(text: string): PublicKey {
  const line = lastLine(text);
  const bytes = decode(line, 42);
  if (bytes === undefined || bytes.toString('latin1', 0, 2) !== 'Ed')
    throw new OperatorError('USAGE', `"${line.slice(0, 60)}" is not a public key of minisign.`, {
      hint: 'It is one line of 56 characters that begins with RW, the last one of a .pub file.',
    });
  return {id: idOf(bytes.subarray(2, 10)), key: bytes.subarray(10), text: line};
}

/**
 * Reads a secret key file as `minisign -G` and `minisign -G -W` write it.
 * @param password of a key that is encrypted; deriving from it takes a gigabyte of memory and some seconds
 * @throws OperatorError USAGE for what is no secret key and for a password that is missing or wrong
 */
export function readSecretKey(text: string, password?: string): SecretKey {
  const bytes = decode(lastLine(text), 158);
  const algorithms = bytes?.toString('latin1', 0, 6);
  if (bytes === undefined || (algorithms !== 'Ed\0\0B2' && algorithms !== 'EdScB2'))
    throw new OperatorError('USAGE', 'This is not a secret key file of minisign.', {
      hint: '`lockstep release key create FILE` makes one, and so does `minisign -G -W`.',
    });
  let secrets = bytes.subarray(54);
  const encrypted = algorithms === 'EdScB2';
  if (encrypted) {
    if (password === undefined)
      throw new OperatorError('USAGE', 'The secret key is encrypted with a password.', {
        hint: 'Give the password in the environment variable LOCKSTEP_KEY_PASSWORD.',
      });
    const stream = deriveStream(password, bytes);
    secrets = Buffer.from(secrets.map((byte, index) => byte ^ stream[index]!));
  }
  const [id, seed, key] = [secrets.subarray(0, 8), secrets.subarray(8, 40), secrets.subarray(40, 72)];
  const derived = publicKeyOf(seed);
  // The second half of the secret is the public key, so that a wrong password shows.
  if (!derived.equals(key))
    throw new OperatorError(
      'USAGE',
      encrypted ? 'The password of the secret key is wrong.' : 'The secret key file is damaged.',
    );
  return {id: idOf(id), seed, publicKey: toPublicKey(id, derived)};
}

/**
 * Writes a pair of keys as files, the secret one without a password as `minisign -G -W` does.
 * @param random 8 bytes for the id and 32 for the key, from a source that cannot be guessed
 */
export function writeKeyFiles(random: {readonly id: Buffer; readonly seed: Buffer}): {
  readonly secret: string;
  readonly public: string;
  readonly publicKey: PublicKey;
} {
  const key = publicKeyOf(random.seed);
  const publicKey = toPublicKey(random.id, key);
  const secret = Buffer.concat([
    Buffer.from('Ed\0\0B2', 'latin1'),
    Buffer.alloc(48),
    random.id,
    random.seed,
    key,
    Buffer.alloc(32),
  ]);
  return {
    secret: `untrusted comment: minisign secret key ${publicKey.id}\n${secret.toString('base64')}\n`,
    public: `untrusted comment: minisign public key ${publicKey.id}\n${publicKey.text}\n`,
    publicKey,
  };
}

/** Signs a file. @param trustedComment one line that the signature covers too @returns the signature file */
export function signFile(content: Uint8Array, secretKey: SecretKey, trustedComment: string): string {
  const comment = trustedComment.replaceAll(/[\r\n]/g, ' ');
  const jwk = {kty: 'OKP', crv: 'Ed25519', d: secretKey.seed.toString('base64url')};
  const key = createPrivateKey({
    key: {...jwk, x: secretKey.publicKey.key.toString('base64url')},
    format: 'jwk',
  });
  const signature = sign(null, blake2b(content), key);
  const whole = Buffer.concat([Buffer.from('ED'), bytesOfId(secretKey.id), signature]);
  const sealed = sign(null, Buffer.concat([signature, Buffer.from(comment)]), key);
  return [
    `untrusted comment: signature from lockstep, key ${secretKey.id}`,
    whole.toString('base64'),
    `trusted comment: ${comment}`,
    sealed.toString('base64'),
    '',
  ].join('\n');
}

/** Checks a signature file against those who are trusted, its trusted comment included. */
export function verifySignature(
  content: Uint8Array,
  signatureFile: string,
  keys: readonly PublicKey[],
): SignatureVerdict {
  const malformed = (reason: string) => ({kind: 'malformed', reason}) as const;
  if (signatureFile.length > longest) return malformed('it is too long');
  const [, encoded, commentLine, sealed] = signatureFile.split(/\r?\n/);
  const bytes = decode(encoded ?? '', 74);
  const seal = decode(sealed ?? '', 64);
  if (bytes === undefined || seal === undefined) return malformed('it does not have the four lines of one');
  if (!commentLine?.startsWith('trusted comment: ')) return malformed('it has no trusted comment');
  const trustedComment = commentLine.slice('trusted comment: '.length);
  const algorithm = bytes.toString('latin1', 0, 2);
  if (algorithm !== 'ED' && algorithm !== 'Ed') return malformed('its algorithm is unknown');
  const keyId = idOf(bytes.subarray(2, 10));
  const signature = bytes.subarray(10);
  const known = keys.find(({id}) => id === keyId);
  if (known === undefined) return {kind: 'unknown-key', keyId};
  const key = createPublicKey({
    key: {kty: 'OKP', crv: 'Ed25519', x: known.key.toString('base64url')},
    format: 'jwk',
  });
  const signed = algorithm === 'ED' ? blake2b(content) : content;
  const right =
    verify(null, signed, key, signature) &&
    verify(null, Buffer.concat([signature, Buffer.from(trustedComment)]), key, seal);
  return right ? {kind: 'valid', keyId, trustedComment} : {kind: 'wrong', keyId};
}

/** The key of a password as libsodium derives it, with its choice of parameters for the two limits. */
function deriveStream(password: string, file: Buffer): Buffer {
  const [operations, memory] = [Number(file.readBigUInt64LE(38)), Number(file.readBigUInt64LE(46))];
  const limit = Math.max(operations, 32_768);
  const blocks = 8;
  const fewOperations = limit < memory / 32;
  const most = fewOperations ? limit / (blocks * 4) : memory / (blocks * 128);
  let cost = 2;
  while (cost <= most / 2) cost *= 2;
  const parallel = fewOperations ? 1 : Math.max(1, Math.floor(limit / 4 / cost / blocks));
  const needed = 128 * blocks * (cost + parallel + 2);
  if (!(needed <= 2 ** 31))
    throw new OperatorError('USAGE', 'The password of the secret key asks for more than 2 GiB of memory.');
  return scryptSync(password, file.subarray(6, 38), 104, {
    cost,
    blockSize: blocks,
    parallelization: parallel,
    maxmem: needed,
  });
}

function publicKeyOf(seed: Buffer): Buffer {
  // A PKCS #8 document of an Ed25519 key is this prefix and the seed (RFC 8410, 7).
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const privateKey = createPrivateKey({key: pkcs8, format: 'der', type: 'pkcs8'});
  return Buffer.from(createPublicKey(privateKey).export({format: 'jwk'}).x ?? '', 'base64url');
}

function toPublicKey(id: Uint8Array, key: Buffer): PublicKey {
  return {id: idOf(id), key, text: Buffer.concat([Buffer.from('Ed'), id, key]).toString('base64')};
}

const blake2b = (content: Uint8Array): Buffer => createHash('blake2b512').update(content).digest();
/** Ids are numbers of 64 bits, written with the highest byte first. */
const idOf = (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString('hex').toUpperCase();
const bytesOfId = (id: string): Buffer => Buffer.from(id, 'hex').reverse();

function lastLine(text: string): string {
  return text.slice(0, longest).trim().split(/\r?\n/).at(-1)?.trim() ?? '';
}

/** Bytes of Base64, if it is that and has the length. */
function decode(text: string, length: number): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === length ? bytes : undefined;
}
