import {Readable} from 'node:stream';
import type {TSchema} from '#typebox';
import {asOperatorError, type ErrorDocument, OperatorError} from '../../core/operator-error.js';
import {limits} from '../endpoint.js';
import {parseJson} from './json-text.js';
import {validate} from './validate.js';

/** How a stream says that it failed after it had begun: its last line. */
export type ErrorLine = {readonly type: 'error'; readonly error: ErrorDocument};

/** Lines that are ready at the same moment leave together, up to about this many bytes. */
const batchBytes = 64 * 1024;
/** A silent stream sends an empty line this often, so that the other end can tell working from dead. */
const heartbeatMs = 5_000;

/**
 * Turns values into NDJSON bytes. Lines are gathered while the source has more at once and leave as soon as it
 * has to wait. When the source throws, the error is the last line and the stream ends in order.
 * @param onError told of what the source threw, for the log.
 */
export function encodeLines(values: AsyncIterable<unknown>, onError?: (error: unknown) => void): Readable {
  const iterator = values[Symbol.asyncIterator]();
  let gathered = '';
  let scheduled = false;
  let room = true;
  let makeRoom: (() => void) | undefined;
  let started = false;
  let finished = false;
  const flush = () => {
    scheduled = false;
    if (gathered === '' || stream.destroyed) return;
    const text = gathered;
    gathered = '';
    room = stream.push(text);
  };
  const stream = new Readable({
    highWaterMark: 4 * batchBytes,
    read() {
      room = true;
      makeRoom?.();
      if (!started) {
        started = true;
        void pump();
      }
    },
    destroy(error, callback) {
      clearInterval(heartbeat);
      makeRoom?.();
      if (!finished) void iterator.return?.(undefined)?.then(undefined, () => {});
      callback(error);
    },
  });
  const heartbeat = setInterval(() => {
    if (started && room && gathered === '' && !stream.destroyed) room = stream.push('\n');
  }, heartbeatMs);
  heartbeat.unref();
  const pump = async () => {
    try {
      for (;;) {
        const next = await iterator.next();
        if (next.done === true || stream.destroyed) break;
        gathered += `${JSON.stringify(next.value)}\n`;
        if (gathered.length >= batchBytes) flush();
        else if (!scheduled) {
          scheduled = true;
          setImmediate(flush);
        }
        while (!room && !stream.destroyed)
          await new Promise<void>(resolve => {
            makeRoom = resolve;
          });
      }
    } catch (error) {
      onError?.(error);
      const line: ErrorLine = {type: 'error', error: asOperatorError(error).toDocument()};
      gathered += `${JSON.stringify(line)}\n`;
    }
    finished = true;
    clearInterval(heartbeat);
    flush();
    if (!stream.destroyed) stream.push(null);
  };
  return stream;
}

/**
 * Reads NDJSON. Empty lines are heartbeats and left out; a line of the type `error` is thrown.
 * @param schema what every line must be; undefined only where the values are checked elsewhere.
 * @throws OperatorError BAD_REQUEST for a bad line, LIMIT_EXCEEDED for one longer than `limits.line` or for
 *   more than `maxBytes` in all.
 */
export async function* decodeLines(
  chunks: AsyncIterable<Uint8Array>,
  schema: TSchema | undefined,
  maxBytes: number = limits.stream,
): AsyncGenerator<unknown, void, undefined> {
  let pieces: Buffer[] = [];
  let held = 0;
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.byteLength;
    if (total > maxBytes)
      throw new OperatorError('LIMIT_EXCEEDED', `The stream is longer than ${maxBytes} bytes.`);
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (;;) {
      const end = buffer.indexOf(0x0a, start);
      if (end < 0) break;
      let line = buffer.subarray(start, end);
      start = end + 1;
      if (held + line.length > limits.line) throw lineTooLong();
      if (pieces.length > 0) {
        line = Buffer.concat([...pieces, line]);
        pieces = [];
        held = 0;
      }
      if (line.length > 0) yield decodeLine(line, schema);
    }
    if (start < buffer.length) {
      const rest = buffer.subarray(start);
      held += rest.length;
      if (held > limits.line) throw lineTooLong();
      pieces.push(rest);
    }
  }
  if (held > 0) yield decodeLine(Buffer.concat(pieces), schema);
}

function decodeLine(line: Buffer, schema: TSchema | undefined): unknown {
  const value = parseJson(line);
  if (isErrorLine(value)) throw OperatorError.fromDocument(value.error);
  if (schema) validate(schema, value, 'A line of the stream');
  return value;
}

function isErrorLine(value: unknown): value is ErrorLine {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    value.type === 'error' &&
    'error' in value &&
    isErrorDocument(value.error)
  );
}

/** Whether a value has the shape in which errors travel. */
export function isErrorDocument(value: unknown): value is ErrorDocument {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    'message' in value &&
    typeof value.message === 'string'
  );
}

function lineTooLong(): OperatorError {
  return new OperatorError('LIMIT_EXCEEDED', `A line of the stream is longer than ${limits.line} bytes.`);
}
