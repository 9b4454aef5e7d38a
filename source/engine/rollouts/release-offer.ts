import {OperatorError} from '../../core/operator-error.js';
import type {SiteAddress} from '../engine.js';
import type {EngineContext} from '../engine-context.js';
import {createReleases} from '../releases/create-releases.js';
import type {OfferedRelease} from '../releases.js';

/** A release as a rollout offers it to agents. */
export type ReleaseOffer = {
  readonly version: string;
  /** SHA-256 of its manifest. */
  readonly digest: string;
  /** For a check, which changes nothing. */
  offer(to: SiteAddress): Promise<OfferedRelease>;
  /** Brings a server what it needs before its update; quick when all is there. */
  bring(to: SiteAddress): Promise<OfferedRelease>;
};

/**
 * A release that the console knows.
 * @param id `NAME-VERSION`
 * @param digest of the manifest that a rollout was created for: all its servers get the same
 * @throws OperatorError NOT_FOUND, CONTENT_MISMATCH
 */
export async function offerRelease(
  context: EngineContext,
  id: string,
  digest?: string,
): Promise<ReleaseOffer> {
  const releases = createReleases(context);
  await releases.offer(id);
  const entry = (await releases.list()).find(release => release.id === id)!;
  if (digest !== undefined && entry.digest !== digest)
    throw new OperatorError(
      'CONTENT_MISMATCH',
      `The release ${id} is not the one that the rollout was created for.`,
      {
        hint: 'Create another rollout: all servers of one get the same.',
      },
    );
  return {
    version: entry.version,
    digest: entry.digest,
    offer: to => releases.offer(id, to),
    bring: to => releases.bring(id, to),
  };
}
