import {hash} from 'node:crypto';
import {closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';
import {parentPort, workerData} from 'node:worker_threads';
import AdmZip from 'adm-zip';
import type {ArchiveReply, ArchiveRequest} from './write-archive.js';

/** The body of the thread that `writeArchive` starts. */
function write({path, files}: ArchiveRequest): ArchiveReply {
  const staged = `${path}.new`;
  try {
    const zip = new AdmZip();
    const entries = files.map(file => {
      const content = readFileSync(file.path);
      const sha256 = hash('sha256', content, 'hex');
      if (sha256 !== file.sha256) throw new Mismatch(file.name);
      zip.addFile(file.name, content);
      return {name: file.name, sizeBytes: content.length, sha256};
    });
    const bytes = zip.toBuffer();
    writeFileSync(staged, bytes, {mode: 0o600});
    flush(staged);
    renameSync(staged, path);
    flush(dirname(path));
    return {
      kind: 'written',
      archive: {
        sizeBytes: bytes.length,
        sha256: hash('sha256', bytes, 'hex'),
        writtenAt: new Date().toISOString(),
        entries,
      },
    };
  } catch (error) {
    rmSync(staged, {force: true});
    if (error instanceof Mismatch)
      return {
        kind: 'failed',
        code: 'CONTENT_MISMATCH',
        message: `${error.file} in the download folder is not what was imported.`,
      };
    const {code, message} = error as NodeJS.ErrnoException;
    return {kind: 'failed', code: code === 'ENOSPC' || code === 'EDQUOT' ? 'NO_SPACE' : 'INTERNAL', message};
  }
}

class Mismatch extends Error {
  constructor(readonly file: string) {
    super(file);
  }
}

function flush(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

parentPort!.postMessage(write(workerData as ArchiveRequest));
