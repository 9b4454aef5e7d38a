import {Worker} from 'node:worker_threads';
import {OperatorError} from '../../core/operator-error.js';
import type {PackageArchive} from '../../core/package.js';

export type ArchiveRequest = {
  /** Where the archive goes; what is there is replaced as a whole. */
  readonly path: string;
  readonly files: readonly {readonly name: string; readonly path: string; readonly sha256: string}[];
};

export type ArchiveReply =
  | {readonly kind: 'written'; readonly archive: PackageArchive}
  | {
      readonly kind: 'failed';
      readonly code: 'CONTENT_MISMATCH' | 'NO_SPACE' | 'INTERNAL';
      readonly message: string;
    };

/**
 * Writes the archive of a package in a thread of its own: compressing holds the archive in memory and would stop the
 * agent from answering meanwhile.
 * @throws OperatorError CONTENT_MISMATCH when a registered file is not what it was when it was imported, NO_SPACE.
 */
export async function writeArchive(request: ArchiveRequest): Promise<PackageArchive> {
  const worker = new Worker(new URL('./archive-worker.js', import.meta.url), {workerData: request});
  const reply = await new Promise<ArchiveReply>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', code => reject(new Error(`the archive's thread ended with ${code}`)));
  });
  if (reply.kind === 'written') return reply.archive;
  throw new OperatorError(reply.code, reply.message, {
    ...(reply.code === 'CONTENT_MISMATCH'
      ? {hint: 'Import the file again: `lockstep file import SERVER/SITE FILE --replace`.'}
      : {}),
  });
}
