import {type Static, Type} from '#typebox';
import {Compile} from '#typebox/compile';
import {OperatorError} from '../core/operator-error.js';

/*
 * Content between agents travels as frames: length of the header (4 bytes, big-endian), length of the body
 * (4 bytes), the header as JSON, the body. Small files travel many to a frame, large ones in pieces, so that no
 * side ever holds more than a frame.
 */

/** Limits on frames from outside, in bytes. */
export const frameLimits = {header: 64 * 1024, body: 1024 * 1024} as const;

const strict = {additionalProperties: false} as const;
const count = Type.Integer({minimum: 0, maximum: Number.MAX_SAFE_INTEGER});
const digest = Type.String({pattern: '^[0-9a-f]{64}$'});
const table = Type.String({minLength: 1, maxLength: 256});
const format = Type.String({maxLength: 100});

/** What a receiver sends: what it lacks. */
const needFrames = [
  /** Operations of the batch, by position, whose content is needed. */
  Type.Object({type: Type.Literal('need'), indexes: Type.Array(count, {maxItems: 5000})}, strict),
  /** Block checksums (delta-signature.ts) of what the receiver has in place of operation `index`, from block `from` on. */
  Type.Object(
    {
      type: Type.Literal('signature'),
      index: count,
      size: count,
      block: Type.Integer({minimum: 4096, maximum: 8 * 1024 * 1024}),
      from: count,
    },
    strict,
  ),
  /** The form of image (agent/database/table-image.ts) in which the table of operation `index` can be taken. */
  Type.Object({type: Type.Literal('image-format'), index: count, format}, strict),
  /** The operations themselves, when the receiver pulls: lines of JSON. */
  Type.Object({type: Type.Literal('operations')}, strict),
] as const;

/** What a sender sends: content. */
const contentFrames = [
  /** Small files: digest and size of each, their bytes one after the other in the body. */
  Type.Object(
    {type: Type.Literal('batch'), files: Type.Array(Type.Tuple([digest, count]), {maxItems: 1000})},
    strict,
  ),
  /** A large file begins; `delta` when it is told as differences from what the signature described. */
  Type.Object({type: Type.Literal('begin'), digest, size: count, delta: Type.Boolean()}, strict),
  /** The next bytes of the large file. */
  Type.Object({type: Type.Literal('piece')}, strict),
  /** The next parts of a delta: `[block, count]` copies, a number takes that many bytes of the body. */
  Type.Object(
    {
      type: Type.Literal('delta'),
      parts: Type.Array(Type.Union([count, Type.Tuple([count, count])]), {maxItems: 4000}),
    },
    strict,
  ),
  /** The large file is complete; not `whole` when it changed while it was read and must be forgotten. */
  Type.Object({type: Type.Literal('end'), whole: Type.Boolean()}, strict),
  /** A table's rows follow, until the next `table-end`; with `image` the pieces of its image do. */
  Type.Object(
    {
      type: Type.Literal('table'),
      table,
      image: Type.Optional(
        Type.Object(
          {
            format,
            vector: Type.String({maxLength: 16 * 1024}),
            rows: count,
            checksum: Type.String({maxLength: 100}),
          },
          strict,
        ),
      ),
    },
    strict,
  ),
  /** A piece of a table's image; `size` is that of the body when decompressed. */
  Type.Object(
    {
      type: Type.Literal('image'),
      part: Type.Union([Type.Literal('rows'), Type.Literal('vectors')]),
      size: count,
      zstd: Type.Boolean(),
    },
    strict,
  ),
  /** A part of a stream of lines, each a StagedRow in JSON; `size` is that of the body when decompressed. */
  Type.Object({type: Type.Literal('rows'), size: count, zstd: Type.Boolean()}, strict),
  Type.Object({type: Type.Literal('table-end'), rows: count}, strict),
  /** The content of operation `index` is no longer what the plan saw. */
  Type.Object({type: Type.Literal('missing'), index: count, error: Type.String({maxLength: 4096})}, strict),
] as const;

/** Every stream ends with this; a stream without it was cut off. */
const done = Type.Object({type: Type.Literal('done')}, strict);

const headerSchema = Type.Union([...needFrames, ...contentFrames, done]);

export type FrameHeader = Static<typeof headerSchema>;
export type Frame = {readonly header: FrameHeader; readonly body: Buffer};

const validator = Compile(headerSchema);
const noBody = Buffer.alloc(0);

/** A frame as the chunks to write; the body is not copied. */
export function encodeFrame(header: FrameHeader, body: Uint8Array = noBody): Uint8Array[] {
  const text = Buffer.from(JSON.stringify(header));
  if (text.length > frameLimits.header || body.length > frameLimits.body)
    throw new RangeError(`frame ${header.type} is too large: ${text.length} + ${body.length} bytes`);
  const head = Buffer.allocUnsafe(8 + text.length);
  head.writeUInt32BE(text.length, 0);
  head.writeUInt32BE(body.length, 4);
  text.copy(head, 8);
  return body.length === 0 ? [head] : [head, body];
}

/**
 * Reads frames from a stream of bytes, however it is cut into chunks.
 * @param options with `splitPieces` a piece of a large file comes in parts as they arrive, each a piece of its own:
 *   nothing has to be put together that is written one after the other anyway.
 * @throws OperatorError BAD_REQUEST for what is no frame or ends too early, LIMIT_EXCEEDED for one that is too large.
 */
export async function* decodeFrames(
  chunks: AsyncIterable<Uint8Array>,
  options: {splitPieces?: boolean} = {},
): AsyncGenerator<Frame, void> {
  const pending = new PendingBytes();
  let ended = false;
  let header: FrameHeader | undefined;
  let bodyLeft = 0;
  for await (const chunk of chunks) {
    pending.add(chunk);
    for (;;) {
      if (header === undefined) {
        const lengths = pending.peek(8);
        if (lengths === undefined) break;
        const headerLength = lengths.readUInt32BE(0);
        bodyLeft = lengths.readUInt32BE(4);
        if (headerLength > frameLimits.header || bodyLeft > frameLimits.body)
          throw new OperatorError(
            'LIMIT_EXCEEDED',
            `A frame of ${headerLength} + ${bodyLeft} bytes was sent.`,
          );
        if (pending.length < 8 + headerLength) break;
        if (ended) throw new OperatorError('BAD_REQUEST', 'Something follows the end of a content stream.');
        pending.take(8);
        header = parseHeader(pending.take(headerLength));
        ended = header.type === 'done';
      }
      if (options.splitPieces === true && header.type === 'piece' && bodyLeft > 0) {
        if (pending.length === 0) break;
        const body = pending.takeSome(bodyLeft);
        bodyLeft -= body.length;
        yield {header, body};
        if (bodyLeft === 0) header = undefined;
        continue;
      }
      if (pending.length < bodyLeft) break;
      yield {header, body: pending.take(bodyLeft)};
      header = undefined;
    }
  }
  if (!ended || header !== undefined || pending.length > 0)
    throw new OperatorError('CONNECTION_LOST', 'A content stream ended before it was complete.');
}

function parseHeader(bytes: Buffer): FrameHeader {
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new OperatorError('BAD_REQUEST', 'A frame has a header that is not JSON.', {cause: error});
  }
  if (!validator.Check(header))
    throw new OperatorError('BAD_REQUEST', 'A frame has a header of no known kind.');
  return header;
}

/** Bytes that have arrived and are not taken yet; joins chunks only where a frame spans them. */
class PendingBytes {
  length = 0;
  readonly #chunks: Buffer[] = [];
  #offset = 0;

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    this.length += chunk.length;
  }

  peek(size: number): Buffer | undefined {
    if (this.length < size) return undefined;
    const first = this.#chunks[0]!;
    if (first.length - this.#offset >= size) return first.subarray(this.#offset, this.#offset + size);
    const taken = this.take(size);
    if (this.#offset > 0) {
      this.#chunks[0] = this.#chunks[0]!.subarray(this.#offset);
      this.#offset = 0;
    }
    this.#chunks.unshift(taken);
    this.length += size;
    return taken;
  }

  /** Up to `size` bytes, as many as lie together. */
  takeSome(size: number): Buffer {
    return this.take(Math.min(size, this.#chunks[0]!.length - this.#offset));
  }

  take(size: number): Buffer {
    if (size === 0) return noBody;
    this.length -= size;
    const first = this.#chunks[0]!;
    if (first.length - this.#offset >= size) {
      const part = first.subarray(this.#offset, this.#offset + size);
      this.#advance(size);
      return part;
    }
    const joined = Buffer.allocUnsafe(size);
    let filled = 0;
    while (filled < size) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(this.#offset, this.#offset + size - filled);
      part.copy(joined, filled);
      filled += part.length;
      this.#advance(part.length);
    }
    return joined;
  }

  #advance(size: number): void {
    this.#offset += size;
    if (this.#offset === this.#chunks[0]!.length) {
      this.#chunks.shift();
      this.#offset = 0;
    }
  }
}
