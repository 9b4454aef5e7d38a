import {Type} from '#typebox';
import {endpoint, frames, json} from './endpoint.js';
import {strict} from './endpoint-schemas.js';
import {releaseDigestSchema} from './release-manifest.js';

const count = Type.Integer({minimum: 0});

/** A release as an agent keeps it, for updates that are still to come. */
export const keptReleaseSchema = Type.Object({
  /** SHA-256 of the manifest. */
  digest: releaseDigestSchema,
  name: Type.String({maxLength: 64}),
  version: Type.String({maxLength: 64}),
  /** Bytes of the archive that the console has brought so far; all of them when it equals `sizeBytes`. */
  archiveBytes: count,
  sizeBytes: count,
});

export const signatureQuery = Type.Object(
  {
    /** The signature file of minisign, in Base64 for URLs. */
    signature: Type.Optional(Type.String({pattern: '^[A-Za-z0-9_-]+$', maxLength: 8192})),
  },
  strict,
);

/** What an agent has of a release; `known` is false before its manifest came. */
export const describeKeptRelease = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/releases/:release',
  access: 'view',
  audited: false,
  reply: json(Type.Object({known: Type.Boolean(), archiveBytes: count})),
});

/**
 * Brings the manifest of a release, byte for byte as it was signed; `:release` is its SHA-256. It is kept only when
 * this site believes it: SIGNATURE_REFUSED, RELEASE_REFUSED. Idempotent.
 */
export const putManifest = endpoint({
  method: 'PUT',
  path: '/v1/sites/:site/releases/:release/manifest',
  access: 'operate',
  audited: true,
  query: signatureQuery,
  body: frames,
  reply: json(keptReleaseSchema),
});

/**
 * Brings the archive of a release whose manifest is known, from a byte on. What has come stays when the connection
 * breaks; `describeKeptRelease` says how much that is. A newer call takes the place of one that hangs. BAD_REQUEST for a
 * `from` behind what has come, LIMIT_EXCEEDED, CONTENT_MISMATCH for an archive that is not the signed one: it is deleted.
 */
export const putArchive = endpoint({
  method: 'PUT',
  path: '/v1/sites/:site/releases/:release/archive',
  access: 'operate',
  audited: true,
  query: Type.Object({from: Type.String({pattern: '^[0-9]{1,15}$'})}, strict),
  body: frames,
  reply: json(keptReleaseSchema),
});
