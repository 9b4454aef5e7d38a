import {open} from 'node:fs/promises';
import {join} from 'node:path';
import type {AuditEntry} from '../../protocol/trust-endpoints.js';

/** Bytes that are read at a time, from the end backwards. */
const blockBytes = 64 * 1024;

/** A line of the log is far shorter; a longer one was not written by us, bytes. */
const maxLineBytes = 1024 * 1024;

/**
 * The last entries of the audit log in `dataFolder`, newest first. Reads from the end, because the log only grows and
 * people look at what was last. Lines that are no entries are left out here; `verifyAuditLog` is what names them.
 * @param before only entries with a lower number
 */
export async function readAuditLog(
  dataFolder: string,
  {limit, before = Number.POSITIVE_INFINITY}: {limit: number; before?: number},
): Promise<{entries: AuditEntry[]; more: boolean}> {
  const entries: AuditEntry[] = [];
  for await (const line of linesFromEnd(join(dataFolder, 'audit.ndjson'))) {
    const entry = parseEntry(line);
    if (entry === undefined || entry.seq >= before) continue;
    if (entries.length === limit) return {entries, more: true};
    entries.push(entry);
  }
  return {entries, more: false};
}

async function* linesFromEnd(path: string): AsyncGenerator<string> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    let position = (await file.stat()).size;
    let rest: Buffer = Buffer.alloc(0);
    while (position > 0) {
      const length = Math.min(blockBytes, position);
      position -= length;
      const block = Buffer.alloc(length);
      await file.read(block, 0, length, position);
      let text: Buffer = Buffer.concat([block, rest]);
      for (let end = text.lastIndexOf(0x0a); end >= 0; end = text.lastIndexOf(0x0a)) {
        yield text.toString('utf8', end + 1);
        text = text.subarray(0, end);
      }
      if (text.length > maxLineBytes) return;
      rest = text;
    }
    yield rest.toString('utf8');
  } finally {
    await file.close();
  }
}

function parseEntry(line: string): AuditEntry | undefined {
  if (line === '') return undefined;
  try {
    const {
      prev: _prev,
      hash: _hash,
      ...entry
    } = JSON.parse(line) as AuditEntry & {prev: string; hash: string};
    const kinds: readonly string[] = ['call', 'refusal', 'command'];
    return Number.isSafeInteger(entry.seq) && typeof entry.at === 'string' && kinds.includes(entry.kind)
      ? entry
      : undefined;
  } catch {
    return undefined;
  }
}
