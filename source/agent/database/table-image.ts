import {hash} from 'node:crypto';

/**
 * A whole table in the form in which its engine itself writes and reads rows fastest, so that neither agent has to look
 * at a single one: the first copy of a large table. Both sides agree on the form beforehand; where they cannot, rows
 * travel one by one.
 */
export type TableImage = {
  /** What both tables must have in common: engine, columns, kinds, key. */
  readonly format: string;
  /** The version vector of most of the rows. */
  readonly vector: string;
  readonly rows: number;
  /** Sum over the digests of all rows, as the engine computes it; the copy must come to the same. */
  readonly checksum: string;
};

/** A piece of an image's stream. It may be cut anywhere. `vectors` are lines of JSON: `[key as JSON text, vector]`. */
export type ImagePiece = {readonly part: ImagePart; readonly bytes: Buffer};
export type ImagePart = 'rows' | 'vectors';

/** An image that has been brought. */
export type StagedImage = TableImage & {
  /** The pieces of one part, in the order in which they came. */
  pieces(part: ImagePart): Iterable<Buffer>;
};

/** The rows whose vector is not that of most, in lots. */
export function* exceptionsOf(
  image: StagedImage,
): Generator<readonly (readonly [key: string, vector: string])[], void> {
  let rest: Buffer = Buffer.alloc(0);
  for (const piece of image.pieces('vectors')) {
    const bytes = Buffer.concat([rest, piece]);
    const end = bytes.lastIndexOf(0x0a);
    rest = bytes.subarray(end + 1);
    if (end >= 0) yield bytes.toString('utf8', 0, end).split('\n').map(parseException);
  }
}

/** The lines of `vectors` for some rows. */
export function exceptionLines(rows: readonly (readonly [key: string, vector: string])[]): Buffer {
  return Buffer.from(rows.map(row => `${JSON.stringify(row)}\n`).join(''));
}

function parseException(line: string): readonly [key: string, vector: string] {
  const [key, vector] = JSON.parse(line) as unknown[];
  if (typeof key !== 'string' || typeof vector !== 'string') throw new RangeError('not the vector of a row');
  return [key, vector];
}

/**
 * The form of an image: whatever has to be the same on both sides for the engine to take the stream as it is.
 * @returns 40 characters at most
 */
export function imageFormatOf(
  engine: string,
  columns: readonly (readonly [name: string, kind: string])[],
  primaryKey: readonly string[],
): string {
  return `${engine}-1:${hash('sha256', JSON.stringify([columns, primaryKey]), 'hex').slice(0, 24)}`;
}
