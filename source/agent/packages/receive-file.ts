import {createHash} from 'node:crypto';
import {open} from 'node:fs/promises';
import {OperatorError} from '../../core/operator-error.js';

/** Writes a file that is sent to the download folder, durably. @throws OperatorError LIMIT_EXCEEDED */
export async function receiveFile(
  path: string,
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<{sizeBytes: number; sha256: string}> {
  const digest = createHash('sha256');
  let sizeBytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes)
        throw new OperatorError(
          'LIMIT_EXCEEDED',
          `A file of the download folder has at most ${maxBytes} bytes.`,
          {
            hint: '`downloads.maxFileBytes` in agent.json raises that.',
          },
        );
      digest.update(chunk);
      for (let written = 0; written < chunk.length; )
        written += (await file.write(chunk, written, chunk.length - written)).bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return {sizeBytes, sha256: digest.digest('hex')};
}
