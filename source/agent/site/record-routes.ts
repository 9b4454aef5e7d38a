import type {ItemRecord} from '../../core/item.js';
import {createSiteScope} from '../../core/scope.js';
import {browseFiles, browseLimit} from '../../protocol/browse-endpoints.js';
import * as endpoints from '../../protocol/record-endpoints.js';
import {inSlices} from '../../system/time-slice.js';
import {relieve} from '../memory.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import {inBatches} from './in-batches.js';
import {reportWhile} from './report-while.js';
import {showItems} from './show-item.js';
import type {Site, SiteOf} from './site.js';

/** Items that are looked up together. */
const lookUpBatch = 500;
/** Items that are shown together. */
const showBatch = 20;

/** Records after which memory is looked after. */
const relievedAfter = 5_000;

type ProgressLine = {type: 'progress'; done: number; total?: number; unit: string};

/** A long stream leaves garbage behind as fast as it is read. */
async function* relieved<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
  let count = 0;
  for await (const item of items) {
    yield item;
    if (++count % relievedAfter === 0) relieve();
  }
}

/** Adds what a console reads of the records of a site. */
export function registerRecordRoutes(server: AgentServer, siteOf: SiteOf): void {
  registerEndpoint(server, endpoints.scanSite, ({params, body, signal}) => {
    const site = siteOf(params.site);
    return (async function* () {
      const result = yield* reportWhile<ProgressLine, Awaited<ReturnType<Site['scan']>>>(report =>
        site.scan(
          {
            files: body.files,
            database: body.database,
            acceptRoot: body.acceptRoot ?? false,
            verify: body.verify ?? false,
          },
          {
            signal,
            progress: (done, total) =>
              report({type: 'progress', done, ...(total === undefined ? {} : {total}), unit: 'items'}),
          },
        ),
      );
      yield {type: 'scanned' as const, result};
    })();
  });

  registerEndpoint(server, endpoints.listChanges, ({params, body, signal}) => {
    const {files, database} = siteOf(params.site);
    return (async function* (): AsyncGenerator<ItemRecord, void> {
      // Files stand before rows in the order of `compareItems`.
      if (body.files !== undefined) yield* relieved(inSlices(files.changes(body.files), signal));
      if (body.database !== undefined && database !== null) yield* relieved(database.changes(body.database));
    })();
  });

  registerEndpoint(server, endpoints.lookUpItems, ({params, body}) => {
    const {files, database} = siteOf(params.site);
    return (async function* () {
      for await (const refs of inBatches(body, lookUpBatch)) {
        const others = refs.filter(ref => ref.type !== 'file');
        const found = (others.length > 0 ? await database?.lookUp(others) : undefined) ?? [];
        const records = new Map(others.map((ref, position) => [ref, found[position]]));
        for (const ref of refs) yield (ref.type === 'file' ? files.lookUp(ref) : records.get(ref)) ?? null;
      }
    })();
  });

  registerEndpoint(server, endpoints.listInside, ({params, body, signal}) => {
    const {files} = siteOf(params.site);
    return (async function* (): AsyncGenerator<ItemRecord, void> {
      for (const path of body.paths) yield* inSlices(files.inside(path), signal);
    })();
  });

  registerEndpoint(server, endpoints.countItems, async ({params, body}) => {
    const {files, database} = siteOf(params.site);
    const scope = createSiteScope(body.scope);
    return {
      files: files.count((path, isFolder) => scope.accepts(path, isFolder)),
      rows: scope.includesDatabase && database !== null ? await database.count() : 0,
    };
  });

  registerEndpoint(server, endpoints.showItems, ({params, body}) => {
    const site = siteOf(params.site);
    return (async function* () {
      for await (const refs of inBatches(body, showBatch)) yield* await showItems(refs, site);
    })();
  });

  registerEndpoint(server, browseFiles, ({params, body}) =>
    siteOf(params.site).files.list(body.folder, browseLimit),
  );
}
