import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';

/**
 * Size and SHA-256 (hexadecimal) of a file, read as a stream; undefined when there is none.
 * @throws what reading throws; the reason of `signal`
 */
export async function digestFile(
  path: string,
  signal?: AbortSignal,
): Promise<{sizeBytes: number; sha256: string} | undefined> {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const chunk of createReadStream(path, {highWaterMark: 1024 * 1024, ...(signal && {signal})})) {
      sizeBytes += (chunk as Buffer).length;
      digest.update(chunk as Buffer);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return {sizeBytes, sha256: digest.digest('hex')};
}
