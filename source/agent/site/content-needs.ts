import type {FileRecord} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import {contentOf} from '../../core/plan.js';
import {encodeFrame} from '../../protocol/content-frames.js';
import {TimeSlice} from '../../system/time-slice.js';
import {blockSizeOf, deltaThreshold, signatureOf} from './delta-signature.js';
import {checkSpace} from './no-space.js';
import type {IndexedOperation, SiteDatabase, SiteFiles} from './ports.js';
import {copyFromSite} from './stage-copy.js';
import type {Staging} from './staging.js';

/** A large file that is needed, and what is here in its place: the basis of a delta. */
export type OfferedBasis = {
  readonly index: number;
  readonly digest: string;
  readonly size: number;
  readonly block: number;
  open(): {fd: number; close(): void};
};

export type Needs = {
  readonly indexes: readonly number[];
  readonly bases: readonly OfferedBasis[];
  /** Tables that can be taken as images. */
  readonly images: readonly {readonly index: number; readonly format: string}[];
};

/**
 * What of a batch of operations must be brought here. Content that is staged already, or that a file of this site
 * holds (something was renamed or copied at the other side), is not asked for.
 * @throws OperatorError NO_SPACE before anything is brought.
 */
export async function findNeeds(
  batch: readonly IndexedOperation[],
  site: {root: string; files: SiteFiles; database: SiteDatabase | null; staging: Staging},
  signal?: AbortSignal,
): Promise<Needs> {
  const {staging, files} = site;
  const slice = new TimeSlice();
  const indexes: number[] = [];
  const large: {index: number; record: FileRecord}[] = [];
  const small: FileRecord[] = [];
  const asked = new Set<string>();
  const images: {index: number; format: string}[] = [];
  let bytes = 0;
  for (const {index, operation} of batch) {
    if (slice.isOver) await slice.yieldIfDue(signal);
    if (operation.op === 'copy-table') {
      if (staging.rows.hasTable(operation.table)) continue;
      indexes.push(index);
      const format = operation.keyed ? await site.database?.imageFormat?.(operation.table) : undefined;
      if (format !== undefined) images.push({index, format});
      continue;
    }
    if (operation.op !== 'put') continue;
    const {record} = operation;
    if (record.type === 'row') {
      if (operation.derived?.here === true) continue;
      const content = contentOf(record, operation.derived);
      if (!staging.rows.has(content, content.digest)) indexes.push(index);
      continue;
    }
    if (record.kind === 'folder' || asked.has(record.digest)) continue;
    if (await staging.has(record.digest, record.size)) continue;
    if (await copyFromSite(record, site)) continue;
    asked.add(record.digest);
    indexes.push(index);
    bytes += record.size;
    if (record.kind === 'file' && record.size >= deltaThreshold) large.push({index, record});
    else small.push(record);
  }
  staging.expect(small);
  if (bytes > 0) await checkSpace(site.root, bytes);
  const bases: OfferedBasis[] = [];
  for (const {index, record} of large) {
    const basis = findBasis(record, files, staging);
    if (basis === undefined) continue;
    staging.bases.set(record.digest, basis);
    bases.push({index, digest: record.digest, ...basis});
  }
  return {indexes, bases, images};
}

/** Needs as frames. `done` is not among them. */
export async function* encodeNeeds(needs: Needs): AsyncGenerator<Uint8Array, void> {
  for (let from = 0; from < needs.indexes.length; from += 4000)
    yield* encodeFrame({type: 'need', indexes: needs.indexes.slice(from, from + 4000)});
  for (const image of needs.images) yield* encodeFrame({type: 'image-format', ...image});
  for (const {index, size, block, open} of needs.bases) {
    const basis = open();
    try {
      let from = 0;
      for await (const entries of signatureOf(basis.fd, size, block)) {
        yield* encodeFrame({type: 'signature', index, size, block, from}, entries);
        from += entries.length / 16;
      }
    } finally {
      basis.close();
    }
  }
}

/** The old version of a file, or what an interrupted transfer brought of the new one. */
function findBasis(record: FileRecord, files: SiteFiles, staging: Staging) {
  const partial = staging.setAsidePartial(record.digest);
  const old = files.lookUp(record);
  const oldSize = old !== undefined && !old.deleted && old.kind === 'file' && !old.problem ? old.size : 0;
  if (partial !== undefined && partial.size >= oldSize)
    return {
      size: partial.size,
      block: blockSizeOf(partial.size),
      open: () => staging.openBasis(record.digest),
    };
  if (oldSize < deltaThreshold) return undefined;
  return {size: oldSize, block: blockSizeOf(oldSize), open: () => openFile(files, record)};
}

function openFile(files: SiteFiles, record: FileRecord): {fd: number; close(): void} {
  const content = files.openContent(record);
  if (content.kind === 'file') return content;
  content.close();
  throw new OperatorError('NOT_FOUND', `${record.path} is no longer a file.`);
}
