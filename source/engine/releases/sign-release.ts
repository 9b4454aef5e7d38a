import {readFile, stat} from 'node:fs/promises';
import {
  type PublicKey,
  readPublicKey,
  readSecretKey,
  signFile,
  verifySignature,
} from '../../core/minisign.js';
import {OperatorError} from '../../core/operator-error.js';
import type {ReleaseSigning} from '../releases.js';

/** Makes the function that signs, after the files that it needs were read. */
export async function openSigner(
  signing: ReleaseSigning,
): Promise<(manifest: Buffer, id: string) => {readonly signature?: string}> {
  switch (signing.kind) {
    case 'none':
      return () => ({});
    case 'secret-key': {
      const text = await readText(signing.file, 'secret key');
      const key = readSecretKey(text, signing.password);
      return (manifest, id) => ({
        signature: signFile(manifest, key, `timestamp:${Math.floor(Date.now() / 1000)} release:${id}`),
      });
    }
    case 'signed-manifest': {
      if (signing.signature === undefined) return () => ({});
      const signature = await readText(signing.signature, 'signature');
      return manifest => {
        mustBeSignature(manifest, signature);
        return {signature};
      };
    }
  }
}

/** Only the form: whose key it is, servers know. */
export function mustBeSignature(manifest: Buffer, signature: string): void {
  const verdict = verifySignature(manifest, signature, []);
  if (verdict.kind === 'malformed')
    throw new OperatorError('USAGE', `That is not a signature file of minisign: ${verdict.reason}.`, {
      hint: '`minisign -S -s KEY -m manifest.json` makes manifest.json.minisig.',
    });
}

/** A public key by its text, or by its file. */
export async function findPublicKey(text: string): Promise<PublicKey> {
  const isFile = (await stat(text).catch(() => undefined))?.isFile() ?? false;
  return readPublicKey(isFile ? await readText(text, 'public key') : text);
}

/** A key or signature file of this machine. @throws OperatorError USAGE */
export async function readText(file: string, what: string): Promise<string> {
  return (await readSmall(file, what, 64 * 1024)).toString('utf8');
}

/** A file of this machine of at most `most` bytes. @throws OperatorError USAGE naming `what` it should be */
export async function readSmall(file: string, what: string, most: number): Promise<Buffer> {
  const refused = (reason: string, cause?: unknown) =>
    new OperatorError('USAGE', `The ${what} ${file} cannot be read: ${reason}.`, {cause});
  const found = await stat(file).catch((error: Error) => {
    throw refused(error.message, error);
  });
  if (!found.isFile()) throw refused('it is no file');
  if (found.size > most) throw refused(`it is longer than ${most} bytes`);
  return await readFile(file).catch((error: Error) => {
    throw refused(error.message, error);
  });
}
