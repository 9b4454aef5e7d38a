import {statfs} from 'node:fs/promises';
import {OperatorError} from '../../core/operator-error.js';

/** Left free on a file system whatever happens, so that journals and indexes can still be written. Bytes. */
const reserve = 8 * 1024 * 1024;
/** No space, the quota used up, or the largest file that the process may write. */
const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** SQLITE_FULL, which `node:sqlite` gives as `errcode`. */
const sqliteFull = 13;

/** @throws OperatorError NO_SPACE when `bytes` more do not fit where `folder` lies. */
export async function checkSpace(folder: string, bytes: number): Promise<void> {
  const {bavail, bsize} = await statfs(folder);
  const free = bavail * bsize;
  if (bytes + reserve <= free) return;
  throw noSpace(folder, `${bytes} bytes are needed, ${free} are free`);
}

/** A full disk as the operator's error; anything else as it is. */
export function asSpaceError(error: unknown, folder: string): unknown {
  if (!(error instanceof Error)) return error;
  const full =
    ('code' in error && typeof error.code === 'string' && fullCodes.has(error.code)) ||
    ('errcode' in error && error.errcode === sqliteFull);
  return full ? noSpace(folder, 'the disk is full', error) : error;
}

function noSpace(folder: string, detail: string, cause?: unknown): OperatorError {
  return new OperatorError('NO_SPACE', `Not enough space in ${folder}: ${detail}.`, {
    hint: 'Free some space there and run again; what was brought already is kept for a day.',
    cause,
  });
}
