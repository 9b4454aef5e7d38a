import {unwatchFile, watchFile} from 'node:fs';
import {setTimeout as delay} from 'node:timers/promises';
import type {Logger} from 'pino';
import {OperatorError} from '../core/operator-error.js';
import {
  configurationPath,
  loadConfiguration,
  type SiteConfiguration,
} from './configuration/agent-configuration.js';
import {openSite} from './site/open-site.js';
import type {Site} from './site/site.js';

/** How often agent.json is looked at, in milliseconds. */
const lookEveryMs = 500;

/** The sites of a serving agent, by name. */
export type ServedSites = {
  has(name: string): boolean;
  /**
   * A call that works on a site begins: waits while the site is being opened anew, and keeps it from being closed until
   * the returned function is called.
   * @throws OperatorError SITE_BUSY when opening takes too long or failed.
   */
  enter(name: string): Promise<() => void>;
  /** Resolves when no site is being opened anew, or after a while. */
  settled(): Promise<void>;
  /** @throws OperatorError UNKNOWN_SITE, or SITE_BUSY while the site is being opened anew. */
  get(name: string): Site;
  list(): readonly Site[];
  close(): Promise<void>;
};

type Served = {
  configuration: string;
  site: Site | undefined;
  /** Calls that work on it now. */
  calls: number;
};

/** How long a call waits for a site that is being opened anew, in milliseconds. */
const patienceMs = 20_000;

/**
 * Opens the sites of agent.json and follows what is changed there while the agent serves: a site that was added is
 * served, one that was changed is opened anew and one that was removed is closed, each as soon as no run holds it and no call works on it. A
 * mistake in the file is logged, and what was served before goes on.
 * @param onChange told the names of the sites that are served with their configuration as it is now.
 * @param isFixed whether nothing may come and go just now, because the agent itself is being updated.
 */
export async function openServedSites(
  dataFolder: string,
  sites: readonly SiteConfiguration[],
  log: Logger,
  onChange: (names: readonly string[]) => Promise<void>,
  isFixed: () => boolean = () => false,
): Promise<ServedSites> {
  const served = new Map<string, Served>();
  const file = configurationPath(dataFolder);
  let closed = false;

  const open = async (site: SiteConfiguration) => {
    const opened = await openSite(site, dataFolder);
    served.set(site.name, {configuration: JSON.stringify(site), site: opened, calls: 0});
    for (const message of opened.recovered) log.warn({site: site.name}, message);
  };
  const close = async () => {
    for (const [name, {site}] of served) {
      served.delete(name);
      await site?.close();
    }
  };

  /** @returns whether something has to wait for a run to end. */
  const follow = async (wanted: readonly SiteConfiguration[]): Promise<boolean> => {
    if (isFixed()) return true;
    let waiting = false;
    const kept = new Map(wanted.map(site => [site.name, site]));
    for (const [name, entry] of served) {
      const site = kept.get(name);
      if (site !== undefined && JSON.stringify(site) === entry.configuration) continue;
      if (entry.site?.lease.holder !== undefined || entry.calls > 0) {
        waiting = true;
        continue;
      }
      const old = entry.site;
      entry.site = undefined;
      await old?.close();
      if (site === undefined) served.delete(name);
      else await open(site);
      log.info({site: name}, site === undefined ? 'site closed' : 'site opened anew');
    }
    for (const site of wanted)
      if (!served.has(site.name)) {
        await open(site);
        log.info({site: site.name}, 'site added');
      }
    return waiting;
  };

  let following: Promise<void> | undefined;
  let dirty = false;
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    dirty = true;
    following ??= (async () => {
      try {
        while (dirty && !closed) {
          dirty = false;
          try {
            const {sites} = await loadConfiguration(dataFolder);
            if (await follow(sites)) timer = setTimeout(look, lookEveryMs);
          } catch (error) {
            log.warn({error: (error as Error).message}, 'agent.json cannot be followed');
          }
          const names = [...served].filter(([, {site}]) => site !== undefined).map(([name]) => name);
          await onChange(names);
        }
      } finally {
        following = undefined;
      }
    })();
  };

  const settled = async () => {
    const patience = new AbortController();
    await Promise.race([
      following,
      delay(patienceMs, undefined, {signal: patience.signal, ref: false}).catch(() => {}),
    ]);
    patience.abort();
  };
  const entryOf = (name: string): Served => {
    const entry = served.get(name);
    if (entry === undefined) throw new OperatorError('UNKNOWN_SITE', `This server hosts no site ${name}.`);
    return entry;
  };
  const get = (name: string): Site => {
    const {site} = entryOf(name);
    if (site === undefined)
      throw new OperatorError(
        'SITE_BUSY',
        `Site ${name} is being opened anew after a change of agent.json.`,
        {
          hint: 'Try again in a moment; the log of the agent says more if it stays so.',
        },
      );
    return site;
  };

  try {
    for (const site of sites) await open(site);
  } catch (error) {
    await close();
    throw error;
  }
  watchFile(file, {interval: lookEveryMs, persistent: false}, look);

  return {
    has: name => served.has(name),
    get,
    settled,
    async enter(name) {
      if (entryOf(name).site === undefined) await settled();
      get(name);
      const entry = entryOf(name);
      entry.calls += 1;
      return () => {
        entry.calls -= 1;
      };
    },
    list: () => [...served.values()].flatMap(({site}) => site ?? []),
    async close() {
      closed = true;
      unwatchFile(file, look);
      clearTimeout(timer);
      await following;
      await close();
    },
  };
}
