import type {Change} from '../../core/change.js';
import type {ItemRef} from '../../core/item.js';
import type {FileHistory, StagedRow} from './ports.js';
import type {RowHistory} from './row-history.js';

/** What commits changed at a site, files and rows together (E10, X2). */
export type SiteHistory = {
  /** Newest first; of one run, of one item, or all. */
  entries(filter: {runId?: string; item?: ItemRef}): Iterable<Change>;
  find(id: string): Change | undefined;
  /** The newest change of an item whose old version is kept. */
  newest(item: ItemRef): Change | undefined;
  /** Absolute path of the file or link that was there before a change. */
  contentOf(id: string): string | undefined;
  /** The row that was there before a change. */
  rowOf(id: string): StagedRow | undefined;
  /** The rows of a table without a key before it was copied. */
  tableOf(id: string): Iterable<readonly StagedRow[]> | undefined;
};

export function createSiteHistory(files: FileHistory, rows: RowHistory): SiteHistory {
  const entries: SiteHistory['entries'] = ({runId, item}) => {
    const run = runId === undefined ? {} : {runId};
    const ofFiles =
      item === undefined || item.type === 'file'
        ? files.entries({...run, ...(item === undefined ? {} : {path: item.path})})
        : [];
    const ofRows =
      item === undefined || item.type !== 'file'
        ? rows.entries({...run, ...(item === undefined ? {} : {item})})
        : [];
    return newestFirst(ofFiles, ofRows);
  };
  return {
    entries,
    find: id => files.find(id) ?? rows.find(id),
    newest(item) {
      for (const change of entries({item})) if (change.restorable) return change;
      return undefined;
    },
    contentOf: id => files.contentOf(id),
    rowOf: id => rows.rowOf(id),
    tableOf: id => rows.tableOf(id),
  };
}

/** Two histories as one, newest first. */
function* newestFirst(a: Iterable<Change>, b: Iterable<Change>): Generator<Change, void> {
  const left = a[Symbol.iterator]();
  const right = b[Symbol.iterator]();
  let first = left.next();
  let second = right.next();
  while (!first.done || !second.done) {
    if (second.done || (!first.done && first.value.at >= second.value.at)) {
      yield first.value!;
      first = left.next();
    } else {
      yield second.value;
      second = right.next();
    }
  }
}
