import {readFile} from 'node:fs/promises';
import {asOperatorError, OperatorError} from '../core/operator-error.js';
import {fingerprintOf} from './identity.js';

/** Bytes of a certificate file, at most. */
const maxBytes = 16 * 1024;

/**
 * The certificate (PEM) in a file that somebody named, to be pinned.
 * @throws OperatorError USAGE when it cannot be read or holds none
 */
export async function readCertificateFile(file: string): Promise<string> {
  const refuse = (what: string, cause?: unknown) =>
    new OperatorError('USAGE', `${file} ${what}`, {
      hint: '`lockstep cert export FILE` writes a certificate that can be pinned.',
      cause,
    });
  let certificate: string;
  try {
    certificate = await readFile(file, 'utf8');
  } catch (cause) {
    throw refuse(`cannot be read: ${asOperatorError(cause).message}`, cause);
  }
  if (certificate.length > maxBytes) throw refuse('is too long for a certificate.');
  try {
    fingerprintOf(certificate);
  } catch (cause) {
    throw refuse('is not a certificate.', cause);
  }
  return certificate;
}
