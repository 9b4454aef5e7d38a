import {hash} from 'node:crypto';
import {readSync} from 'node:fs';
import type {FileRecord} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import {encodeFrame, frameLimits} from '../../protocol/content-frames.js';
import {TimeSlice} from '../../system/time-slice.js';
import {type ContentSource, countedFrame} from './content-source.js';
import {matchDelta, type Signature} from './delta-match.js';
import {FrameBuffers} from './frame-buffers.js';
import type {OpenContent, SiteFiles} from './ports.js';
import {readFully} from './read-fully.js';

/** Files up to this size travel many to a frame. Bytes. */
export const smallFile = 256 * 1024;
/** Bytes of a large file that are read and sent together; small enough to stay in the processor's cache in between. */
const pieceBytes = 256 * 1024;
const filesPerBatch = 500;

/** Files with the operations that they are the content of. */
type IndexedFile = {readonly index: number; readonly record: FileRecord};

/**
 * Many files to a frame. Reads them synchronously in slices: a promise for each would cost more than the file.
 */
export async function* sendSmallFiles(
  files: readonly IndexedFile[],
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

/** One file in pieces, or as what differs from what the receiver has. */
export async function* sendLargeFile(
  {index, record}: IndexedFile,
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
