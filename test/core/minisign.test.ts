import {createHash} from 'node:crypto';
import test from 'ava';
import {
  readPublicKey,
  readSecretKey,
  signFile,
  verifySignature,
  writeKeyFiles,
} from '../../source/core/minisign.js';

/* Written by minisign 0.11: a key without a password, a signature of today's kind and one of the old kind. */
const content = Buffer.from('{"hello":"world"}\n');
const publicFile = `untrusted comment: minisign public key 40535F7FC0BAAFFC
RWT8r7rAf19TQFLhTmaVf3nAty/iHfh7s7eghGWJJ+BDwyYu050aTaIq
`;
const secretFile = `untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/K+6wH9fU0BgUpx9EvMXCCxOjXnsXN8FIYs4AO6tVqW75ZzpWCgA81LhTmaVf3nAty/iHfh7s7eghGWJJ+BDwyYu050aTaIqAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
`;
const encryptedFile = `untrusted comment: minisign encrypted secret key
RWRTY0IyHPoURwr6fst0yZLO+MBWPhpA0/jqDwhS5x4SZ3SB/IgAAAACAAAAAAAAAEAAAAAATGjhe+o1YcU3x91LgBBAMlt3jxXeYxlzSu0JARoKSSDjZLYB6eRn3Su3gznfuq4C1my3kFckNCQzEV1tC08AtGNTs61GZoUY3Wi0f7NmHInnCVLxS1DaMhBwf4E6YLswBgV32X5pp/0=
`;
const signature = `untrusted comment: signature from minisign secret key
RUT8r7rAf19TQOhN1askM5mTVBJNUCPF1qDkLHxqZLblYjYLfDmxSdlRqSIAvedD7pCQICiG+DqaN939DHDcUhTAbv/nK758Jgs=
trusted comment: a trusted comment
rMYYuRC8NM7KoVu+EaZUJO3mQJ02aFU4O28eeEVyR01+bX3bPkHqT30DW2OQlYACeoagejDq1+JfgQ9RNxPSCw==
`;
const oldSignature = `untrusted comment: signature from minisign secret key
RWT8r7rAf19TQOefVUf09051f2SdIsGzAc7WuA6nTKTd1uB6a7wOiRjzun560sCGYEJZfOpSsLQjO8fmD15HBSXyYg+9GxygeQQ=
trusted comment: legacy one
VjxXSH6SX6I0yby3x1wE8Vzk8Pqfve2exAQfNTmJ3UAvO+tAfesPAjwIWukhXjeytauOVk7uAGlvEAGslYn/Cg==
`;
const keyId = '40535F7FC0BAAFFC';
const key = readPublicKey(publicFile);
const stranger = writeKeyFiles({id: Buffer.alloc(8, 1), seed: createHash('sha256').update('x').digest()});

test('signatures of minisign hold, today’s and those of the old kind', t => {
  t.deepEqual(verifySignature(content, signature, [stranger.publicKey, key]), {
    kind: 'valid',
    keyId,
    trustedComment: 'a trusted comment',
  });
  t.like(verifySignature(content, oldSignature, [key]), {kind: 'valid', trustedComment: 'legacy one'});
  t.like(verifySignature(content, signature.replaceAll('\n', '\r\n'), [key]), {kind: 'valid'});
});

test('a secret key of minisign signs as minisign does', t => {
  const secret = readSecretKey(secretFile);
  t.is(secret.id, keyId);
  t.is(secret.publicKey.text, key.text);
  // Ed25519 has no randomness: the same key signs the same bytes the same way.
  const lines = signFile(content, secret, 'a trusted comment').split('\n');
  t.deepEqual(lines.slice(1), signature.split('\n').slice(1));
});

test('what was changed, or signed by somebody else, is told apart', t => {
  const verdict = (bytes: Buffer, text: string, keys = [key]) => verifySignature(bytes, text, keys).kind;
  t.is(verdict(Buffer.from('{"hello":"World"}\n'), signature), 'wrong');
  t.is(verdict(content, signature.replace('a trusted', 'another')), 'wrong');
  t.is(verdict(content, signature.replace('RUT8', 'RWT8')), 'wrong');
  t.is(verdict(content, signature, [stranger.publicKey]), 'unknown-key');
  t.is(verdict(content, signature, []), 'unknown-key');
  // The id alone makes nobody somebody.
  t.is(verdict(content, signature, [{...stranger.publicKey, id: keyId}]), 'wrong');
  const cut = signature.split('\n').slice(0, 2).join('\n');
  for (const text of ['', 'no', cut, 'x'.repeat(20_000), signature.replace('RUT8', 'QUJD')])
    t.is(verdict(content, text), 'malformed');
});

test('keys that were made are read again, and others are refused with a reason', t => {
  t.is(readSecretKey(stranger.secret).publicKey.text, stranger.publicKey.text);
  t.is(readPublicKey(stranger.public).id, stranger.publicKey.id);
  t.is(
    verifySignature(content, signFile(content, readSecretKey(stranger.secret), 'x'), [stranger.publicKey])
      .kind,
    'valid',
  );
  t.throws(() => readSecretKey(encryptedFile), {message: /encrypted with a password/});
  t.throws(() => readSecretKey(publicFile), {message: /not a secret key file/});
  t.throws(() => readPublicKey(secretFile), {message: /not a public key/});
  const bytes = Buffer.from(stranger.secret.trim().split('\n')[1]!, 'base64');
  bytes[70]! ^= 1;
  t.throws(() => readSecretKey(`x\n${bytes.toString('base64')}\n`), {message: /damaged/});
});
