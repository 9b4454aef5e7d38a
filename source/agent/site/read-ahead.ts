import {readFully} from './read-fully.js';

/** Bytes that are read together: what is done with them finds them in the processor's cache. */
export const aheadBytes = 512 * 1024;

/**
 * The first `size` bytes of an open file in chunks of `chunkBytes`, the last one shorter; the next is read while one is
 * used. Ends early where the file does.
 * @yields a chunk that is valid until the next one is asked for.
 */
export async function* readAhead(
  fd: number,
  size: number,
  chunkBytes: number = aheadBytes,
): AsyncGenerator<Buffer, void> {
  const length = Math.min(chunkBytes, size);
  let [buffer, other] = [Buffer.allocUnsafeSlow(length), Buffer.allocUnsafeSlow(length)];
  const read = (target: Buffer, position: number) =>
    position < size ? readFully(fd, target, Math.min(length, size - position), position) : undefined;
  let next = read(buffer, 0);
  try {
    for (let position = 0; next !== undefined; ) {
      const count: number = await next;
      position += count;
      next = count < length ? undefined : read(other, position);
      if (count > 0) yield buffer.subarray(0, count);
      [buffer, other] = [other, buffer];
    }
  } finally {
    // Not before it is through with the file may that be closed.
    await next?.catch(() => {});
  }
}
