import {hash} from 'node:crypto';
import {readSync} from 'node:fs';
import {constants, zstdCompressSync} from 'node:zlib';
import type {FileRecord, RowRef} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import {contentOf} from '../../core/plan.js';
import {encodeFrame, frameLimits} from '../../protocol/content-frames.js';
import {TimeSlice} from '../../system/time-slice.js';
import type {ImagePart, ImagePiece, TableImage} from '../database/table-image.js';
import {passed} from '../memory.js';
import {matchDelta, type Signature} from './delta-match.js';
import {FrameBuffers} from './frame-buffers.js';
import type {IndexedOperation, OpenContent, SiteDatabase, SiteFiles, StagedRow} from './ports.js';
import {readFully} from './read-fully.js';

/** Files up to this size travel many to a frame. Bytes. */
export const smallFile = 256 * 1024;
/** Bytes of a large file that are read and sent together; small enough to stay in the processor's cache in between. */
const pieceBytes = 256 * 1024;
const filesPerBatch = 500;
const rowsPerRead = 500;

/** What is counted while content is sent. `bytes` is content as sent, after delta and compression. */
export type SendCount = {bytes: number; done: number};

/** Where content is sent from. `missing` hears of operations whose content is no longer what the plan saw. */
export type ContentSource = {
  readonly files: SiteFiles;
  readonly database: SiteDatabase | null;
  readonly signatures: ReadonlyMap<number, Signature>;
  /** Forms in which the receiver takes tables as images, by operation. */
  readonly images: ReadonlyMap<number, string>;
  readonly count: SendCount;
  missing(index: number, error: string): void;
  readonly signal?: AbortSignal;
};

/**
 * The content of operations as frames, in whatever order is cheapest. Reads small files synchronously in slices:
 * a promise for each would cost more than the file. `done` is not among the frames.
 */
export async function* sendContent(
  operations: readonly IndexedOperation[],
  source: ContentSource,
): AsyncGenerator<Uint8Array, void> {
  const small: {index: number; record: FileRecord}[] = [];
  const large: {index: number; record: FileRecord}[] = [];
  const rows: {index: number; record: RowRef & {digest: string}}[] = [];
  const tables: {index: number; table: string}[] = [];
  for (const {index, operation} of operations) {
    if (operation.op === 'copy-table') tables.push({index, table: operation.table});
    if (operation.op !== 'put') continue;
    const {record} = operation;
    if (record.type === 'row') rows.push({index, record: contentOf(record, operation.derived)});
    else if (record.kind !== 'folder') (record.size <= smallFile ? small : large).push({index, record});
  }
  yield* sendSmallFiles(small, source);
  for (const file of large) yield* sendLargeFile(file, source);
  yield* sendRows(rows, source);
  for (const table of tables) yield* sendTable(table, source);
}

async function* sendSmallFiles(
  files: readonly {index: number; record: FileRecord}[],
  source: ContentSource,
): AsyncGenerator<Uint8Array, void> {
  if (files.length === 0) return;
  const slice = new TimeSlice();
  const buffers = FrameBuffers.take(pieceBytes);
  try {
    let body = buffers.next();
    let filled = 0;
    let batch: [string, number][] = [];
    for (const {index, record} of files) {
      if (filled + record.size > body.length || batch.length === filesPerBatch) {
        yield* countedFrame(source, {type: 'batch', files: batch}, body.subarray(0, filled));
        body = buffers.next();
        filled = 0;
        batch = [];
      }
      if (slice.isOver) await slice.yieldIfDue(source.signal);
      const problem = readSmall(source.files, record, body.subarray(filled, filled + record.size));
      source.count.done++;
      if (problem !== undefined) {
        source.missing(index, problem);
        continue;
      }
      batch.push([record.digest, record.size]);
      filled += record.size;
    }
    if (batch.length > 0)
      yield* countedFrame(source, {type: 'batch', files: batch}, body.subarray(0, filled));
  } finally {
    buffers.giveBack();
  }
}

/** Reads a whole small content into `target`; answers what is wrong, if anything. */
function readSmall(files: SiteFiles, record: FileRecord, target: Buffer): string | undefined {
  let content: OpenContent;
  try {
    content = files.openContent(record);
  } catch (error) {
    if (error instanceof OperatorError) return error.message;
    return `It cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  try {
    if (content.kind !== record.kind) return changed(record);
    if (content.kind === 'link') {
      if (content.target.length !== target.length) return changed(record);
      target.set(content.target);
    } else {
      if (content.size !== record.size) return changed(record);
      const looksTheSame = content.mtime === record.mtime;
      for (let read = 0; read < target.length; ) {
        const count = readSync(content.fd, target, read, target.length - read, read);
        if (count === 0) return changed(record);
        read += count;
      }
      // As for a large file: of its size and time it is taken to be what the plan saw; the receiver checks its digest.
      if (looksTheSame) return undefined;
    }
    return hash('sha256', target, 'hex') === record.digest ? undefined : changed(record);
  } catch (error) {
    return `It cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    content.close();
  }
}

function changed(record: FileRecord): string {
  return `${record.path} was changed while it was synchronised.`;
}

async function* sendLargeFile(
  {index, record}: {index: number; record: FileRecord},
  source: ContentSource,
): AsyncGenerator<Uint8Array, void> {
  let content: OpenContent;
  try {
    content = source.files.openContent(record);
  } catch (error) {
    source.missing(index, error instanceof Error ? error.message : String(error));
    return;
  }
  try {
    // A file of the size and time that the plan saw is taken to be that content; the receiver checks its digest.
    if (content.kind !== 'file' || content.size !== record.size || content.mtime !== record.mtime) {
      source.missing(index, changed(record));
      return;
    }
    const signature = source.signatures.get(index);
    yield* encodeFrame({
      type: 'begin',
      digest: record.digest,
      size: record.size,
      delta: signature !== undefined,
    });
    let whole = true;
    try {
      if (signature === undefined) yield* sendPieces(content.fd, record.size, source);
      else yield* sendDelta(content.fd, record.size, signature, source);
    } catch (error) {
      source.signal?.throwIfAborted();
      whole = false;
      source.missing(index, error instanceof Error ? error.message : String(error));
    }
    yield* encodeFrame({type: 'end', whole});
    source.count.done++;
  } finally {
    content.close();
  }
}

async function* sendPieces(
  fd: number,
  size: number,
  source: ContentSource,
): AsyncGenerator<Uint8Array, void> {
  const buffers = FrameBuffers.take(pieceBytes);
  const read = async (position: number) => {
    const wanted = Math.min(pieceBytes, size - position);
    const body = buffers.next();
    if ((await readFully(fd, body, wanted, position)) < wanted)
      throw new Error('the file became shorter while it was read');
    return body.subarray(0, wanted);
  };
  // The next piece is read while one is sent.
  let next = size > 0 ? read(0) : undefined;
  try {
    for (let position = 0; next !== undefined; ) {
      source.signal?.throwIfAborted();
      const body: Buffer = await next;
      position += body.length;
      next = position < size ? read(position) : undefined;
      yield* countedFrame(source, {type: 'piece'}, body);
    }
  } finally {
    // Not before it is through with the file may that be closed.
    await next?.catch(() => {});
    buffers.giveBack();
  }
}

async function* sendDelta(
  fd: number,
  size: number,
  signature: Signature,
  source: ContentSource,
): AsyncGenerator<Uint8Array, void> {
  let parts: (number | [number, number])[] = [];
  let bodies: Buffer[] = [];
  let filled = 0;
  for await (const part of matchDelta(fd, size, signature)) {
    source.signal?.throwIfAborted();
    const length = part.kind === 'literal' ? part.bytes.length : 0;
    if (parts.length === 200 || filled + length > frameLimits.body) {
      yield* countedFrame(source, {type: 'delta', parts}, Buffer.concat(bodies));
      parts = [];
      bodies = [];
      filled = 0;
    }
    if (part.kind === 'copy') parts.push([part.from, part.count]);
    else {
      parts.push(length);
      // The bytes lie in a window that moves on; what is sent must stay.
      bodies.push(Buffer.from(part.bytes));
      filled += length;
    }
  }
  if (parts.length > 0) yield* countedFrame(source, {type: 'delta', parts}, Buffer.concat(bodies));
}

async function* sendRows(
  rows: readonly {index: number; record: RowRef & {digest: string}}[],
  source: ContentSource,
): AsyncGenerator<Uint8Array, void> {
  const packer = new RowPacker(source);
  for (let from = 0; from < rows.length; from += rowsPerRead) {
    source.signal?.throwIfAborted();
    const part = rows.slice(from, from + rowsPerRead);
    const found = (await source.database?.readRows(part.map(({record}) => record))) ?? [];
    for (const [position, {index, record}] of part.entries()) {
      const row = found[position];
      source.count.done++;
      if (row?.digest === record.digest) yield* packer.add(row);
      else source.missing(index, row === undefined ? 'The row is gone.' : 'The row was changed meanwhile.');
    }
  }
  yield* packer.flush();
}

async function* sendTable(
  {index, table}: {index: number; table: string},
  source: ContentSource,
): AsyncGenerator<Uint8Array, void> {
  if (source.database === null) {
    source.missing(index, 'The site has no database.');
    return;
  }
  const format = source.images.get(index);
  if (format !== undefined && (yield* sendImage(table, format, source))) return;
  const packer = new RowPacker(source);
  let rows = 0;
  yield* encodeFrame({type: 'table', table});
  for await (const row of source.database.readTable(table)) {
    source.signal?.throwIfAborted();
    rows++;
    yield* packer.add(row);
  }
  yield* packer.flush();
  yield* encodeFrame({type: 'table-end', rows});
  source.count.done++;
}

/** @returns false when the table is not to be had in that form; then nothing was sent. */
async function* sendImage(
  table: string,
  format: string,
  source: ContentSource,
): AsyncGenerator<Uint8Array, boolean> {
  let image: TableImage | undefined;
  let pending: ImagePiece[] = [];
  let size = 0;
  const flush = function* () {
    if (pending.length === 0) return;
    const {part} = pending[0]!;
    const bytes = Buffer.concat(pending.map(piece => piece.bytes));
    passed(2 * bytes.length);
    pending = [];
    size = 0;
    for (let from = 0; from < bytes.length; from += frameLimits.body)
      yield* packedFrame(source, {type: 'image', part}, bytes.subarray(from, from + frameLimits.body));
  };
  for await (const piece of source.database?.readImage?.(table, format) ?? []) {
    source.signal?.throwIfAborted();
    if ('format' in piece) {
      image = piece;
      yield* encodeFrame({type: 'table', table, image});
      continue;
    }
    if (piece.part !== pending[0]?.part) yield* flush();
    pending.push(piece);
    size += piece.bytes.length;
    if (size >= frameLimits.body / 2) yield* flush();
  }
  if (image === undefined) return false;
  yield* flush();
  yield* encodeFrame({type: 'table-end', rows: image.rows});
  source.count.done++;
  return true;
}

/** Rows as lines of JSON, cut into frames and compressed; a row that is larger than a frame spans several. */
class RowPacker {
  readonly #source: ContentSource;
  #lines: Buffer[] = [];
  #size = 0;

  constructor(source: ContentSource) {
    this.#source = source;
  }

  *add(row: StagedRow): Generator<Uint8Array, void> {
    const line = Buffer.from(`${JSON.stringify(row)}\n`);
    this.#lines.push(line);
    this.#size += line.length;
    if (this.#size >= frameLimits.body / 2) yield* this.flush();
  }

  *flush(): Generator<Uint8Array, void> {
    const bytes = Buffer.concat(this.#lines);
    this.#lines = [];
    this.#size = 0;
    for (let from = 0; from < bytes.length; from += frameLimits.body) {
      const plain = bytes.subarray(from, from + frameLimits.body);
      yield* packedFrame(this.#source, {type: 'rows'}, plain);
    }
  }
}

/** A frame with its body compressed, where that makes it smaller. */
function packedFrame(
  source: ContentSource,
  header: {type: 'rows'} | {type: 'image'; part: ImagePart},
  plain: Buffer,
): Uint8Array[] {
  const packed = zstdCompressSync(plain, fast);
  const zstd = packed.length < plain.length;
  return countedFrame(source, {...header, size: plain.length, zstd}, zstd ? packed : plain);
}

/** Tables are repetitive enough for the fastest level. */
const fast = {params: {[constants.ZSTD_c_compressionLevel]: 1}};

function countedFrame(
  source: ContentSource,
  header: Parameters<typeof encodeFrame>[0],
  body: Buffer,
): Uint8Array[] {
  source.count.bytes += body.length;
  return encodeFrame(header, body);
}
