import {hash} from 'node:crypto';
import {closeSync, readSync} from 'node:fs';
import type {FileRecord} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import {deltaThreshold} from './delta-signature.js';
import type {OpenContent, SiteFiles} from './ports.js';
import {readFully} from './read-fully.js';
import type {Staging} from './staging.js';

/** Stages the content from a file of this site that holds it, if there is one; whatever fails there, it is brought instead. */
export async function copyFromSite(
  record: FileRecord,
  {files, staging}: {files: SiteFiles; staging: Staging},
): Promise<boolean> {
  if (record.kind !== 'file') return false;
  const twin = files.findByDigest(record.digest);
  if (twin === undefined || twin.size !== record.size || twin.kind !== 'file') return false;
  let content: OpenContent;
  try {
    content = files.openContent(twin);
  } catch (error) {
    if (error instanceof OperatorError) return false;
    throw error;
  }
  try {
    if (content.kind !== 'file' || content.size !== record.size) return false;
    return await stage(content.fd, record, staging);
  } finally {
    content.close();
  }
}

/**
 * Stages a copy of an open file, which is closed in any case.
 * @returns false when it does not hold what the record says
 */
export async function stageOpenFile(fd: number, record: FileRecord, staging: Staging): Promise<boolean> {
  try {
    return await stage(fd, record, staging);
  } finally {
    closeSync(fd);
  }
}

async function stage(fd: number, record: FileRecord, staging: Staging): Promise<boolean> {
  if (record.size < deltaThreshold) {
    const bytes = Buffer.allocUnsafe(record.size);
    if (readSync(fd, bytes, 0, record.size, 0) !== record.size) return false;
    if (hash('sha256', bytes, 'hex') !== record.digest) return false;
    return staging.addBatch([[record.digest, record.size]], bytes).length === 0;
  }
  if (await staging.cloneFrom(fd, record.digest, record.size)) return true;
  const copy = staging.beginFile(record.digest, record.size, false);
  try {
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    for (let position = 0; position < record.size; ) {
      const read = await readFully(fd, buffer, Math.min(buffer.length, record.size - position), position);
      if (read === 0) break;
      await copy.write(buffer.subarray(0, read));
      position += read;
    }
    return await copy.finish();
  } finally {
    await copy.abandon();
  }
}
