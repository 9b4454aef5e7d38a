import {constants, lstatSync, openSync, readlinkSync} from 'node:fs';
import type {FileRecord} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import type {Operation} from '../../core/plan.js';
import {checkSpace} from './no-space.js';
import type {SiteFiles, StagedRow} from './ports.js';
import type {SiteHistory} from './site-history.js';
import {copyFromSite, stageOpenFile} from './stage-copy.js';
import type {Staging} from './staging.js';

export type RecallLine =
  | {type: 'progress'; done: number}
  | {type: 'missing'; index: number; error: string}
  | {type: 'recalled'};

type RecallSite = {
  readonly root: string;
  readonly files: SiteFiles;
  readonly history: SiteHistory;
  readonly staging: Staging;
};

const reportMs = 250;
const gone = 'its old version is not in history any more';

/**
 * Stages content from the site's own history, as a transfer stages what comes from another agent: a copy, so that the
 * history keeps its own whatever becomes of the item. Repeatable.
 */
export async function* recallContent(
  wanted: AsyncIterable<{entry: string; operation: Operation}>,
  site: RecallSite,
  signal: AbortSignal,
): AsyncGenerator<RecallLine, void> {
  let index = 0;
  let reportedMs = Date.now();
  for await (const {entry, operation} of wanted) {
    signal.throwIfAborted();
    const error = await recall(entry, operation, site);
    if (error !== undefined) yield {type: 'missing', index, error};
    index += 1;
    if (Date.now() - reportedMs > reportMs) {
      reportedMs = Date.now();
      yield {type: 'progress', done: index};
    }
  }
  yield {type: 'recalled'};
}

/** @returns why the content cannot be had */
async function recall(entry: string, operation: Operation, site: RecallSite): Promise<string | undefined> {
  const {history, staging} = site;
  if (operation.op === 'copy-table') return recallTable(entry, operation.table, site);
  if (operation.op !== 'put') return undefined;
  const {record} = operation;
  if (record.type === 'file')
    return record.kind === 'folder' ? undefined : await recallFile(entry, record, site);
  if (staging.rows.has(record, record.digest)) return undefined;
  const row = history.rowOf(entry);
  if (row === undefined || row.table !== record.table || row.digest !== record.digest) return gone;
  return refusalOf(() => staging.rows.add([row]));
}

function recallTable(entry: string, table: string, {history, staging}: RecallSite): string | undefined {
  if (staging.rows.hasTable(table)) return undefined;
  const pages = history.tableOf(entry);
  if (pages === undefined) return gone;
  staging.rows.beginTable(table);
  for (const rows of pages) {
    const refusal = refusalOf(() => staging.rows.addToTable(table, rows as readonly StagedRow[]));
    if (refusal !== undefined) return refusal;
  }
  staging.rows.completeTable(table);
  return undefined;
}

async function recallFile(entry: string, record: FileRecord, site: RecallSite): Promise<string | undefined> {
  const {history, staging, root} = site;
  if (await staging.has(record.digest, record.size)) return undefined;
  await checkSpace(root, record.size);
  const kept = history.contentOf(entry);
  if (kept !== undefined) {
    const stat = lstatSync(kept);
    if (stat.isSymbolicLink()) {
      const target = readlinkSync(kept, {encoding: 'buffer'});
      if (staging.addBatch([[record.digest, target.length]], target).length === 0) return undefined;
    } else if (stat.isFile() && stat.size === record.size) {
      const fd = openSync(kept, constants.O_RDONLY | constants.O_NOFOLLOW);
      if (await stageOpenFile(fd, record, staging)) return undefined;
    }
  }
  // The same content may lie elsewhere in the site, as it may for a transfer.
  return (await copyFromSite(record, site)) ? undefined : gone;
}

/** What a damaged history is refused with; anything else goes on. */
function refusalOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof OperatorError && error.code === 'CONTENT_MISMATCH')
      return 'its old version is damaged';
    throw error;
  }
}
