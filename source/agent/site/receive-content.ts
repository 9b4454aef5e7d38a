import {zstdDecompressSync} from 'node:zlib';
import {OperatorError} from '../../core/operator-error.js';
import {type Frame, frameLimits} from '../../protocol/content-frames.js';
import {limits} from '../../protocol/endpoint.js';
import {TimeSlice} from '../../system/time-slice.js';
import type {ImagePart, TableImage} from '../database/table-image.js';
import {passed} from '../memory.js';
import {faultPoint} from './fault-point.js';
import type {StagedRow} from './ports.js';
import type {StagedFile} from './staged-file.js';
import {mismatch, type Refusal, type Staging} from './staging.js';

export type Received = {
  /** Contents and rows staged. */
  staged: number;
  /** Bytes of content as they came. */
  bytes: number;
  refused: Refusal[];
  /** What the sender no longer has, by operation index. */
  missing: {index: number; error: string}[];
};

/**
 * Stages what a sender sends. Everything is checked against its digest while it is written; what lies is refused,
 * removed and reported, the rest is kept.
 * @throws OperatorError BAD_REQUEST for frames out of order, NO_SPACE, CONNECTION_LOST for a stream that is cut off;
 *   what was whole by then stays staged.
 */
export async function receiveContent(
  stream: AsyncIterable<Frame>,
  staging: Staging,
  received: Received = {staged: 0, bytes: 0, refused: [], missing: []},
): Promise<Received> {
  const slice = new TimeSlice();
  const rows = new RowReceiver(staging, received);
  let file: StagedFile | undefined;
  try {
    for await (const {header, body} of stream) {
      received.bytes += body.length;
      passed(body.length);
      if (file !== undefined && !['piece', 'delta', 'end'].includes(header.type))
        throw outOfOrder(header.type);
      switch (header.type) {
        case 'batch': {
          const refused = staging.addBatch(header.files, body);
          received.refused.push(...refused);
          received.staged += header.files.length - refused.length;
          faultPoint('transfer.receiving');
          break;
        }
        case 'begin':
          file = staging.beginFile(header.digest, header.size, header.delta);
          break;
        case 'piece':
          if (file === undefined) throw outOfOrder(header.type);
          await file.write(body);
          faultPoint('transfer.receiving');
          break;
        case 'delta':
          if (file === undefined) throw outOfOrder(header.type);
          await applyDelta(file, header.parts, body);
          break;
        case 'end':
          if (file === undefined) throw outOfOrder(header.type);
          if (!header.whole) await file.abandon();
          else if (await file.finish()) received.staged++;
          else {
            // Told as differences from an old version that has changed since: the whole is asked for next.
            staging.bases.delete(file.digest);
            received.refused.push({digest: file.digest, error: mismatch(file.digest)});
          }
          file = undefined;
          break;
        case 'rows':
          rows.add(unpack(header, body));
          faultPoint('transfer.receiving');
          break;
        case 'table':
          rows.beginTable(header.table, header.image);
          break;
        case 'image':
          rows.addPiece(header.part, unpack(header, body).length, header.zstd, body);
          faultPoint('transfer.receiving');
          break;
        case 'table-end':
          rows.endTable(header.rows);
          break;
        case 'missing':
          if (received.missing.length < 5000)
            received.missing.push({index: header.index, error: header.error});
          break;
        case 'done':
          break;
        case 'need':
        case 'signature':
        case 'image-format':
        case 'operations':
          throw outOfOrder(header.type);
      }
      if (slice.isOver) await slice.yieldIfDue();
    }
    rows.end();
    return received;
  } finally {
    await file?.interrupt();
  }
}

function outOfOrder(type: string): OperatorError {
  return new OperatorError('BAD_REQUEST', `A frame "${type}" has no place here.`);
}

async function applyDelta(
  file: StagedFile,
  parts: readonly (number | [number, number])[],
  body: Buffer,
): Promise<void> {
  let offset = 0;
  for (const part of parts) {
    if (typeof part !== 'number') {
      await file.copy(part[0], part[1]);
      continue;
    }
    if (offset + part > body.length)
      throw new OperatorError('BAD_REQUEST', 'A delta is shorter than it says.');
    await file.write(body.subarray(offset, offset + part));
    offset += part;
  }
}

function unpack(header: {size: number; zstd: boolean}, body: Buffer): Buffer {
  if (!header.zstd) return body;
  if (header.size > frameLimits.body)
    throw new OperatorError('LIMIT_EXCEEDED', 'A compressed frame is too large.');
  try {
    return zstdDecompressSync(body, {maxOutputLength: Math.max(header.size, 1)});
  } catch (error) {
    throw new OperatorError('BAD_REQUEST', 'A compressed frame cannot be read.', {cause: error});
  }
}

/** Joins the parts of a stream of lines and stages the rows they hold. */
class RowReceiver {
  readonly #staging: Staging;
  readonly #received: Received;
  #table: {name: string; rows: number; image: TableImage | undefined} | undefined;
  #rest: Buffer[] = [];
  #restSize = 0;

  constructor(staging: Staging, received: Received) {
    this.#staging = staging;
    this.#received = received;
  }

  add(bytes: Buffer): void {
    if (this.#table?.image !== undefined) throw outOfOrder('rows');
    const lineEnd = bytes.lastIndexOf(0x0a);
    if (lineEnd < 0) {
      this.#keep(bytes);
      return;
    }
    const text = Buffer.concat([...this.#rest, bytes.subarray(0, lineEnd)]).toString('utf8');
    this.#rest = [];
    this.#restSize = 0;
    if (lineEnd + 1 < bytes.length) this.#keep(bytes.subarray(lineEnd + 1));
    const rows = text.split('\n').map(parseRow);
    if (this.#table === undefined) this.#staging.rows.add(rows);
    else {
      this.#staging.rows.addToTable(this.#table.name, rows);
      this.#table.rows += rows.length;
    }
    this.#received.staged += rows.length;
  }

  beginTable(name: string, image: TableImage | undefined): void {
    this.end();
    this.#table = {name, rows: 0, image};
    this.#staging.rows.beginTable(name, image);
  }

  /** What is in it shows when the table is made of it (RowStore.fillFromImage). */
  addPiece(part: ImagePart, size: number, zstd: boolean, body: Buffer): void {
    if (this.#table?.image === undefined) throw outOfOrder('image');
    this.#staging.rows.addPiece(this.#table.name, {part, size, zstd, body});
  }

  endTable(rows: number): void {
    const table = this.#table;
    this.#table = undefined;
    this.end();
    if (table === undefined || (table.image?.rows ?? table.rows) !== rows)
      throw new OperatorError('CONTENT_MISMATCH', 'A table did not come with all its rows.');
    this.#staging.rows.completeTable(table.name);
  }

  end(): void {
    if (this.#restSize > 0 || this.#table !== undefined)
      throw new OperatorError('BAD_REQUEST', 'A stream of rows ends within a row or a table.');
  }

  #keep(bytes: Buffer): void {
    this.#restSize += bytes.length;
    if (this.#restSize > limits.line) throw new OperatorError('LIMIT_EXCEEDED', 'A row is too large.');
    this.#rest.push(bytes);
  }
}

function parseRow(line: string): StagedRow {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new OperatorError('BAD_REQUEST', 'A row is not JSON.', {cause: error});
  }
  if (!isStagedRow(value)) throw new OperatorError('BAD_REQUEST', 'A row does not have the shape of one.');
  return value;
}

function isStagedRow(value: unknown): value is StagedRow {
  if (typeof value !== 'object' || value === null) return false;
  const {table, key, vector, digest, row} = value as Partial<Record<keyof StagedRow, unknown>>;
  return (
    typeof table === 'string' &&
    Array.isArray(key) &&
    key.every(part => typeof part === 'string') &&
    typeof vector === 'string' &&
    typeof digest === 'string' &&
    typeof row === 'object' &&
    row !== null &&
    !Array.isArray(row) &&
    Object.values(row).every(cell => cell === null || typeof cell === 'string')
  );
}
