import {createHash} from 'node:crypto';
import {Type} from '#typebox';
import {OperatorError} from '../core/operator-error.js';
import {isReleaseName, isVersion, type ReleaseManifest, type ReleaseSource} from '../core/release.js';
import {findClash, pathProblem} from '../core/release-paths.js';
import {fingerprintSchema, siteNameSchema} from './schemas.js';
import {parseJson} from './transport/json-text.js';
import {validate} from './transport/validate.js';

/** Bytes of a manifest: some hundred thousand files. */
export const maxManifestBytes = 64 * 1024 * 1024;

const strict = {additionalProperties: false} as const;
const digest = Type.String({pattern: '^[0-9a-f]{64}$'});
const size = Type.Integer({minimum: 0, maximum: Number.MAX_SAFE_INTEGER});
const path = Type.String({minLength: 1, maxLength: 4096});
const moment = Type.String({pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{3})?Z$'});
const address = Type.String({maxLength: 4096});

export const releaseDigestSchema = digest;

const manifestSchema = Type.Object(
  {
    format: Type.Literal(1),
    name: Type.String({maxLength: 64}),
    version: Type.String({maxLength: 64}),
    minimumVersion: Type.Optional(Type.String({maxLength: 64})),
    createdAt: moment,
    expiresAt: Type.Optional(moment),
    archive: Type.Object({kind: Type.Literal('zip'), sizeBytes: size, sha256: digest}, strict),
    strip: Type.Optional(path),
    unpackedBytes: size,
    entries: size,
    files: Type.Array(
      Type.Object(
        {path, sizeBytes: size, sha256: digest, mode: Type.Integer({minimum: 0, maximum: 0o777})},
        strict,
      ),
    ),
    folders: Type.Optional(Type.Array(path)),
  },
  strict,
);

/** Where an agent gets an archive from (core/release.ts). */
export const releaseSourceSchema = Type.Unsafe<ReleaseSource>(
  Type.Union([
    Type.Object(
      {kind: Type.Literal('http'), url: Type.String({pattern: '^https?://', maxLength: 4096})},
      strict,
    ),
    Type.Object(
      {kind: Type.Literal('ftp'), url: Type.String({pattern: '^ftps?://', maxLength: 4096})},
      strict,
    ),
    Type.Object(
      {
        kind: Type.Literal('package'),
        server: Type.String({minLength: 1, maxLength: 256}),
        url: address,
        fingerprint: fingerprintSchema,
        site: siteNameSchema,
        package: Type.String({minLength: 1, maxLength: 256}),
      },
      strict,
    ),
    Type.Object({kind: Type.Literal('pushed')}, strict),
  ]),
);

/** @throws OperatorError BAD_REQUEST for what is no source */
export function readSource(value: unknown): ReleaseSource {
  validate(releaseSourceSchema, value, 'The source of the release');
  return value as ReleaseSource;
}

/** The id of a release on an agent: the SHA-256 of its manifest, lower-case hex. */
export const releaseDigest = (manifest: Uint8Array): string =>
  createHash('sha256').update(manifest).digest('hex');

/** The bytes of a manifest, which are what is signed. */
export const formatManifest = (manifest: ReleaseManifest): Buffer =>
  Buffer.from(`${JSON.stringify(manifest)}\n`);

/**
 * Reads a manifest and checks that it does not contradict itself; its signature is checked by `verifyManifest`.
 * @throws OperatorError RELEASE_REFUSED saying what is wrong with it
 */
export function parseManifest(bytes: Buffer): ReleaseManifest {
  const refused = (reason: string, cause?: unknown) =>
    new OperatorError('RELEASE_REFUSED', `The manifest of the release is refused: ${reason}`, {
      hint: 'Make the release anew with `lockstep release add`.',
      cause,
    });
  if (bytes.length > maxManifestBytes) throw refused(`it is longer than ${maxManifestBytes} bytes.`);
  let value: unknown;
  try {
    value = parseJson(bytes);
    validate(manifestSchema, value, 'It');
  } catch (error) {
    throw refused((error as Error).message, error);
  }
  const manifest = value as ReleaseManifest;
  const problem = findContradiction(manifest);
  if (problem !== undefined) throw refused(`${problem}.`);
  return manifest;
}

function findContradiction(manifest: ReleaseManifest): string | undefined {
  const {name, version, minimumVersion, files, folders = [], strip, entries, unpackedBytes} = manifest;
  if (!isReleaseName(name)) return `${JSON.stringify(name)} is no name for a release`;
  for (const text of [version, ...(minimumVersion === undefined ? [] : [minimumVersion])])
    if (!isVersion(text)) return `${JSON.stringify(text)} is no version`;
  if (files.length === 0) return 'it has no files';
  for (const path of [...files.map(file => file.path), ...folders, ...(strip === undefined ? [] : [strip])]) {
    const problem = pathProblem(path);
    if (problem !== undefined)
      return `its path ${JSON.stringify(path.slice(0, 200))} is not possible: ${problem}`;
  }
  const clash = findClash(
    files.map(file => file.path),
    folders,
  );
  if (clash !== undefined) return clash;
  if (files.length > entries) return 'it has more files than its archive has entries';
  if (files.reduce((sum, file) => sum + file.sizeBytes, 0) !== unpackedBytes)
    return 'the sizes of its files do not add up';
  return undefined;
}
