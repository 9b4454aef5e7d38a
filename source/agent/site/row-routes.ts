import type {ItemRef, RowRef} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import type {Selected} from '../../core/selection.js';
import {browseContent, browseLimit} from '../../protocol/browse-endpoints.js';
import * as endpoints from '../../protocol/row-endpoints.js';
import type {AgentServer} from '../server/agent-server.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import {browseContent as contentIn} from './browse-content.js';
import {expandSelection} from './expand-selection.js';
import {checkedValues, identifyRow} from './identify-row.js';
import {inBatches} from './in-batches.js';
import type {SiteOf} from './site.js';

/** Rows that are looked up together. */
const lookUpBatch = 500;
/** Things that one selection may name. */
const mostSelected = 100_000;

/** Adds what a console asks about rows by what they mean: selections, collisions, ids. */
export function registerRowRoutes(server: AgentServer, siteOf: SiteOf): void {
  registerEndpoint(server, endpoints.expandSelection, ({params, body}) => {
    const site = siteOf(params.site);
    return (async function* () {
      const selection: Selected[] = [];
      for await (const selected of body) {
        if (selection.length === mostSelected)
          throw new OperatorError('LIMIT_EXCEEDED', `More than ${mostSelected} things are selected.`);
        selection.push(selected);
      }
      yield* expandSelection(selection, await site.selectionSource());
    })();
  });

  registerEndpoint(server, browseContent, async ({params, body}) =>
    contentIn(body.folder, await siteOf(params.site).selectionSource(), browseLimit),
  );

  registerEndpoint(server, endpoints.listChildren, ({params, body}) => {
    const {database} = siteOf(params.site);
    return (async function* () {
      const refs = await rowsOf(body);
      if (database !== null && refs.length > 0) yield* database.children(refs);
    })();
  });

  registerEndpoint(server, endpoints.listParents, ({params, body}) => {
    const {database} = siteOf(params.site);
    return (async function* () {
      const refs = await rowsOf(body);
      if (database !== null && refs.length > 0) yield* database.parents(refs);
    })();
  });

  registerEndpoint(server, endpoints.identifyRows, ({params, body}) => {
    const {database} = siteOf(params.site);
    return (async function* () {
      for await (const asked of inBatches(body, lookUpBatch)) {
        const refs = asked.map(({row}) => {
          if (row.type === 'row') return row;
          throw new OperatorError('BAD_REQUEST', 'Only rows have values.');
        });
        const found = (await database?.readRows(refs)) ?? [];
        for (const [index, {columns, changes}] of asked.entries())
          yield identifyRow(found[index], columns, changes);
      }
    })();
  });

  registerEndpoint(server, endpoints.findRows, ({params, body}) => {
    const {database} = siteOf(params.site);
    return (async function* () {
      for await (const {table, values} of body) {
        const keys = (await database?.findRows(table, checkedValues(values), 10)) ?? [];
        yield {keys: keys.map(key => [...key])};
      }
    })();
  });

  registerEndpoint(server, endpoints.listNotes, ({params}) => {
    const {database} = siteOf(params.site);
    return (async function* () {
      for (const note of (await database?.notes?.()) ?? []) yield {note};
    })();
  });

  registerEndpoint(server, endpoints.listIds, ({params}) => {
    const {database} = siteOf(params.site);
    return (async function* () {
      yield* (await database?.idColumns()) ?? [];
    })();
  });

  registerEndpoint(server, endpoints.setNumber, async ({params, body}) => {
    await siteOf(params.site).setNumber(body.number);
    return {};
  });
}

async function rowsOf(refs: AsyncIterable<ItemRef>): Promise<readonly RowRef[]> {
  const rows: RowRef[] = [];
  for await (const ref of refs) if (ref.type === 'row') rows.push(ref);
  return rows;
}
