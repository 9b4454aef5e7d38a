import {type FileRecord, type ItemRecord, type ItemRef, refOf} from '../core/item.js';
import {OperatorError} from '../core/operator-error.js';
import type {FamilyEdge} from '../core/row-families.js';
import {listInside, lookUpItems, showItems} from '../protocol/record-endpoints.js';
import {listChildren} from '../protocol/row-endpoints.js';
import type {SiteEnd} from './connect-sites.js';
import type {ShownItem} from './engine.js';

/** What a side knows of some items, in the order asked; undefined for what it never had. */
export async function lookUp(
  end: SiteEnd,
  items: readonly ItemRef[],
  signal?: AbortSignal,
): Promise<readonly (ItemRecord | undefined)[]> {
  if (items.length === 0) return [];
  const found: (ItemRecord | undefined)[] = [];
  const reply = await end.client.call(lookUpItems, {...about(end, items), ...withSignal(signal)});
  for await (const record of reply) found.push(record ?? undefined);
  return complete(end, found, items.length);
}

/** Values of rows and text of files as they are now, in the order asked (E13). */
export async function show(
  end: SiteEnd,
  items: readonly ItemRef[],
  signal?: AbortSignal,
): Promise<readonly ShownItem[]> {
  if (items.length === 0) return [];
  const shown: ShownItem[] = [];
  const reply = await end.client.call(showItems, {...about(end, items), ...withSignal(signal)});
  for await (const item of reply) shown.push(item);
  return complete(end, shown, items.length);
}

/** Live rows that refer to the named ones, each with the row it refers to. */
export async function* children(
  end: SiteEnd,
  rows: readonly ItemRef[],
  signal: AbortSignal,
): AsyncGenerator<FamilyEdge, void, undefined> {
  if (rows.length === 0) return;
  for await (const {child, parent} of await end.client.call(listChildren, {...about(end, rows), signal}))
    if (child.type === 'row' && parent.type === 'row') yield {child, parent};
}

/** Folders that one request names; a request is one document of limited size. */
const foldersPerRequest = 50;

/** Live files, folders and links below the named folders. */
export async function* inside(
  end: SiteEnd,
  folders: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<FileRecord, void, undefined> {
  for (let from = 0; from < folders.length; from += foldersPerRequest) {
    const paths = folders.slice(from, from + foldersPerRequest);
    const records = await end.client.call(listInside, {
      params: {site: end.site.name},
      body: {paths},
      signal,
    });
    for await (const record of records) if (record.type === 'file') yield record;
  }
}

function about(end: SiteEnd, items: readonly ItemRef[]) {
  return {params: {site: end.site.name}, body: streamOf(items.map(refOf))};
}

function withSignal(signal: AbortSignal | undefined): {signal?: AbortSignal} {
  return signal === undefined ? {} : {signal};
}

function complete<T>(end: SiteEnd, found: T[], expected: number): T[] {
  if (found.length === expected) return found;
  throw new OperatorError(
    'INVALID_ANSWER',
    `${end.server.name} was asked about ${expected} items and answered ${found.length}.`,
  );
}

/** A list as a request's body. */
export async function* streamOf<T>(values: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* values;
}
