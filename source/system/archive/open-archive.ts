import {stat} from 'node:fs/promises';
import type {Readable} from 'node:stream';
import type {Entry} from 'yauzl';
import {
  type ArchiveLimits,
  type CheckedEntry,
  checkArchive,
  type ListedEntry,
} from '../../core/archive-rules.js';
import {OperatorError} from '../../core/operator-error.js';

/** A ZIP archive whose directory was found harmless; its contents are read one after the other. */
export type OpenArchive = {
  /** Files and named folders, in the order of the archive. */
  readonly entries: readonly CheckedEntry[];
  /** How many entries the archive has, the stripped folder included. */
  readonly listed: number;
  /** The bytes of a file as they are unpacked. Ends with an error when they are not as many as were declared. */
  read(entry: CheckedEntry): Promise<Readable>;
  close(): void;
};

/**
 * Opens a ZIP archive of any size for reading as a stream; only its directory is held in memory.
 * @param options `strip`: folder that everything has to lie in and that is left away; `called`: what people call the archive
 * @throws OperatorError ARCHIVE_REFUSED for what is no ZIP archive and for one that does not pass `checkArchive`
 */
export async function openArchive(
  path: string,
  options: {limits: ArchiveLimits; strip?: string; called?: string; signal?: AbortSignal},
): Promise<OpenArchive> {
  const {limits, strip, called = path, signal} = options;
  const {openPromise, getFileNameLowLevel} = (await import('yauzl')).default;
  const {size} = await stat(path);
  // Names are judged here: the library would quietly turn a backslash into a slash.
  const zip = await openPromise(path, {autoClose: false, decodeStrings: false}).catch((error: unknown) => {
    throw asRefusal(called, error);
  });
  try {
    if (zip.entryCount > limits.maxEntries)
      throw refusal(called, `it has ${zip.entryCount} entries, and ${limits.maxEntries} are allowed`);
    const raw: Entry[] = [];
    const listed: ListedEntry[] = [];
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted();
      raw.push(entry);
      const {generalPurposeBitFlag: flags, fileNameRaw, extraFields} = entry;
      listed.push({
        name: getFileNameLowLevel(flags, fileNameRaw, extraFields, true),
        sizeBytes: entry.uncompressedSize,
        compressedBytes: entry.compressedSize,
        offset: entry.relativeOffsetOfLocalHeader,
        method: entry.compressionMethod,
        encrypted: entry.isEncrypted(),
        attributes: entry.externalFileAttributes,
      });
    }
    const checked = checkArchive(listed, size, limits, strip);
    if (checked.kind === 'refused') throw refusal(called, checked.reason);
    return {
      entries: checked.entries,
      listed: listed.length,
      read: entry =>
        zip.openReadStreamPromise(raw[entry.index]!).catch((error: unknown) => {
          throw asRefusal(called, error);
        }),
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw signal?.aborted ? signal.reason : asRefusal(called, error);
  }
}

/** What reading an archive fails with, as the operator's error; those of the system stay as they are. */
export function asRefusal(path: string, error: unknown): unknown {
  const isSystem = error instanceof Error && 'errno' in error && 'syscall' in error;
  if (error instanceof OperatorError || isSystem) return error;
  return refusal(path, `it is damaged or no ZIP archive (${(error as Error).message})`, error);
}

export function refusal(path: string, reason: string, cause?: unknown): OperatorError {
  return new OperatorError('ARCHIVE_REFUSED', `The archive ${path} is refused: ${reason}.`, {
    hint: 'Nothing of it was unpacked. Get the release anew from whoever made it.',
    cause,
  });
}
