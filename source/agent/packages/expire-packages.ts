import type {Logger} from 'pino';
import type {Site} from '../site/site.js';

/** How often sites are looked at though nothing is known to expire, milliseconds: clocks are set, machines sleep. */
const lookEveryMs = 60 * 60_000;

type Options = {
  readonly sites: () => readonly Pick<Site, 'name' | 'packages'>[];
  readonly log: Logger;
  /** Aborted when the agent stops. */
  readonly stopping: AbortSignal;
};

/**
 * Deletes packages as they expire, without anybody opening the package manager (P7): when the agent starts, when the next
 * one expires, and every hour.
 * @returns looks again now; to be called when an expiry may have changed
 */
export function expirePackages({sites, log, stopping}: Options): () => void {
  let timer: NodeJS.Timeout | undefined;
  let looking = false;
  let again = false;

  const lookAt = async ({name, packages}: Pick<Site, 'name' | 'packages'>): Promise<number> => {
    try {
      const expired = await packages.maintain();
      if (expired.length > 0) log.info({site: name, expired}, 'expired packages deleted');
      return packages.nextExpiryMs() ?? Number.POSITIVE_INFINITY;
    } catch (err) {
      log.error({err, site: name}, 'expired packages cannot be deleted');
      return Number.POSITIVE_INFINITY;
    }
  };
  const look = async () => {
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    clearTimeout(timer);
    let nextMs = Number.POSITIVE_INFINITY;
    do {
      again = false;
      nextMs = Math.min(...(await Promise.all(sites().map(lookAt))));
    } while (again);
    looking = false;
    if (stopping.aborted) return;
    timer = setTimeout(() => void look(), Math.min(lookEveryMs, Math.max(0, nextMs - Date.now())));
    timer.unref();
  };
  stopping.addEventListener('abort', () => clearTimeout(timer), {once: true});
  void look();
  return () => void look();
}
