import type {Static} from '#typebox';
import type {offeredReleaseSchema} from '../../protocol/update-endpoints.js';
import type {createReleaseTools} from '../releases/release-tools.js';

/** A release as a console offers it. */
export type OfferedRelease = Static<typeof offeredReleaseSchema>;

/** What an update was asked to do; kept as it is beside its journal. */
export type UpdateRequest = {
  readonly id: string;
  readonly site: string;
  readonly by: string;
  readonly release: OfferedRelease;
  /** Version of the release, for lists; the manifest decides. */
  readonly to: string;
  /** Version that ran when it was asked for. */
  readonly from: string;
  /** The server folder; absolute. */
  readonly folder: string;
  readonly createdAt: string;
  readonly mailTo?: string;
  readonly window?: {readonly from?: string; readonly until?: string};
  readonly rolloutId?: string;
  readonly lockId?: string;
};

/** What an update needs of agent/releases. */
export type ReleaseTools = ReturnType<typeof createReleaseTools>;
