import type {AgentClient} from '../client/agent-client.js';
import {
  browseContent,
  browseFiles,
  type ContentEntry,
  type FolderEntry,
} from '../protocol/browse-endpoints.js';
import type {SiteAddress} from './engine.js';
import {type EngineContext, findServer} from './engine-context.js';

export type {ContentEntry, FolderEntry};

/** One level of what a site holds; `more` when there is more than an answer holds. */
export type Level<Entry> = {entries: readonly Entry[]; more: boolean};

/**
 * What a site holds, level by level, for picking what is to travel (E20–E22). Throw NOT_FOUND and the failures of a
 * connection.
 */
export type BrowseVerbs = {
  /** @param folder relative to the site root; '' is the root */
  files(site: SiteAddress, folder: string): Promise<Level<FolderEntry>>;
  /** @param folder key of a folder's row; the outermost level when absent */
  content(site: SiteAddress, folder?: readonly string[]): Promise<Level<ContentEntry>>;
};

export function createBrowse(context: EngineContext): BrowseVerbs {
  const at = async <T>({server}: SiteAddress, work: (client: AgentClient) => Promise<T>): Promise<T> => {
    const client = await context.connect(findServer(await context.state.read(), server));
    try {
      return await work(client);
    } finally {
      client.close();
    }
  };
  return {
    files: (site, folder) =>
      at(site, client => client.call(browseFiles, {params: {site: site.site}, body: {folder}})),
    content: (site, folder) =>
      at(site, client =>
        client.call(browseContent, {
          params: {site: site.site},
          body: folder === undefined ? {} : {folder: [...folder]},
        }),
      ),
  };
}
