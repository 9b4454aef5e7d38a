import {read} from 'node:fs';

/**
 * Reads up to `length` bytes of an open file at `position` into the beginning of `buffer`.
 * @returns how many bytes there were; less than `length` only at the end of the file.
 */
export async function readFully(
  fd: number,
  buffer: Buffer,
  length: number,
  position: number,
): Promise<number> {
  let filled = 0;
  while (filled < length) {
    const count = await new Promise<number>((resolve, reject) =>
      read(fd, buffer, filled, length - filled, position + filled, (error, bytes) =>
        error === null ? resolve(bytes) : reject(error),
      ),
    );
    if (count === 0) break;
    filled += count;
  }
  return filled;
}
