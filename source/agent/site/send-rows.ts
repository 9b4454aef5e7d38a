import {constants, zstdCompressSync} from 'node:zlib';
import type {RowRef} from '../../core/item.js';
import {encodeFrame, frameLimits} from '../../protocol/content-frames.js';
import type {ImagePart, ImagePiece, TableImage} from '../database/table-image.js';
import {passed} from '../memory.js';
import {type ContentSource, countedFrame} from './content-source.js';
import type {StagedRow} from './ports.js';

const rowsPerRead = 500;

/** Rows as they are now, if that is what the plan saw. */
export async function* sendRows(
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

/** A whole table: as an image where both sides know one form of it, else row by row. */
export async function* sendTable(
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
