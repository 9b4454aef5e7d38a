import {isBomb} from '../../core/archive-rules.js';
import {verifySignature} from '../../core/minisign.js';
import {OperatorError} from '../../core/operator-error.js';
import {type ReleaseManifest, releaseId} from '../../core/release.js';
import {parseManifest} from '../../protocol/release-manifest.js';
import {nameOfSetting, type ReleaseSettings} from '../configuration/release-json-schema.js';

/** A manifest that may be believed. */
export type VerifiedManifest = {
  readonly manifest: ReleaseManifest;
  /** Id of the key that it is signed with; absent for an unsigned one that the configuration allows. */
  readonly signedBy?: string;
};

/**
 * Decides whether a release may be believed: by a signature over the manifest as it is, byte by byte, with one of the
 * keys of this agent's own configuration (U2). Nothing of a manifest is used before.
 * @param signature the text of its `.minisig` file; undefined when it has none
 * @throws OperatorError SIGNATURE_REFUSED, RELEASE_REFUSED for a manifest that contradicts itself
 */
export function verifyManifest(
  bytes: Buffer,
  signature: string | undefined,
  settings: Pick<ReleaseSettings, 'keys' | 'allowUnsigned' | 'place'>,
): VerifiedManifest {
  const {keys, allowUnsigned} = settings;
  const refused = (reason: string, hint: string) =>
    new OperatorError('SIGNATURE_REFUSED', `The release is not believed: ${reason}.`, {hint});
  const known =
    keys.length === 0
      ? `agent.json names no key${settings.place === undefined ? ' for the site' : ''}`
      : `known are ${keys.map(key => key.id).join(', ')}`;
  const addKey = `Put the public key of whoever signs into ${nameOfSetting(settings, 'keys')}.`;
  if (signature === undefined) {
    if (allowUnsigned) return {manifest: parseManifest(bytes)};
    throw refused(
      'it has no signature',
      `Sign it with \`lockstep release sign RELEASE --secret-key FILE\`; ${nameOfSetting(settings, 'allowUnsigned')} takes it without.`,
    );
  }
  const verdict = verifySignature(bytes, signature, keys);
  switch (verdict.kind) {
    case 'valid':
      return {manifest: parseManifest(bytes), signedBy: verdict.keyId};
    case 'unknown-key':
      // Whoever could take the signature away could have it taken without.
      if (allowUnsigned) return {manifest: parseManifest(bytes)};
      throw refused(
        `it is signed with the key ${verdict.keyId}, which is not trusted here; ${known}`,
        addKey,
      );
    case 'wrong':
      throw refused(
        `its signature with the key ${verdict.keyId} is wrong, so that it was changed after it was signed`,
        'Get the release anew from whoever made it; do not sign it again before you know what was changed.',
      );
    case 'malformed':
      throw refused(`its signature cannot be read: ${verdict.reason}`, 'Sign it again.');
  }
}

/**
 * Refuses a release that is larger than this site takes, before a byte of it is fetched.
 * @throws OperatorError LIMIT_EXCEEDED naming the limit of agent.json
 */
export function checkLimits(manifest: ReleaseManifest, settings: ReleaseSettings): void {
  const {archive, maxArchiveBytes} = settings;
  const {sizeBytes} = manifest.archive;
  const {maxEntries, maxUnpackedBytes, maxRatio} = archive;
  const refused = (what: string, limit: string) =>
    new OperatorError('LIMIT_EXCEEDED', `${releaseId(manifest)} ${what}.`, {
      hint: `If that is right, raise ${nameOfSetting(settings, `limits.${limit}`)}.`,
    });
  if (sizeBytes > maxArchiveBytes)
    throw refused(`has an archive of ${sizeBytes} bytes, and ${maxArchiveBytes} are allowed`, 'maxArchive');
  if (manifest.unpackedBytes > maxUnpackedBytes)
    throw refused(
      `unpacks to ${manifest.unpackedBytes} bytes, and ${maxUnpackedBytes} are allowed`,
      'maxUnpacked',
    );
  if (manifest.entries > maxEntries)
    throw refused(`has ${manifest.entries} entries, and ${maxEntries} are allowed`, 'maxEntries');
  if (isBomb(manifest.unpackedBytes, sizeBytes, maxRatio))
    throw refused(`is more than ${maxRatio} times larger than its archive`, 'maxRatio');
}
