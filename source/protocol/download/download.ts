import {type FileHandle, open, rename, rm, stat} from 'node:fs/promises';
import {setTimeout as delay} from 'node:timers/promises';
import {OperatorError} from '../../core/operator-error.js';
import {digestFile} from '../../system/digest-file.js';

/** A place that a file can be fetched from, from any byte on. */
export type DownloadSource = {
  /** For messages: no name, no password. */
  readonly description: string;
  /**
   * Opens the file.
   * @param from the first byte that is wanted @param signal ends this attempt
   * @throws OperatorError CONNECTION_LOST, UNREACHABLE: it is tried again; every other is final.
   */
  open(from: number, signal: AbortSignal): Promise<OpenedSource>;
};

export type OpenedSource = {
  /** The first byte that comes: what was asked for, or 0 where the source cannot begin in the middle. */
  readonly from: number;
  /** Bytes of the whole file, where the source says. */
  readonly totalBytes?: number;
  readonly chunks: AsyncIterable<Uint8Array>;
};

export type DownloadOptions = {
  /** Where the whole file goes; what has come of it lies in `TO.part` and is gone on with, also after a crash. */
  readonly to: string;
  /** What the file has to be; without it whatever the source has is taken. */
  readonly expected?: {readonly sizeBytes: number; readonly sha256: string};
  /** Bytes that are taken at most, whatever anybody says. */
  readonly maxBytes: number;
  /** Bytes per second; as fast as it goes when absent. */
  readonly rateLimit?: number;
  /** How often in a row it may fail without anything having come. Default 8, which lasts two minutes. */
  readonly attempts?: number;
  /** Milliseconds before the second attempt; doubled for each one after it, up to 30 s. Default 1000. */
  readonly backoffMs?: number;
  /** Milliseconds of silence after which an attempt counts as failed. Default 60,000. */
  readonly idleMs?: number;
  readonly signal?: AbortSignal;
  /** Told after every piece; `totalBytes` is undefined while nobody has said it. */
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void;
  /** Told why an attempt failed and when the next one begins. */
  readonly onRetry?: (error: OperatorError, waitMs: number) => void;
};

/** Bytes that have to come for an attempt to count as one that went on. */
const progressBytes = 64 * 1024;
const longestWaitMs = 30_000;

/**
 * Fetches a file: goes on where a broken connection or a truncated answer ended, and tries again with growing pauses.
 * The file gets its name when it is whole, on the disk and what was expected. One that is not what was expected is
 * deleted and not fetched again: another attempt would bring the same.
 * @returns size and SHA-256 (lower-case hex) of the file
 * @throws OperatorError CONTENT_MISMATCH, LIMIT_EXCEEDED, DOWNLOAD_FAILED, CONNECTION_LOST, UNREACHABLE; errors of the
 *   file system as they are; the reason of `signal`
 */
export async function download(
  source: DownloadSource,
  options: DownloadOptions,
): Promise<{sizeBytes: number; sha256: string}> {
  const {to, expected, maxBytes, attempts = 8, backoffMs = 1000, signal} = options;
  if (expected !== undefined && expected.sizeBytes > maxBytes)
    throw tooLong(source, maxBytes, `it has ${expected.sizeBytes}`);
  const partial = `${to}.part`;
  const already = await digestFile(to, signal);
  if (expected !== undefined && already?.sha256 === expected.sha256) return already;
  // Without a digest to check by, what lies there may be of another file.
  if (expected === undefined) await rm(partial, {force: true});
  for (let failures = 0; ; ) {
    const before = await sizeOf(partial);
    try {
      await attempt(source, partial, options);
      break;
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!isRepeatable(thrown)) {
        if (thrown instanceof OperatorError && thrown.code === 'LIMIT_EXCEEDED')
          await rm(partial, {force: true});
        throw thrown;
      }
      failures = (await sizeOf(partial)) - before >= progressBytes ? 1 : failures + 1;
      if (failures >= attempts) throw thrown;
      const waitMs = Math.min(longestWaitMs, backoffMs * 2 ** (failures - 1));
      options.onRetry?.(thrown, waitMs);
      await delay(waitMs, undefined, {signal}).catch(() => signal?.throwIfAborted());
    }
  }
  const found = (await digestFile(partial, signal)) ?? {sizeBytes: 0, sha256: ''};
  if (expected !== undefined && found.sha256 !== expected.sha256) {
    await rm(partial, {force: true});
    throw new OperatorError(
      'CONTENT_MISMATCH',
      `What came from ${source.description} is not what it should be: its SHA-256 is ${found.sha256}, expected was ${expected.sha256}.`,
      {
        hint: 'It was deleted. See whether the right file lies there, and whether it is the one that was signed.',
      },
    );
  }
  await rename(partial, to);
  return found;
}

async function attempt(source: DownloadSource, partial: string, options: DownloadOptions): Promise<void> {
  const {expected, maxBytes, rateLimit, idleMs = 60_000, signal, onProgress} = options;
  const file = await open(partial, 'a', 0o600);
  const aborter = new AbortController();
  const abort = () => aborter.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, {once: true});
  try {
    let done = (await file.stat()).size;
    if (done > (expected?.sizeBytes ?? maxBytes)) done = await restart(file);
    if (expected !== undefined && done === expected.sizeBytes) return;
    const opened = await withinSilence(source.open(done, aborter.signal), source, idleMs, aborter);
    if (opened.from !== done) done = await restart(file);
    const total = expected?.sizeBytes ?? opened.totalBytes;
    const limit = Math.min(maxBytes, expected?.sizeBytes ?? maxBytes);
    if (opened.totalBytes !== undefined && opened.totalBytes > limit)
      throw tooLong(source, limit, `it says that it has ${opened.totalBytes}`);
    const pace = createPace(rateLimit);
    const chunks = opened.chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await withinSilence(chunks.next(), source, idleMs, aborter);
        if (next.done === true) break;
        if (done + next.value.length > limit) throw tooLong(source, limit, 'more came');
        await writeFully(file, next.value);
        done += next.value.length;
        onProgress?.(done, total);
        await pace(next.value.length, aborter.signal);
      }
    } finally {
      // What hangs is not waited for; ending the attempt ends it.
      chunks.return?.()?.catch(() => {});
    }
    if (total !== undefined && done < total)
      throw new OperatorError(
        'CONNECTION_LOST',
        `${source.description} ended after ${done} of ${total} bytes.`,
        {
          hint: 'It is cut off there, or the connection is bad: what has come is kept, and the next attempt goes on.',
        },
      );
    await file.sync();
  } finally {
    signal?.removeEventListener('abort', abort);
    aborter.abort();
    await file.close();
  }
}

/** Waits, but not longer than the source may be silent. */
async function withinSilence<T>(
  work: Promise<T>,
  source: DownloadSource,
  idleMs: number,
  aborter: AbortController,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  work.catch(() => {});
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        onAbort = () => reject(aborter.signal.reason);
        aborter.signal.addEventListener('abort', onAbort, {once: true});
        timer = setTimeout(
          () =>
            aborter.abort(
              new OperatorError(
                'CONNECTION_LOST',
                `${source.description} has said nothing for ${idleMs / 1000} s.`,
                {
                  hint: 'What has come is kept, and the next attempt goes on.',
                },
              ),
            ),
          idleMs,
        );
      }),
    ]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) aborter.signal.removeEventListener('abort', onAbort);
  }
}

/** Makes the function that waits after each piece until the rate is kept. */
function createPace(rateLimit: number | undefined): (bytes: number, signal: AbortSignal) => Promise<void> {
  const begin = performance.now();
  let sent = 0;
  return async (bytes, signal) => {
    if (rateLimit === undefined) return;
    sent += bytes;
    const early = (sent / rateLimit) * 1000 - (performance.now() - begin);
    if (early > 1) await delay(early, undefined, {signal}).catch(() => signal.throwIfAborted());
  };
}

async function restart(file: FileHandle): Promise<number> {
  await file.truncate(0);
  return 0;
}

async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; )
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

function isRepeatable(thrown: unknown): thrown is OperatorError {
  return (
    thrown instanceof OperatorError && (thrown.code === 'CONNECTION_LOST' || thrown.code === 'UNREACHABLE')
  );
}

function tooLong(source: DownloadSource, limit: number, detail: string): OperatorError {
  return new OperatorError(
    'LIMIT_EXCEEDED',
    `${source.description} has more bytes than the ${limit} that are taken: ${detail}.`,
    {hint: 'What came of it was deleted. Either it is another file, or a limit of agent.json is too low.'},
  );
}
