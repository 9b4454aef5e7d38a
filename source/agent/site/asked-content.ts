import {asOperatorError, OperatorError} from '../../core/operator-error.js';
import {decodeFrames, encodeFrame} from '../../protocol/content-frames.js';
import {operationSchema} from '../../protocol/schemas.js';
import {validate} from '../../protocol/transport/validate.js';
import type {Signature} from './delta-match.js';
import {entrySize} from './delta-signature.js';
import type {IndexedOperation} from './ports.js';

/* What one agent asks of another: operations whose content it wants, with what it has of them. */

/** Bytes of signatures in one answer; what has none is sent whole. */
const signatureLimit = 64 * 1024 * 1024;

/** The operations that a receiver asked for, with the signatures it sent along. */
export async function readNeeds(
  chunks: AsyncIterable<Uint8Array>,
  known: readonly IndexedOperation[],
): Promise<{
  operations: readonly IndexedOperation[];
  signatures: ReadonlyMap<number, Signature>;
  /** Forms in which tables may be sent as images, by operation. */
  images: ReadonlyMap<number, string>;
  /** Bytes of the signatures. */
  bytes: number;
}> {
  const byIndex = new Map(known.map(entry => [entry.index, entry]));
  const needed = new Map<number, IndexedOperation>();
  const parts = new Map<number, {block: number; entries: Buffer[]; next: number}>();
  const images = new Map<number, string>();
  let bytes = 0;
  for await (const {header, body} of decodeFrames(chunks)) {
    if (header.type === 'need')
      for (const index of header.indexes) {
        const entry = byIndex.get(index);
        if (entry === undefined) throw new OperatorError('BAD_REQUEST', 'Something unknown is asked for.');
        needed.set(index, entry);
      }
    else if (header.type === 'operations')
      for (const entry of parseOperations(body)) {
        needed.set(entry.index, entry);
        if (needed.size > 5000)
          throw new OperatorError('LIMIT_EXCEEDED', 'Too many contents are asked for at once.');
      }
    else if (header.type === 'signature') {
      bytes += body.length;
      if (bytes > signatureLimit) throw new OperatorError('LIMIT_EXCEEDED', 'The signatures are too large.');
      const part = parts.get(header.index) ?? {block: header.block, entries: [], next: 0};
      if (part.next !== header.from || part.block !== header.block || body.length % entrySize !== 0)
        throw new OperatorError('BAD_REQUEST', 'A signature is out of order.');
      part.entries.push(Buffer.from(body));
      part.next += body.length / entrySize;
      parts.set(header.index, part);
    } else if (header.type === 'image-format') {
      if (images.size === 5000)
        throw new OperatorError('LIMIT_EXCEEDED', 'Too many tables are asked for at once.');
      images.set(header.index, header.format);
    } else if (header.type !== 'done')
      throw new OperatorError('BAD_REQUEST', `A frame "${header.type}" has no place here.`);
  }
  const signatures = new Map(
    [...parts].map(([index, {block, entries}]) => [index, {block, entries: Buffer.concat(entries)}] as const),
  );
  return {operations: [...needed.values()], signatures, images, bytes};
}

/** Operations as frames of lines. */
export function* encodeOperations(operations: readonly IndexedOperation[]): Generator<Uint8Array, void> {
  let lines: Buffer[] = [];
  let size = 0;
  for (const entry of operations) {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`);
    if (size + line.length > 1024 * 1024) {
      yield* encodeFrame({type: 'operations'}, Buffer.concat(lines));
      lines = [];
      size = 0;
    }
    lines.push(line);
    size += line.length;
  }
  if (size > 0) yield* encodeFrame({type: 'operations'}, Buffer.concat(lines));
}

function parseOperations(body: Buffer): IndexedOperation[] {
  const lines = body.toString('utf8').split('\n');
  lines.pop();
  return lines.map(line => {
    try {
      const {index, operation} = JSON.parse(line) as IndexedOperation;
      if (!Number.isSafeInteger(index) || index < 0) throw new RangeError('no position');
      validate(operationSchema, operation, 'The operation');
      return {index, operation};
    } catch (error) {
      throw new OperatorError(
        'BAD_REQUEST',
        `An operation cannot be read: ${asOperatorError(error).message}`,
      );
    }
  });
}
