import {type Static, Type} from '#typebox';
import {type ArchiveLimits, defaultArchiveLimits} from '../../core/archive-rules.js';
import {byteSize} from '../../core/byte-size.js';
import {type PublicKey, readPublicKey} from '../../core/minisign.js';

const strict = {additionalProperties: false} as const;
const bytes = (description: string) =>
  Type.Optional(Type.String({description, pattern: '^[1-9][0-9]{0,8}(B|KiB|MiB|GiB|TiB)$'}));

/** What `update` of a site in agent.json says of releases (U2): whom they are believed from, and their limits. */
export const releaseSettingsSchema = {
  keys: Type.Optional(
    Type.Array(Type.String({pattern: '^RW[QRST][A-Za-z0-9+/]{53}$'}), {
      maxItems: 32,
      description: 'Public keys of minisign; a release must be signed with one of them',
    }),
  ),
  allowUnsigned: Type.Optional(
    Type.Boolean({description: 'Whether a release without a signature is taken as well; false when absent'}),
  ),
  limits: Type.Optional(
    Type.Object(
      {
        maxArchive: bytes('Largest archive of a release; 10GiB when absent'),
        maxUnpacked: bytes('Most bytes of its files together; 20GiB when absent'),
        maxEntries: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 1_000_000,
            description: 'Most files and folders; 200000 when absent',
          }),
        ),
        maxRatio: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 1100,
            description: 'How many times larger a release may be than its archive; 200 when absent',
          }),
        ),
        downloadRate: bytes('Bytes per second that a download takes at most; unlimited when absent'),
      },
      {...strict, description: 'Limits on releases'},
    ),
  ),
};

const releaseSettings = Type.Object(releaseSettingsSchema);

/** The same with its defaults filled in. */
export type ReleaseSettings = {
  readonly keys: readonly PublicKey[];
  readonly allowUnsigned: boolean;
  /** Bytes of an archive at most. */
  readonly maxArchiveBytes: number;
  readonly archive: ArchiveLimits;
  /** Bytes per second. */
  readonly downloadRate?: number;
  /** Where they stand in agent.json when that is not `update` of a site. */
  readonly place?: 'selfUpdate';
};

/** How messages name one of the settings. */
export const nameOfSetting = ({place}: Pick<ReleaseSettings, 'place'>, name: string): string =>
  place === undefined ? `\`update.${name}\` of the site in agent.json` : `\`${place}.${name}\` in agent.json`;

const defaultMaxArchive = '10GiB';

export function toReleaseSettings(update: Static<typeof releaseSettings> = {}): ReleaseSettings {
  const {keys = [], allowUnsigned = false, limits = {}} = update;
  const {maxEntries, maxUnpackedBytes, maxRatio} = defaultArchiveLimits;
  return {
    keys: keys.map(readPublicKey),
    allowUnsigned,
    maxArchiveBytes: byteSize(limits.maxArchive ?? defaultMaxArchive)!,
    archive: {
      maxEntries: limits.maxEntries ?? maxEntries,
      maxUnpackedBytes: limits.maxUnpacked === undefined ? maxUnpackedBytes : byteSize(limits.maxUnpacked)!,
      maxRatio: limits.maxRatio ?? maxRatio,
    },
    ...(limits.downloadRate === undefined ? {} : {downloadRate: byteSize(limits.downloadRate)!}),
  };
}
