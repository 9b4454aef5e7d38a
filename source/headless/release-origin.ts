import path from 'node:path';
import {OperatorError} from '../core/operator-error.js';
import type {ReleaseOrigin, ReleaseSigning} from '../engine/releases.js';
import {parseDuration, parseMoment, parseSiteAddress} from './parse-arguments.js';

/** Files that options name: a secret key of minisign, a manifest made elsewhere and its signature. */
export type SigningOptions = {secretKey?: string; manifest?: string; signature?: string};

/** Where a release comes from: a path, an address, or `package:SERVER/SITE/NAME`. @throws OperatorError USAGE */
export function parseOrigin(text: string): ReleaseOrigin {
  if (/^https?:\/\//i.test(text)) return {kind: 'http', url: mustBeUrl(text)};
  if (/^ftps?:\/\//i.test(text)) return {kind: 'ftp', url: mustBeUrl(text)};
  const parts = /^package:([^/]+\/[^/]+)\/(.+)$/s.exec(text);
  if (parts !== null) return {kind: 'package', address: parseSiteAddress(parts[1]!), name: parts[2]!};
  if (text.startsWith('package:'))
    throw new OperatorError('USAGE', `"${text}" is not of the form package:SERVER/SITE/NAME.`);
  return {kind: 'path', path: text};
}

function mustBeUrl(text: string): string {
  try {
    return new URL(text).href;
  } catch {
    throw new OperatorError('USAGE', `"${text}" is no address.`);
  }
}

/** The name of the file, folder or package, without `.zip` and the version at its end. */
export function nameFrom(origin: ReleaseOrigin, version: string): string {
  const base =
    origin.kind === 'path'
      ? path.basename(path.resolve(origin.path))
      : origin.kind === 'package'
        ? origin.name
        : decodeURIComponent(path.posix.basename(new URL(origin.url).pathname));
  const stem = base.replace(/\.zip$/i, '');
  const name = stem.endsWith(version) ? stem.slice(0, -version.length).replace(/[-_.v]+$/, '') : stem;
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw new OperatorError('ANSWER_MISSING', `"${name}" cannot be the name of a release.`, {
    hint: 'Give it with --name.',
  });
}

/** A moment, or a time from now on such as `90d`. @returns ISO 8601, UTC */
export function parseExpiry(text: string): string {
  if (!/^\d+[smhd]$/.test(text)) return parseMoment(text, '--expires');
  return new Date(Date.now() + parseDuration(text, '--expires')).toISOString();
}

/** Who signs what `release add` makes. @throws OperatorError USAGE for options that exclude each other */
export function parseSigning({secretKey, manifest, signature}: SigningOptions): ReleaseSigning {
  if (secretKey !== undefined && (manifest ?? signature) !== undefined)
    throw new OperatorError(
      'USAGE',
      '--secret-key makes a signature; --manifest and --signature bring one.',
      {
        hint: 'Give either.',
      },
    );
  if (signature !== undefined && manifest === undefined)
    throw new OperatorError('USAGE', '--signature is the signature of a manifest, which is not given.', {
      hint: 'Give it with --manifest; or add the release without, sign the manifest that `release show` names, and give the signature to `release sign`.',
    });
  if (manifest !== undefined)
    return {kind: 'signed-manifest', manifest, ...(signature === undefined ? {} : {signature})};
  return secretKey === undefined ? {kind: 'none'} : {kind: 'secret-key', file: secretKey, ...password()};
}

/** Of an encrypted key; a command line would show it to everybody on the machine. */
export function password(): {password?: string} {
  const given = process.env.LOCKSTEP_KEY_PASSWORD;
  return given === undefined ? {} : {password: given};
}
